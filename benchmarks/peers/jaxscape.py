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
    # It knows no barriers, but zero is no edge.
    return jnp.where((source > 0) & (target > 0), (source + target) / 2, 0.0)


def least_cost(site: BenchmarkLandscape, watch: Timer) -> dict:
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


def windowed_sensitivity(site: BenchmarkLandscape, watch: Timer, *, distance: str, blocks: int, together: int) -> dict:
    """Sensitivity to permeability of a sample of the windows; the time is that of all of them.

    It gets a part of the landscape whose windows all lie inside: at the edge it would join cells to its padding. It
    also takes the one raster for the other where it differentiates by permeability, so it is given them exchanged.
    """
    windows = WindowSetup(site)
    place, values = windows.sample(blocks)
    analysis = SensitivityAnalysis(
        quality_raster=jnp.asarray(site.permeability[place]),
        permeability_raster=jnp.asarray(windows.quality[place]),
        distance=DISTANCES[distance](),
        proximity=lambda cost: jnp.exp(-cost / windows.alpha),
        dependency_range=windows.reach,
        coarsening_factor=windows.coarsening,
        batch_size=together,
    )
    # Resistance takes minutes a batch; that the first one is compiled is lost in them.
    compiled = distance == "leastcost"
    found = watch.time(
        lambda _: jax.block_until_ready(analysis.run("permeability", q_weighted=True)), compiled=compiled
    )
    watch.scale(windows.count / blocks**2)
    return {
        "values": found[values].ravel()[:1000],
        "note": f"extrapolated from {blocks**2} of {windows.count:,} windows",
    }
