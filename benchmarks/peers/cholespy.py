"""cholespy: a sparse Cholesky solver that carries its own CHOLMOD."""

import cholespy
import numpy as np

from ..networks import Network, relative_residual
from ..sites import Site
from ..stopwatch import Stopwatch


def pair(site: Site, watch: Stopwatch) -> dict:
    """Resistance of one pair, the value alone."""
    network = Network.of(site.permeability, site.mainland)
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
