"""Randomized shortest paths from every cell to one."""

import jax

from permea.engine import GridGraph, RSPDistance

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import rasters, vertices


def expected_cost(landscape: BenchmarkLandscape, timer: Timer, *, theta: float, samples: int = 200) -> dict:
    """Expected cost from every cell to one."""
    target, n_vertices = vertices(landscape, landscape.centre), int(landscape.active.sum())
    distance = RSPDistance(theta)
    compute = jax.jit(
        lambda permeability, active: distance(GridGraph(permeability, active, n_vertices), targets=target)[:, 0]
    )
    cost = timer.time(lambda repetition: compute(*rasters(landscape, repetition)).block_until_ready(), compiled=True)
    return {"values": cost[vertices(landscape, landscape.sample(samples))]}
