"""Randomized shortest paths from every cell to one."""

import jax

from permea.engine import GridGraph, RSPDistance

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import raster, vertices


def expected_cost(site: BenchmarkLandscape, watch: Timer, *, theta: float, samples: int = 200) -> dict:
    """Expected cost from every cell to one."""
    distance, target, cells = RSPDistance(theta), vertices(site, site.centre), int(site.active.sum())
    job = jax.jit(lambda permeability, active: distance(GridGraph(permeability, active, cells), targets=target)[:, 0])
    cost = watch.time(lambda repetition: job(*raster(site, repetition)).block_until_ready(), compiled=True)
    return {"values": cost[vertices(site, site.sample(samples))]}
