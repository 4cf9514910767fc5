"""PyAMG: conjugate gradients preconditioned by algebraic multigrid, smoothed aggregation or Ruge–Stüben."""

import numpy as np
import pyamg

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork, relative_residual
from ..timer import Timer

SOLVERS = {"aggregation": pyamg.smoothed_aggregation_solver, "ruge-stuben": pyamg.ruge_stuben_solver}


def pair(landscape: BenchmarkLandscape, timer: Timer, *, kind: str, tolerance: float = 1e-8) -> dict:
    """Resistance of one pair, the value alone; the hierarchy is set up anew in each run."""
    network = SparseNetwork.of(landscape.permeability, landscape.largest_component)
    source, target = network.vertices(np.array(landscape.pair))
    matrix, remaining = network.grounded(target)
    matrix = matrix.tocsr()
    b = (remaining == source).astype(float)

    def run(_: int) -> tuple[np.ndarray, list]:
        with timer.part("set-up"):
            hierarchy = SOLVERS[kind](matrix)
        residuals = []
        with timer.part("solve"):
            x = hierarchy.solve(b, tol=tolerance, maxiter=300, accel="cg", residuals=residuals)
        return x, residuals

    x, residuals = timer.time(run, compiled=False)
    residual = relative_residual(matrix, b, x)
    return {"values": [x @ b], "iterations": len(residuals) - 1, "residual": residual}
