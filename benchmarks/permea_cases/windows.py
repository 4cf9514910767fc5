"""Many small windows of one landscape in one batch, and moving windows over landscapes of any size."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np

from permea.engine import GridGraph, LCPDistance, ResistanceDistance
from permea.engine.connectivity import ExponentialKernel
from permea.engine.distances import distance_entry
from permea.engine.linalg import Multigrid
from permea.engine.moving_window import DaskExecutor, SensitivityAnalysis
from permea.engine.moving_window.dispatch.dask import SINGLE_THREAD_ENV
from permea.engine.storage import NpyRaster

from ..landscapes import ROOT, BenchmarkLandscape, MirroredRaster, WindowSetup
from ..timer import Timer

#: Rows that are written to disk at a time.
ROWS_PER_STRIP = 100

#: Number of values that are compared with those of a peer.
COMPARED_VALUES = 1000


def least_cost(landscape: BenchmarkLandscape, timer: Timer, **windows: int) -> dict:
    """Mean least cost from the centre of each window, with its gradient."""
    distance = LCPDistance()
    return _compute_windows(landscape, timer, lambda grid: distance(grid, [grid.nv // 2]).mean(), **windows)


def resistance(landscape: BenchmarkLandscape, timer: Timer, **windows: int) -> dict:
    """Resistance between two corners of each window, with its gradient."""
    distance = ResistanceDistance(solver=Multigrid())
    return _compute_windows(landscape, timer, lambda grid: distance.pairs(grid, [0], [grid.nv - 1])[0], **windows)


def sensitivity(
    landscape: BenchmarkLandscape, timer: Timer, *, distance: str, blocks: int, coarsening: float = 0.2
) -> dict:
    """Sensitivity to permeability in moving windows, as JAXScape defines it."""
    setup = WindowSetup(landscape, coarsening)
    analysis = SensitivityAnalysis(
        quality=setup.quality,
        permeability=landscape.permeability,
        distance=distance_entry(distance).distance_class(),
        within_blocks=False,
        neighbors="rook",
        **_range_parameters(setup),
    )
    raster = timer.time(lambda _: analysis.run("permeability"), compiled=True).raster
    part, complete = setup.sample(blocks)
    return {"values": np.nan_to_num(raster[part][complete]).ravel()[:COMPARED_VALUES]}


def on_disk(landscape: BenchmarkLandscape, timer: Timer, *, coarsening: float, rows: int = 0) -> dict:
    """Sensitivity in moving windows for least cost, on disk; with `rows`, extrapolated from the first rows."""
    rows = min(rows or landscape.side, landscape.side)
    setup = WindowSetup(BenchmarkLandscape(landscape.permeability.tile), coarsening)
    # The system's temporary folder may be in memory.
    with TemporaryDirectory(dir=_build_folder()) as folder:
        paths = {name: Path(folder, f"{name}.npy") for name in ("permeability", "quality", "sensitivity")}
        analysis = SensitivityAnalysis(
            permeability=_write_rows(landscape.permeability, paths["permeability"], rows),
            quality=_write_rows(MirroredRaster(setup.quality, landscape.side), paths["quality"], rows),
            distance=LCPDistance(),
            **_range_parameters(setup),
        )
        output = NpyRaster.create(paths["sensitivity"], (rows, landscape.side))
        result = timer.time(lambda _: analysis.run("permeability", output), compiled=False)
    timer.scale(landscape.side / rows)
    note = f"{result.windows + result.skipped:,} windows"
    return {"note": note if rows == landscape.side else f"extrapolated from {rows:,} rows, {note}"}


def cluster(landscape: BenchmarkLandscape, timer: Timer, *, workers: int, coarsening: float = 0.2) -> dict:
    """Sensitivity in moving windows for least cost, on a Dask cluster that runs already."""
    setup = WindowSetup(landscape, coarsening)
    analysis = SensitivityAnalysis(
        quality=setup.quality, permeability=landscape.permeability, distance=LCPDistance(), **_range_parameters(setup)
    )
    from distributed import LocalCluster  # the other programs run without it

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, env=SINGLE_THREAD_ENV, dashboard_address=None
    ) as local_cluster:
        executor = DaskExecutor(local_cluster.scheduler_address)
        result = timer.time(lambda _: analysis.run("permeability", executor=executor), compiled=True)
    return {"values": [result.connectivity], "windows_per_second": result.windows / timer.report()["seconds"]}


def _compute_windows(
    landscape: BenchmarkLandscape,
    timer: Timer,
    measure: Callable[[GridGraph], jax.Array],
    *,
    count: int,
    side: int,
    batch_size: int,
) -> dict:
    corners = np.random.default_rng(4).integers(0, landscape.side - side + 1, (count, 2))
    windows = jnp.stack([jnp.asarray(landscape.permeability[i : i + side, j : j + side]) for i, j in corners])
    active = jnp.ones((side, side), bool)

    def value_and_gradient(permeability):
        return jax.value_and_grad(lambda p: measure(GridGraph(p, active, side * side)))(permeability)

    compute = jax.jit(lambda windows: jax.lax.map(value_and_gradient, windows, batch_size=batch_size))
    values, _ = timer.time(lambda _: jax.block_until_ready(compute(windows)), compiled=True)
    return {"values": values[:200], "windows_per_second": count / timer.report()["seconds"]}


def _range_parameters(setup: WindowSetup) -> dict:
    return {
        "proximity": ExponentialKernel(setup.alpha),
        "dependency_range": setup.dependency_range,
        "coarsening": setup.coarsening,
    }


def _build_folder() -> Path:
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder


def _write_rows(raster: MirroredRaster, path: Path, rows: int) -> NpyRaster:
    """Write the first rows of a raster to disk, strip by strip."""
    file = NpyRaster.create(path, (rows, raster.side))
    for top in range(0, rows, ROWS_PER_STRIP):
        strip = slice(top, min(top + ROWS_PER_STRIP, rows)), slice(0, raster.side)
        file[strip] = raster[strip]
    return file
