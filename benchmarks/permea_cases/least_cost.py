"""Least cost from one cell to every other."""

import jax
import jax.numpy as jnp
import numpy as np

from permea.engine import GridGraph, LCPDistance

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import rasters, vertices


def least_cost(landscape: BenchmarkLandscape, timer: Timer, *, samples: int = 200) -> dict:
    """Least cost from one cell to every other, with the gradient of the sum over the largest component."""
    source = jnp.asarray(vertices(landscape, landscape.centre))
    component = jnp.asarray(vertices(landscape, np.flatnonzero(landscape.largest_component)))
    distance, n_vertices = LCPDistance(), int(landscape.active.sum())

    def total(permeability, active):
        grid = GridGraph(permeability, active, n_vertices, edge_rule="resistance")
        costs = distance(grid, source)[0]
        return costs[component].sum(), costs

    compute = jax.jit(jax.value_and_grad(total, has_aux=True))
    (total_cost, costs), _ = timer.time(
        lambda repetition: jax.block_until_ready(compute(*rasters(landscape, repetition))), compiled=True
    )
    return {"values": costs[vertices(landscape, landscape.sample(samples))], "total": float(total_cost)}
