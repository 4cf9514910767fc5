"""Many small windows of one landscape at once, and landscapes window by window."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np

from permea.engine import GridGraph, LCPDistance, ResistanceDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.distances.registry import distance_entry
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.moving_window.analysis import SensitivityAnalysis
from permea.engine.moving_window.dispatch.dask import SINGLE_THREAD_ENV, DaskExecutor
from permea.engine.storage.npy_raster import NpyRaster

from ..landscapes import ROOT, BenchmarkLandscape, MirroredRaster, WindowSetup
from ..timer import Timer


def least_cost(site: BenchmarkLandscape, watch: Timer, **windows: int) -> dict:
    """Mean least cost from the centre of each window, with its gradient."""
    distance = LCPDistance()
    return _each(site, watch, lambda grid: distance(grid, [grid.nv // 2]).mean(), **windows)


def resistance(site: BenchmarkLandscape, watch: Timer, **windows: int) -> dict:
    """Resistance between two corners of each window, with its gradient."""
    distance = ResistanceDistance(solver=Multigrid())
    return _each(site, watch, lambda grid: distance.pairs(grid, [0], [grid.nv - 1])[0], **windows)


def _each(
    site: BenchmarkLandscape,
    watch: Timer,
    measure: Callable[[GridGraph], jax.Array],
    *,
    count: int,
    side: int,
    together: int,
) -> dict:
    corners = np.random.default_rng(4).integers(0, site.side - side + 1, (count, 2))
    windows = jnp.stack([jnp.asarray(site.permeability[i : i + side, j : j + side]) for i, j in corners])
    everywhere = jnp.ones((side, side), bool)

    def one(permeability):
        return jax.value_and_grad(lambda p: measure(GridGraph(p, everywhere, side * side)))(permeability)

    job = jax.jit(lambda rasters: jax.lax.map(one, rasters, batch_size=together))
    values, _ = watch.time(lambda _: jax.block_until_ready(job(windows)), compiled=True)
    return {"values": values[:200], "windows_per_second": count / watch.report()["seconds"]}


def sensitivity(site: BenchmarkLandscape, watch: Timer, *, distance: str, blocks: int, coarsening: float = 0.2) -> dict:
    """Sensitivity to permeability, window by window, as JAXScape defines it."""
    windows = WindowSetup(site, coarsening)
    analysis = SensitivityAnalysis(
        quality=windows.quality,
        permeability=site.permeability,
        distance=distance_entry(distance).distance_class(),
        within_blocks=False,
        neighbors="rook",
        **_ranges(windows),
    )
    found = watch.time(lambda _: analysis.run("permeability"), compiled=True).raster
    place, inside = windows.sample(blocks)
    return {"values": np.nan_to_num(found[place][inside]).ravel()[:1000]}


def on_disk(site: BenchmarkLandscape, watch: Timer, *, coarsening: float, rows: int = 0) -> dict:
    """The same, least cost, from rasters on disk into one on disk; of the first rows only, the time that of all."""
    rows = min(rows or site.side, site.side)
    tile = BenchmarkLandscape(site.permeability.tile)
    windows = WindowSetup(tile, coarsening)
    # Not among the temporary files: those may be in memory.
    with TemporaryDirectory(dir=_build()) as folder:
        paths = {name: Path(folder, f"{name}.npy") for name in ("permeability", "quality", "sensitivity")}
        analysis = SensitivityAnalysis(
            permeability=_written(site.permeability, paths["permeability"], rows),
            quality=_written(MirroredRaster(windows.quality, site.side), paths["quality"], rows),
            distance=LCPDistance(),
            **_ranges(windows),
        )
        output = NpyRaster.create(paths["sensitivity"], (rows, site.side))
        found = watch.time(lambda _: analysis.run("permeability", output), compiled=False)
    watch.scale(site.side / rows)
    note = f"{found.windows + found.skipped:,} windows"
    return {"note": note if rows == site.side else f"extrapolated from {rows:,} rows, {note}"}


def cluster(site: BenchmarkLandscape, watch: Timer, *, workers: int, coarsening: float = 0.2) -> dict:
    """The same, least cost, by workers of a Dask cluster that is there already."""
    windows = WindowSetup(site, coarsening)
    analysis = SensitivityAnalysis(
        quality=windows.quality, permeability=site.permeability, distance=LCPDistance(), **_ranges(windows)
    )
    from distributed import LocalCluster  # not needed by the other programs, nor everywhere there

    with LocalCluster(n_workers=workers, threads_per_worker=1, env=SINGLE_THREAD_ENV, dashboard_address=None) as there:
        dispatch = DaskExecutor(there.scheduler_address)
        found = watch.time(lambda _: analysis.run("permeability", executor=dispatch), compiled=True)
    return {"values": [found.connectivity], "windows_per_second": found.windows / watch.report()["seconds"]}


def _ranges(windows: WindowSetup) -> dict:
    return {
        "proximity": ExponentialKernel(windows.alpha),
        "dependency_range": windows.reach,
        "coarsening": windows.coarsening,
    }


def _build() -> Path:
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder


def _written(raster: MirroredRaster, path: Path, rows: int) -> NpyRaster:
    """Write the first rows of a raster to the disk, never holding many."""
    file = NpyRaster.create(path, (rows, raster.side))
    for top in range(0, rows, 100):
        part = slice(top, min(top + 100, rows)), slice(0, raster.side)
        file[part] = raster[part]
    return file
