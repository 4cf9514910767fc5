"""Rasters as flat arrays with zero padding, for kernels that go from cell to cell.

Cell (i, j) of m × n cells is at (i + 1) · width + j + 1, with width = n + 1: a row of zeros before the first and after
the last row, and a column of zeros before each row, which is also the right neighbour of the last cell of the row
above. So the neighbours of a cell are at constant offsets, and outside the raster every value is 0 without a test.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped
from numpy.typing import DTypeLike

#: Rows are smoothed in bands of this many, independently of each other. Bands do not depend on the number of cores, so
#: neither do the results. An even number: a band starts with a row of the coarser raster.
ROWS_PER_BAND = 256


class PaddedShape(NamedTuple):
    """The shape of a raster that is stored as a padded flat array.

    Parameters
    ----------
    rows, columns
        Shape of the raster.
    """

    rows: int
    columns: int

    @property
    def width(self) -> int:
        """Distance in the flat array between vertically adjacent cells."""
        return self.columns + 1

    @property
    def size(self) -> int:
        """Length of the flat array, with the neighbours of the last cells."""
        return (self.rows + 2) * self.width + 2

    @property
    def coarser(self) -> "PaddedShape":
        """Shape of the raster of every other cell of every other row, the first ones included."""
        return PaddedShape((self.rows + 1) // 2, (self.columns + 1) // 2)

    @property
    def bands(self) -> list[tuple[int, int]]:
        """First row of each band, and the row after its last."""
        return [(first, min(first + ROWS_PER_BAND, self.rows)) for first in range(0, self.rows, ROWS_PER_BAND)]

    @property
    def coarse_bands(self) -> list[tuple[int, int]]:
        """First row of the coarser raster in each band, and the row after its last."""
        return [(first // 2, (last + 1) // 2) for first, last in self.bands]

    def inside(self, flat: Shaped[np.ndarray, "*batch size"]) -> Shaped[np.ndarray, "*batch rows columns"]:
        """Return a view of the raster in a flat array.

        Examples
        --------
        >>> PaddedShape(1, 2).inside(np.arange(11.0))
        array([[4., 5.]])
        """
        with_padding = flat[..., : (self.rows + 2) * self.width]
        return with_padding.reshape(*flat.shape[:-1], self.rows + 2, self.width)[..., 1:-1, 1:]


def all_directions(
    forward: tuple[np.ndarray, ...], shape: PaddedShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return views of the conductances in all 8 directions, in the order of `QUEEN_OFFSETS`.

    Parameters
    ----------
    forward
        Conductances to the east, southwest, south and southeast, in arrays of `forward_arrays`.
    shape
        Shape of the raster.
    """
    east, southwest, south, southeast = forward
    backward_views = ((southeast, shape.width + 1), (south, shape.width), (southwest, shape.width - 1), (east, 1))
    forward_views = ((east, 0), (southwest, 0), (south, 0), (southeast, 0))
    lead = shape.width + 1
    return tuple(
        array[lead - offset : lead - offset + shape.size] for array, offset in (*backward_views, *forward_views)
    )


def forward_arrays(shape: PaddedShape, precision: DTypeLike) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return four arrays of zeros with space in front for the views of `all_directions`, and their padded parts."""
    lead = shape.width + 1
    arrays = tuple(np.zeros(lead + shape.size, precision) for _ in range(4))
    return arrays, tuple(array[lead:] for array in arrays)
