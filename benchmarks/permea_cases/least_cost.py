"""Least cost from one cell to every other."""

import jax
import jax.numpy as jnp
import numpy as np

from permea.engine import GridGraph, LCPDistance

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import raster, vertices


def least_cost(site: BenchmarkLandscape, watch: Timer, *, samples: int = 200) -> dict:
    """Least cost from one cell to every other, with the gradient of the sum over the mainland's cells."""
    source = jnp.asarray(vertices(site, site.centre))
    mainland = jnp.asarray(vertices(site, np.flatnonzero(site.mainland)))
    distance, cells = LCPDistance(), int(site.active.sum())

    def total(permeability, active):
        grid = GridGraph(permeability, active, cells, edge_rule="resistance")
        costs = distance(grid, source)[0]
        return costs[mainland].sum(), costs

    job = jax.jit(jax.value_and_grad(total, has_aux=True))
    (total_cost, costs), _ = watch.time(lambda k: jax.block_until_ready(job(*raster(site, k))), compiled=True)
    return {"values": costs[vertices(site, site.sample(samples))], "total": float(total_cost)}
