"""Error of moving windows by their dependency range and by coarsening: the tables in docs/methods.md.

`python -m benchmarks.window_accuracy` computes quality-weighted connectivity and its sensitivity on a landscape of
lognormal permeability, and prints both tables. The reference of the first table is windows as large as the raster; that
of the second, windows of the same range without coarsening.
"""

import numpy as np

from permea.engine.connectivity import ExponentialKernel
from permea.engine.distances import LCPDistance
from permea.engine.moving_window import ConnectivityAnalysis, SensitivityAnalysis

SIDE = 100
#: The dispersal distance in mean step costs, and the dependency ranges in dispersal distances.
ALPHA_STEPS = 3
RANGES = (1, 2, 3, 5, 7, 10)
COARSENINGS = (0.1, 0.3, 0.5)
RANGE_OF_COARSENINGS = 5


def main() -> None:
    """Print both tables."""
    rng = np.random.default_rng(0)
    permeability = np.exp(rng.normal(0, 0.5, (SIDE, SIDE)))
    quality = rng.uniform(0, 1, (SIDE, SIDE))
    alpha = ALPHA_STEPS * float(np.mean(1 / permeability))
    options = {
        "quality": quality,
        "permeability": permeability,
        "distance": LCPDistance(),
        "proximity": ExponentialKernel(alpha),
    }

    def results(extent: int, coarsening: float) -> tuple[float, np.ndarray, np.ndarray, int]:
        where = {"dependency_range": extent, "coarsening": coarsening}
        habitat = ConnectivityAnalysis(**options, **where).run()
        gradient = SensitivityAnalysis(**options, **where).run()
        return habitat.connectivity, np.asarray(habitat.raster), np.asarray(gradient.raster), habitat.windows

    def errors(extent: int, coarsening: float, reference: tuple) -> str:
        total, habitat, gradient, _ = reference
        c, h, g, windows = results(extent, coarsening)
        cell = np.abs(h - habitat).max() / habitat.max()
        derivative = np.abs(g - gradient).max() / np.abs(gradient).max()
        return f"{(c - total) / total:+.1e} | {cell:.1e} | {derivative:.1e} | {windows:,} |"

    header = "relative error of C | largest error of a cell's habitat | largest error of its sensitivity | windows |"
    whole = results(SIDE, 0)
    print(f"| range R | in cells | {header}\n|---|---|---|---|---|---|")
    for factor in RANGES:
        extent = factor * ALPHA_STEPS
        print(f"| {factor} α | {extent} | {errors(extent, 0, whole)}")
    print(f"\n| coarsening | block, cells | {header}\n|---|---|---|---|---|---|")
    extent = RANGE_OF_COARSENINGS * ALPHA_STEPS
    exact = results(extent, 0)
    for coarsening in COARSENINGS:
        block = ConnectivityAnalysis(**options, dependency_range=extent, coarsening=coarsening).windows.core[0]
        print(f"| {coarsening} | {block} × {block} | {errors(extent, coarsening, exact)}")


if __name__ == "__main__":
    main()
