"""Rasters as flat arrays with a frame of zeros, for loops that go from cell to cell.

Cell (i, j) of m × n cells is at (i + 1) · width + j + 1, width = n + 1: a row of zeros before and behind all, a column
of zeros before each row, which is what the last cell of the row above sees to its right. The neighbours of a cell lie
at fixed distances, and what is beyond the rim is 0 and needs no question.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped
from numpy.typing import DTypeLike

#: Rows are relaxed in bands of so many, which do not wait for each other. Where bands begin does not depend on how many
#: cores there are, so neither do the results. An even number: a band begins with a row that the coarser raster has.
ROWS_PER_BLOCK = 256


class PaddedShape(NamedTuple):
    """The shape of a raster, as a flat array with a frame.

    Parameters
    ----------
    rows, columns
        Of the raster.
    """

    rows: int
    columns: int

    @property
    def width(self) -> int:
        """Distance in the flat array between cells above each other."""
        return self.columns + 1

    @property
    def size(self) -> int:
        """Length of the flat array; the last cells' neighbours are in it, too."""
        return (self.rows + 2) * self.width + 2

    @property
    def coarser(self) -> "PaddedShape":
        """The raster of every other cell of every other row, the first ones included."""
        return PaddedShape((self.rows + 1) // 2, (self.columns + 1) // 2)

    @property
    def bands(self) -> list[tuple[int, int]]:
        """The first row of each band and the row behind its last."""
        return [(first, min(first + ROWS_PER_BLOCK, self.rows)) for first in range(0, self.rows, ROWS_PER_BLOCK)]

    def inside(self, flat: Shaped[np.ndarray, "*batch size"]) -> Shaped[np.ndarray, "*batch rows columns"]:
        """Return the raster in a flat array; a view of it.

        Examples
        --------
        >>> PaddedShape(1, 2).inside(np.arange(11.0))
        array([[4., 5.]])
        """
        whole = flat[..., : (self.rows + 2) * self.width].reshape(*flat.shape[:-1], self.rows + 2, self.width)
        return whole[..., 1:-1, 1:]


def all_directions(
    forward: tuple[np.ndarray, ...], frame: PaddedShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the conductances of a network in all 8 directions, in the order of `QUEEN`, as views of those forward.

    Parameters
    ----------
    forward
        To the east, southwest, south and southeast, as `forward_arrays` makes them.
    frame
        Their raster.
    """
    east, southwest, south, southeast = forward
    behind = ((southeast, frame.width + 1), (south, frame.width), (southwest, frame.width - 1), (east, 1))
    ahead = ((east, 0), (southwest, 0), (south, 0), (southeast, 0))
    lead = frame.width + 1
    return tuple(array[lead - back : lead - back + frame.size] for array, back in (*behind, *ahead))


def forward_arrays(frame: PaddedShape, precision: DTypeLike) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Make four arrays of zeros, long enough for views that begin before the frame; return them and their frames."""
    lead = frame.width + 1
    arrays = tuple(np.zeros(lead + frame.size, precision) for _ in range(4))
    return arrays, tuple(array[lead:] for array in arrays)
