"""The order of cells in which a walk approaches its end, on every raster of a hierarchy."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32

from ...parallel.numba_jit import parallel_starmap
from ..padded import PaddedShape
from .coarsening_kernels import UNORDERED, coarsen_ordering

#: A raster of at most so many cells is solved with a dense matrix.
COARSEST = 100


#: Rasters of so many cells are relaxed in two halves at once.
HALVED = 1 << 17


class Ordering(NamedTuple):
    """Cells by how near they are to the end of a walk.

    Parameters
    ----------
    frame
        The raster.
    rank
        Framed; `UNORDERED` where there is no vertex.
    order
        Framed places, the nearest first.
    """

    frame: PaddedShape
    rank: Int32[np.ndarray, "_"]
    order: Int32[np.ndarray, "_"]

    def halves(self) -> list[tuple[int, Int32[np.ndarray, "_"]]]:
        """Cut the raster through the row of the nearest cell, if it is large; most paths stay on one side of that.

        Returns
        -------
        list
            For each part the place that is the first that it can see, and the order of its cells, counted from there.
        """
        if self.frame.rows * self.frame.columns < HALVED or not self.order.size:
            return [(0, self.order)]
        nearest = int(self.order[0]) // self.frame.width - 1
        row = min(max(nearest, self.frame.rows // 4), 3 * self.frame.rows // 4)
        first = self.order < (row + 1) * self.frame.width
        start = row * self.frame.width
        return [(0, self.order[first]), (start, self.order[~first] - np.int32(start))]


def orderings_on_all_levels(rank: Int32[np.ndarray, "rows columns"]) -> list[Ordering]:
    """Rank the cells of ever coarser rasters.

    Parameters
    ----------
    rank
        Of every cell of the finest, all different from 0 on; `UNORDERED` where there is no vertex.
    """
    frame = PaddedShape(*rank.shape)
    framed = np.full(frame.size, UNORDERED, np.int32)
    frame.inside(framed)[:] = rank
    some = np.flatnonzero(framed < UNORDERED)
    order = np.empty(some.size, np.int32)
    order[framed[some]] = some
    result = [Ordering(frame, framed, order)]
    while frame.rows * frame.columns > COARSEST:
        coarse = frame.coarser
        thinned = np.full(coarse.size, UNORDERED, np.int32)
        bands = [(first // 2, (last + 1) // 2) for first, last in frame.bands]
        given = (framed, frame.rows, frame.width, thinned, coarse.width)
        parallel_starmap(coarsen_ordering, [(*given, *band) for band in bands])
        frame, framed = coarse, thinned
        order = np.argsort(framed).astype(np.int32)
        result.append(Ordering(frame, framed, order[: np.searchsorted(framed[order], UNORDERED)]))
    return result
