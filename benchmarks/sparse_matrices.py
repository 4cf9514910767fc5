"""The matrices that the peers are given, assembled in plain numpy: nothing of the engine is in them."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

#: Half of the 8 directions: every edge once.
FORWARD = ((0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class SparseNetwork:
    """The conductances of a connected part of a landscape.

    Parameters
    ----------
    adjacency
        Conductance between two vertices: the mean of the two cells' permeability, divided by √2 along a diagonal.
    cells
        Flat raster index of every vertex.
    """

    adjacency: sp.csr_array
    cells: np.ndarray

    @classmethod
    def of(cls, permeability: np.ndarray, where: np.ndarray) -> "SparseNetwork":
        """Join the neighbours among some cells of a raster."""
        cells = np.flatnonzero(where)
        number = np.full(where.size, -1, np.int32)
        number[cells] = np.arange(cells.size, dtype=np.int32)
        number = number.reshape(where.shape)
        rows, columns = where.shape
        one, other, conductance = [], [], []
        for down, right in FORWARD:
            here = (slice(0, rows - down), slice(max(0, -right), columns - max(0, right)))
            there = (slice(down, rows), slice(max(0, right), columns - max(0, -right)))
            joined = where[here] & where[there]
            one.append(number[here][joined])
            other.append(number[there][joined])
            mean = (permeability[here][joined] + permeability[there][joined]) / 2
            conductance.append(mean / np.hypot(down, right))
        one, other, conductance = (np.concatenate(parts) for parts in (one, other, conductance))
        half = sp.coo_array((conductance, (one, other)), shape=(cells.size,) * 2).tocsr()
        return cls(sp.csr_array(half + half.T), cells)

    def number(self, cells: np.ndarray | int) -> np.ndarray:
        """Return the vertex numbers of cells given by flat raster index."""
        return np.searchsorted(self.cells, cells)

    def laplacian(self) -> sp.csr_array:
        """Return D − W; singular, the constant vector is its null space."""
        return sp.csr_array(sp.diags_array(self.adjacency.sum(1)) - self.adjacency)

    def grounded(self, vertex: int) -> tuple[sp.csc_array, np.ndarray]:
        """Return the Laplacian without one vertex, which is at 0 V, and the vertices that are left."""
        kept = np.delete(np.arange(self.cells.size), vertex)
        return sp.csc_array(self.laplacian()[kept][:, kept]), kept

    def arrival(self, theta: float, target: int) -> tuple[sp.csc_array, sp.csr_array]:
        """Return the system of randomized shortest paths to one target, I − W, and W ∘ C.

        W = P ∘ exp(−θ C), with P_ij ∝ conductance and C = 1 / conductance; nobody leaves the target.
        """
        conductance = self.adjacency.tocoo()
        out = self.adjacency.sum(1)
        row, column = conductance.coords
        cost = 1 / conductance.data
        weight = np.where(row == target, 0.0, conductance.data / out[row] * np.exp(-theta * cost))
        shape = conductance.shape
        walk = sp.coo_array((weight, (row, column)), shape=shape).tocsc()
        spent = sp.coo_array((weight * cost, (row, column)), shape=shape).tocsr()
        return sp.csc_array(sp.eye_array(shape[0], format="csc") - walk), spent


def relative_residual(matrix: sp.csr_array, b: np.ndarray, x: np.ndarray) -> float:
    """Return the norm of b − A x relative to b's, both weighted by 1 / diagonal, as Permea's multigrid measures it."""
    weight = 1 / matrix.diagonal()
    residual = b - matrix @ x
    return float(np.sqrt((weight * residual**2).sum() / (weight * b**2).sum()))
