"""Many small windows of one landscape at once, and landscapes window by window."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from permea.engine import GridGraph, LCPDistance, ResistanceDistance
from permea.engine.solvers.multigrid import Multigrid
from permea.engine.windows import DaskCluster, Exponential, OneProcess, SensitivityAnalysis

from ..sites import Site, Windows
from ..stopwatch import Stopwatch


def least_cost(site: Site, watch: Stopwatch, **windows: int) -> dict:
    """Mean least cost from the centre of each window, with its gradient."""
    distance = LCPDistance()
    return _each(site, watch, lambda grid: distance(grid, [grid.nv // 2]).mean(), **windows)


def resistance(site: Site, watch: Stopwatch, **windows: int) -> dict:
    """Resistance between two corners of each window, with its gradient."""
    distance = ResistanceDistance(solver=Multigrid())
    return _each(site, watch, lambda grid: distance.pairs(grid, [0], [grid.nv - 1])[0], **windows)


def _each(
    site: Site, watch: Stopwatch, measure: Callable[[GridGraph], jax.Array], *, count: int, side: int, together: int
) -> dict:
    corners = np.random.default_rng(4).integers(0, site.side - side + 1, (count, 2))
    windows = jnp.stack([jnp.asarray(site.permeability[i : i + side, j : j + side]) for i, j in corners])
    everywhere = jnp.ones((side, side), bool)

    def one(permeability):
        return jax.value_and_grad(lambda p: measure(GridGraph(p, everywhere, side * side)))(permeability)

    job = jax.jit(lambda rasters: jax.lax.map(one, rasters, batch_size=together))
    values, _ = watch.time(lambda _: jax.block_until_ready(job(windows)), compiled=True)
    return {"values": values[:200], "windows_per_second": count / watch.report()["seconds"]}


DISTANCES = {"leastcost": LCPDistance, "resistance": ResistanceDistance}


def sensitivity(
    site: Site, watch: Stopwatch, *, distance: str, blocks: int = 0, coarsening: float = 0.2, workers: int = 0
) -> dict:
    """Sensitivity to permeability, window by window: in this process, or by workers of a cluster."""
    windows = Windows(site, coarsening)
    analysis = SensitivityAnalysis(
        quality=windows.quality,
        permeability=site.permeability,
        distance=DISTANCES[distance](),
        proximity=Exponential(windows.alpha),
        dependency_range=windows.reach,
        coarsening=coarsening,
        within_blocks=False,
        neighbors="rook",
    )
    dispatch = DaskCluster(workers=workers) if workers else OneProcess()
    found = watch.time(lambda _: analysis.run("permeability", dispatch=dispatch), compiled=True).raster
    place, inside = windows.sample(blocks) if blocks else (..., ...)
    return {"values": np.nan_to_num(found[place][inside]).ravel()[:1000]}
