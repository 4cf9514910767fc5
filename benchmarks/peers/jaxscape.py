"""JAXScape: least-cost distances by Bellman–Ford in JAX, with a gradient."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxscape import GridGraph, LCPDistance
from jaxscape.graph import QUEEN_CONTIGUITY

from ..sites import Site
from ..stopwatch import Stopwatch


def _mean_without_barriers(source, target):
    # It knows no barriers, but zero is no edge.
    return jnp.where((source > 0) & (target > 0), (source + target) / 2, 0.0)


def least_cost(site: Site, watch: Stopwatch) -> dict:
    """Sum of the least costs from one cell to the mainland's cells, with its gradient.

    Its diagonal steps are as long as the others, so its values are others than everybody else's.
    """
    source, others = jnp.array([site.centre]), jnp.array(np.flatnonzero(site.mainland))
    distance = LCPDistance()

    @jax.jit
    @jax.value_and_grad
    def total(permeability):
        grid = GridGraph(permeability, fun=_mean_without_barriers, neighbors=QUEEN_CONTIGUITY)
        return distance(grid, sources=source)[0][others].sum()

    permeability = jnp.asarray(site.permeability)
    total_cost, _ = watch.time(lambda _: jax.block_until_ready(total(permeability)), compiled=True)
    return {"total": float(total_cost), "note": "its diagonals are as long as its other steps"}
