"""The order of cells in which a walk approaches its end, on every raster of a hierarchy."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32

from ...compiled import on_all_cores
from ..multigrid.framed import Frame
from .thinning import NOWHERE, thin_ranks

#: A raster of at most so many cells is solved with a dense matrix.
COARSEST = 100


#: Rasters of so many cells are relaxed in two halves at once.
HALVED = 1 << 17


class Ranks(NamedTuple):
    """Cells by how near they are to the end of a walk.

    Parameters
    ----------
    frame
        The raster.
    rank
        Framed; `NOWHERE` where there is no vertex.
    order
        Framed places, the nearest first.
    """

    frame: Frame
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


def ranks_on_all_rasters(rank: Int32[np.ndarray, "rows columns"]) -> list[Ranks]:
    """Rank the cells of ever coarser rasters.

    Parameters
    ----------
    rank
        Of every cell of the finest, all different from 0 on; `NOWHERE` where there is no vertex.
    """
    frame = Frame(*rank.shape)
    framed = np.full(frame.size, NOWHERE, np.int32)
    frame.inside(framed)[:] = rank
    some = np.flatnonzero(framed < NOWHERE)
    order = np.empty(some.size, np.int32)
    order[framed[some]] = some
    result = [Ranks(frame, framed, order)]
    while frame.rows * frame.columns > COARSEST:
        coarse = frame.coarser
        thinned = np.full(coarse.size, NOWHERE, np.int32)
        bands = [(first // 2, (last + 1) // 2) for first, last in frame.bands]
        given = (framed, frame.rows, frame.width, thinned, coarse.width)
        on_all_cores(thin_ranks, [(*given, *band) for band in bands])
        frame, framed = coarse, thinned
        order = np.argsort(framed).astype(np.int32)
        result.append(Ranks(frame, framed, order[: np.searchsorted(framed[order], NOWHERE)]))
    return result
