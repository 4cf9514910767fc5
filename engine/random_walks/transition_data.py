"""Conductances and costs of all transitions of a random walk, as flat arrays for the CPU kernels."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64

from ..linalg import PaddedShape, neighbour_offsets
from ..shortest_paths import stencil_offsets


class TransitionData(NamedTuple):
    """Conductances and costs of the transitions from every cell.

    The transition from cell i in direction d has index `edge_offsets[d] + i`, if i < `edge_ends[d]`. Where edges are
    undirected only the forward half is stored; a backward transition has the index of its edge, which belongs to the
    cell that it leads to, and the last cells have none.

    Attributes
    ----------
    shape
        Shape of the raster.
    conductances, costs
        Flat; 0 where there is no edge.
    edge_offsets, edge_ends
        See above.
    offsets
        Distance to the neighbour in each direction, in a padded array.
    directions
        Number of each direction in `QUEEN_OFFSETS`.
    """

    shape: PaddedShape
    conductances: Float64[np.ndarray, " edges"]
    costs: Float64[np.ndarray, " edges"]
    edge_offsets: Int64[np.ndarray, " directions"]
    edge_ends: Int64[np.ndarray, " directions"]
    offsets: Int64[np.ndarray, " directions"]
    directions: Int64[np.ndarray, " directions"]

    @classmethod
    def from_arrays(
        cls,
        conductances: Float[np.ndarray, "stored rows columns"],
        costs: Float[np.ndarray, "stored rows columns"],
        *,
        undirected: bool,
    ) -> "TransitionData":
        """Flatten rasters of edges.

        Parameters
        ----------
        conductances, costs
            Of all directions, or of the first half of them.
        undirected
            Whether only the first half is stored: conductance and cost are the same in both directions.
        """
        shape = PaddedShape(*conductances.shape[1:])
        size, stored = shape.rows * shape.columns, len(conductances)
        edge_offsets = stencil_offsets(conductances.shape, reverse=False, undirected=undirected).edge_offsets
        steps = neighbour_offsets(len(edge_offsets))
        backward = np.arange(len(edge_offsets)) >= stored
        flat_offsets = np.array([down * shape.columns + right for down, right in steps])
        return cls(
            shape,
            *(np.ascontiguousarray(array, float).ravel() for array in (conductances, costs)),
            edge_offsets,
            np.where(backward, size - flat_offsets, size),
            np.array([down * shape.width + right for down, right in steps]),
            np.arange(8) if len(steps) == 8 else np.array([1, 3, 4, 6]),
        )

    @property
    def n_cells(self) -> int:
        """Number of cells of the raster."""
        return self.shape.rows * self.shape.columns

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """Index of the first cell of each band of rows, and that after its last cell."""
        return [(first * self.shape.columns, last * self.shape.columns) for first, last in self.shape.bands]

    def padded_index(self, cell: int) -> int:
        """Return the index of a cell in a padded array."""
        return cell + self.shape.width + 1 + cell // self.shape.columns
