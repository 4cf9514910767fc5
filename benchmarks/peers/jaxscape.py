"""JAXScape: least-cost distances by Bellman–Ford in JAX, with a gradient."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxscape import GridGraph, LCPDistance, ResistanceDistance, SensitivityAnalysis
from jaxscape.graph import QUEEN_CONTIGUITY

from ..landscapes import BenchmarkLandscape, WindowSetup
from ..timer import Timer

DISTANCES = {"leastcost": LCPDistance, "resistance": ResistanceDistance}


def _mean_without_barriers(source, target):
    # JAXScape has no barriers, but an edge of weight zero does not exist.
    return jnp.where((source > 0) & (target > 0), (source + target) / 2, 0.0)


def least_cost(landscape: BenchmarkLandscape, timer: Timer) -> dict:
    """Sum of the least costs from one cell to the largest component, with its gradient.

    JAXScape's diagonal steps are as long as the others, so its values differ from those of all other implementations.
    """
    source, component = jnp.array([landscape.centre]), jnp.array(np.flatnonzero(landscape.largest_component))
    distance = LCPDistance()

    @jax.jit
    @jax.value_and_grad
    def total(permeability):
        grid = GridGraph(permeability, fun=_mean_without_barriers, neighbors=QUEEN_CONTIGUITY)
        return distance(grid, sources=source)[0][component].sum()

    permeability = jnp.asarray(landscape.permeability)
    total_cost, _ = timer.time(lambda _: jax.block_until_ready(total(permeability)), compiled=True)
    return {"total": float(total_cost), "note": "its diagonals are as long as its other steps"}


def windowed_sensitivity(
    landscape: BenchmarkLandscape, timer: Timer, *, distance: str, blocks: int, batch_size: int
) -> dict:
    """Sensitivity to permeability of a sample of the windows; the time is extrapolated to all of them.

    The sample is a part of the landscape whose windows all lie inside, because at the edge JAXScape connects cells to
    its padding. JAXScape also exchanges the two rasters when it differentiates by permeability, so it receives them
    exchanged.
    """
    setup = WindowSetup(landscape)
    part, complete = setup.sample(blocks)
    analysis = SensitivityAnalysis(
        quality_raster=jnp.asarray(landscape.permeability[part]),
        permeability_raster=jnp.asarray(setup.quality[part]),
        distance=DISTANCES[distance](),
        proximity=lambda cost: jnp.exp(-cost / setup.alpha),
        dependency_range=setup.dependency_range,
        coarsening_factor=setup.coarsening,
        batch_size=batch_size,
    )
    # Resistance takes minutes a batch, in which the compilation of the first one is negligible.
    compiled = distance == "leastcost"
    result = timer.time(
        lambda _: jax.block_until_ready(analysis.run("permeability", q_weighted=True)), compiled=compiled
    )
    timer.scale(setup.count / blocks**2)
    return {
        "values": result[complete].ravel()[:1000],
        "note": f"extrapolated from {blocks**2} of {setup.count:,} windows",
    }
