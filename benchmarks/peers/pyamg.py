"""PyAMG: conjugate gradients with algebraic multigrid, of smoothed aggregation or Ruge–Stüben."""

import numpy as np
import pyamg

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork, relative_residual
from ..timer import Timer

SOLVERS = {"aggregation": pyamg.smoothed_aggregation_solver, "ruge-stuben": pyamg.ruge_stuben_solver}


def pair(site: BenchmarkLandscape, watch: Timer, *, kind: str, tolerance: float = 1e-8) -> dict:
    """Resistance of one pair, the value alone; the hierarchy is made anew each time."""
    network = SparseNetwork.of(site.permeability, site.mainland)
    source, target = network.number(np.array(site.pair))
    matrix, kept = network.grounded(target)
    matrix = matrix.tocsr()
    b = (kept == source).astype(float)

    def run(_: int) -> tuple[np.ndarray, list]:
        with watch.part("set-up"):
            hierarchy = SOLVERS[kind](matrix)
        residuals = []
        with watch.part("solve"):
            x = hierarchy.solve(b, tol=tolerance, maxiter=300, accel="cg", residuals=residuals)
        return x, residuals

    x, residuals = watch.time(run, compiled=False)
    residual = relative_residual(matrix, b, x)
    return {"values": [x @ b], "iterations": len(residuals) - 1, "residual": residual}
