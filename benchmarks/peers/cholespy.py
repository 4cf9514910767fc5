"""cholespy: a sparse Cholesky solver that carries its own CHOLMOD."""

import cholespy
import numpy as np

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork, relative_residual
from ..timer import Timer


def pair(site: BenchmarkLandscape, watch: Timer) -> dict:
    """Resistance of one pair, the value alone."""
    network = SparseNetwork.of(site.permeability, site.mainland)
    source, target = network.number(np.array(site.pair))
    matrix, kept = network.grounded(target)
    b = (kept == source).astype(float)[:, None]
    rows, columns, size = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.shape[0]

    def run(_: int) -> np.ndarray:
        with watch.part("factor"):
            solver = cholespy.CholeskySolverD(size, rows, columns, matrix.data, cholespy.MatrixType.CSC)
        x = np.zeros_like(b)
        with watch.part("solve"):
            solver.solve(b, x)
        return x

    x = watch.time(run, compiled=False)[:, 0]
    return {"values": [x @ b[:, 0]], "residual": relative_residual(matrix, b[:, 0], x)}
