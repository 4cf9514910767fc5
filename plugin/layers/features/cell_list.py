"""The cells of a line or polygon, as arrays: a list of millions of pairs of numbers would take a hundred bytes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

# Cells that exist as tuples at a time.
CELLS_AT_ONCE = 4096


class CellList(Sequence):
    """Cells of a feature: a sequence of rows and columns, None for those outside the raster.

    Parameters
    ----------
    cells
        int (k, 2): row and column of each.
    inside
        bool (k,): whether it lies in the raster.

    Examples
    --------
    >>> cells = CellList(np.array([[0, 1], [0, -1]]), np.array([True, False]))
    >>> list(cells), cells.inside_cells().tolist()
    ([(0, 1), None], [[0, 1]])
    """

    def __init__(self, cells: np.ndarray, inside: np.ndarray) -> None:
        self._cells, self.inside = cells.astype(np.int32), inside

    @classmethod
    def of(cls, cells: Sequence[tuple[int, int] | None]) -> CellList:
        """Return any sequence of cells as such a list."""
        if isinstance(cells, cls):
            return cells
        array = np.array([(-1, -1) if cell is None else cell for cell in cells], np.int32).reshape(-1, 2)
        return cls(array, np.array([cell is not None for cell in cells], bool))

    def inside_cells(self) -> np.ndarray:
        """Return the cells in the raster, int32 (n, 2), in their order."""
        return self._cells[self.inside]

    def differing(self, other: CellList) -> int:
        """Return how many cells only one of the two lists has; all cells outside the raster count as one."""
        # A row and a column of 32 bits each, compared as one number of 64 bits.
        keys = [np.ascontiguousarray(each.inside_cells()).view(np.int64).ravel() for each in (self, other)]
        return len(np.setxor1d(*keys)) + int(self.inside.all() != other.inside.all())

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, index: int) -> tuple[int, int] | None:
        return tuple(self._cells[index].tolist()) if self.inside[index] else None

    def __iter__(self) -> Iterator[tuple[int, int] | None]:
        for first in range(0, len(self), CELLS_AT_ONCE):
            part = slice(first, first + CELLS_AT_ONCE)
            for cell, is_inside in zip(self._cells[part].tolist(), self.inside[part].tolist()):
                yield tuple(cell) if is_inside else None
