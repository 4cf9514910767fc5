"""cholespy: a sparse Cholesky solver that bundles CHOLMOD."""

import cholespy
import numpy as np

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork, relative_residual
from ..timer import Timer


def pair(landscape: BenchmarkLandscape, timer: Timer) -> dict:
    """Resistance of one pair, the value alone."""
    network = SparseNetwork.of(landscape.permeability, landscape.largest_component)
    source, target = network.vertices(np.array(landscape.pair))
    matrix, remaining = network.grounded(target)
    b = (remaining == source).astype(float)[:, None]
    rows, columns, size = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.shape[0]

    def run(_: int) -> np.ndarray:
        with timer.part("factor"):
            solver = cholespy.CholeskySolverD(size, rows, columns, matrix.data, cholespy.MatrixType.CSC)
        x = np.zeros_like(b)
        with timer.part("solve"):
            solver.solve(b, x)
        return x

    x = timer.time(run, compiled=False)[:, 0]
    return {"values": [x @ b[:, 0]], "residual": relative_residual(matrix, b[:, 0], x)}
