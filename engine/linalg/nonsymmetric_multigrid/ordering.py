"""Downstream ordering of the cells, from the target outwards, on every level of a hierarchy."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32

from ...parallel import parallel_starmap
from ..padded import PaddedShape
from .coarsening_kernels import UNORDERED, coarsen_ordering

#: The coarsest level has at most this number of cells; its operator is inverted as a dense matrix.
MAX_COARSE_CELLS = 100

#: Levels of at least this number of cells are relaxed as two blocks in parallel.
SPLIT_CELLS = 1 << 17


class Ordering(NamedTuple):
    """An ordering of the cells of one level.

    Parameters
    ----------
    shape
        Shape of the level.
    position
        Position of each cell in the ordering, padded; `UNORDERED` where the cell is not a vertex.
    order
        Padded indices of the cells, the one nearest to the target first.
    """

    shape: PaddedShape
    position: Int32[np.ndarray, " padded"]
    order: Int32[np.ndarray, " n"]

    def blocks(self) -> list[tuple[int, Int32[np.ndarray, " _"]]]:
        """Split a large raster at the row of the cell nearest to the target, as most paths stay on one side of it.

        Returns
        -------
        list
            For each block: the padded index of the first entry that it reads, in the row above its first, and the
            ordering of its cells, as indices counted from there.
        """
        if self.shape.rows * self.shape.columns < SPLIT_CELLS or not self.order.size:
            return [(0, self.order)]
        first_row = int(self.order[0]) // self.shape.width - 1
        row = min(max(first_row, self.shape.rows // 4), 3 * self.shape.rows // 4)
        above = self.order < (row + 1) * self.shape.width
        start = row * self.shape.width
        return [(0, self.order[above]), (start, self.order[~above] - np.int32(start))]


def orderings_on_all_levels(position: Int32[np.ndarray, "rows columns"]) -> list[Ordering]:
    """Coarsen an ordering level by level, the finest first.

    Parameters
    ----------
    position
        Position of each cell of the finest level: 0, 1, … without repetition; `UNORDERED` where the cell is not a
        vertex.
    """
    shape = PaddedShape(*position.shape)
    padded = np.full(shape.size, UNORDERED, np.int32)
    shape.inside(padded)[:] = position
    cells = np.flatnonzero(padded < UNORDERED)
    order = np.empty(cells.size, np.int32)
    order[padded[cells]] = cells
    orderings = [Ordering(shape, padded, order)]
    while shape.rows * shape.columns > MAX_COARSE_CELLS:
        coarse = shape.coarser
        coarse_padded = np.full(coarse.size, UNORDERED, np.int32)
        args = (padded, shape.rows, shape.width, coarse_padded, coarse.width)
        parallel_starmap(coarsen_ordering, [(*args, *band) for band in shape.coarse_bands])
        shape, padded = coarse, coarse_padded
        order = np.argsort(padded).astype(np.int32)
        orderings.append(Ordering(shape, padded, order[: np.searchsorted(padded[order], UNORDERED)]))
    return orderings
