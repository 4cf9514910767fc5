"""The matrices of the peers, assembled in plain numpy without any code of the engine."""

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
    def of(cls, permeability: np.ndarray, mask: np.ndarray) -> "SparseNetwork":
        """Connect the neighbours among the cells of a mask."""
        cells = np.flatnonzero(mask)
        index = np.full(mask.size, -1, np.int32)
        index[cells] = np.arange(cells.size, dtype=np.int32)
        index = index.reshape(mask.shape)
        rows, columns = mask.shape
        sources, targets, conductances = [], [], []
        for down, right in FORWARD:
            source = (slice(0, rows - down), slice(max(0, -right), columns - max(0, right)))
            target = (slice(down, rows), slice(max(0, right), columns - max(0, -right)))
            is_edge = mask[source] & mask[target]
            sources.append(index[source][is_edge])
            targets.append(index[target][is_edge])
            mean = (permeability[source][is_edge] + permeability[target][is_edge]) / 2
            conductances.append(mean / np.hypot(down, right))
        i, j, conductance = (np.concatenate(parts) for parts in (sources, targets, conductances))
        half = sp.coo_array((conductance, (i, j)), shape=(cells.size,) * 2).tocsr()
        return cls(sp.csr_array(half + half.T), cells)

    def vertices(self, cells: np.ndarray | int) -> np.ndarray:
        """Return the vertex numbers of cells given by flat raster index."""
        return np.searchsorted(self.cells, cells)

    def laplacian(self) -> sp.csr_array:
        """Return D − W, which is singular: constant vectors are its null space."""
        return sp.csr_array(sp.diags_array(self.adjacency.sum(1)) - self.adjacency)

    def grounded(self, vertex: int) -> tuple[sp.csc_array, np.ndarray]:
        """Return the Laplacian without one vertex, which is at 0 V, and the remaining vertices."""
        remaining = np.delete(np.arange(self.cells.size), vertex)
        return sp.csc_array(self.laplacian()[remaining][:, remaining]), remaining

    def hitting_system(self, theta: float, target: int) -> tuple[sp.csc_array, sp.csr_array]:
        """Return the system of randomized shortest paths to one target, I − W, and W ∘ C.

        W = P ∘ exp(−θ C), with P_ij ∝ conductance and C = 1 / conductance; the target is absorbing.
        """
        conductance = self.adjacency.tocoo()
        degree = self.adjacency.sum(1)
        row, column = conductance.coords
        cost = 1 / conductance.data
        weight = np.where(row == target, 0.0, conductance.data / degree[row] * np.exp(-theta * cost))
        shape = conductance.shape
        transitions = sp.coo_array((weight, (row, column)), shape=shape).tocsc()
        weighted_costs = sp.coo_array((weight * cost, (row, column)), shape=shape).tocsr()
        return sp.csc_array(sp.eye_array(shape[0], format="csc") - transitions), weighted_costs


def relative_residual(matrix: sp.csr_array, b: np.ndarray, x: np.ndarray) -> float:
    """Return the norm of b − A x relative to b's, both weighted by 1 / diagonal, as Permea's multigrid measures it."""
    weight = 1 / matrix.diagonal()
    residual = b - matrix @ x
    return float(np.sqrt((weight * residual**2).sum() / (weight * b**2).sum()))
