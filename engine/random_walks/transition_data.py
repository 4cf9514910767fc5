"""What a walk is made from, on the host: the conductances and costs of all steps."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64

from ..linalg.padded import PaddedShape
from ..linalg.stencil_matrix import neighbour_offsets
from ..shortest_paths.dijkstra import stencil_offsets


class TransitionData(NamedTuple):
    """Conductances and costs: those of step d from a cell are at places[d] + cell if the cell is before ends[d].

    Parameters
    ----------
    frame
        The raster.
    conductances, costs
        In a row; 0 where there is no step.
    places, ends
        Steps that are not stored are the opposite ones, seen from the cell that they lead to. The last cells have none.
    offsets
        Where a step leads in a framed array.
    numbers
        Of the steps in `QUEEN`.
    """

    frame: PaddedShape
    conductances: Float64[np.ndarray, "steps"]
    costs: Float64[np.ndarray, "steps"]
    places: Int64[np.ndarray, "directions"]
    ends: Int64[np.ndarray, "directions"]
    offsets: Int64[np.ndarray, "directions"]
    numbers: Int64[np.ndarray, "directions"]

    @classmethod
    def of(
        cls,
        conductances: Float[np.ndarray, "stored rows columns"],
        costs: Float[np.ndarray, "stored rows columns"],
        *,
        undirected: bool,
    ) -> "TransitionData":
        """Describe how rasters of steps are laid out.

        Parameters
        ----------
        conductances, costs
            Of every step, or of the first half of the directions.
        undirected
            Whether only these are stored: a step is the same both ways.
        """
        frame = PaddedShape(*conductances.shape[1:])
        size, stored = frame.rows * frame.columns, len(conductances)
        places = stencil_offsets(conductances.shape, reverse=False, undirected=undirected).places
        steps = neighbour_offsets(len(places))
        backwards = np.arange(len(places)) >= stored
        reach = np.array([down * frame.columns + right for down, right in steps])
        return cls(
            frame,
            *(np.ascontiguousarray(array, float).ravel() for array in (conductances, costs)),
            places,
            np.where(backwards, size - reach, size),
            np.array([down * frame.width + right for down, right in steps]),
            np.arange(8) if len(steps) == 8 else np.array([1, 3, 4, 6]),
        )

    @property
    def cells(self) -> int:
        """How many cells the raster has."""
        return self.frame.rows * self.frame.columns

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The first cell of each band of rows and the one behind its last."""
        return [(first * self.frame.columns, last * self.frame.columns) for first, last in self.frame.bands]

    def place(self, cell: int) -> int:
        """Return where a cell is in a framed array."""
        return cell + self.frame.width + 1 + cell // self.frame.columns
