"""The levels of a hierarchy that are too small to share among cores, end to end in a few arrays."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ...padded import PaddedShape

Flat = Float[np.ndarray, "_"]


class PackedLevels(NamedTuple):
    """Levels of one band each, the finest first, as `cycle_loops.visit_small` takes them.

    Parameters
    ----------
    shape
        Of each level: rows, columns, and where its conductances, its weights and its vectors begin. Vectors of several
        right-hand sides begin that many times as far on.
    forward
        Conductances to the east, southwest, south and southeast, each level's behind room for what lies before it.
    inverse
        Reciprocals of the diagonals.
    shares
        Weights of the next coarser level's cells.
    coarsest
        Inverse of the last level's operator.
    """

    shape: Int[np.ndarray, "levels 5"]
    forward: tuple[Flat, ...]
    inverse: Flat
    shares: tuple[Flat, ...]
    coarsest: Float[np.ndarray, "n n"]

    @classmethod
    def of(cls, levels: list, coarsest: Float[np.ndarray, "n n"]) -> "PackedLevels":
        """Put levels end to end.

        Parameters
        ----------
        levels
            As in `host_cycle.Hierarchy`, the last one included.
        coarsest
            As there.
        """
        frames: list[PaddedShape] = [level.frame for level in levels]
        sizes = np.array([frame.size for frame in frames])
        leads = np.array([frame.width + 1 for frame in frames])
        vectors = np.cumsum(sizes) - sizes
        network = np.cumsum(leads + sizes) - sizes
        # The weights of a level are framed like the next one, so they begin where that one's vectors would.
        weights = np.append(vectors[1:], vectors[-1] + sizes[-1]) - sizes[0]
        precision = levels[0].inverse.dtype
        forward = tuple(np.zeros((leads + sizes).sum(), precision) for _ in range(4))
        for level, start, size in zip(levels, network, sizes, strict=True):
            for array, k in zip(forward, level.k[4:], strict=True):
                array[start : start + size] = k
        inverse = np.concatenate([level.inverse for level in levels])
        shares = tuple(
            np.concatenate([np.zeros(0, precision), *(level.shares[n] for level in levels[:-1])]) for n in range(8)
        )
        rasters = np.array([(frame.rows, frame.columns) for frame in frames])
        shape = np.column_stack([rasters, network, weights, vectors])
        return cls(shape, forward, inverse, shares, coarsest.astype(precision))

    def room(self, sides: int) -> tuple[Float[np.ndarray, "4 _"], Float[np.ndarray, "2 sides size"]]:
        """Return zeros for so many right-hand sides: as `visit_small` takes them, and the first level's b and x."""
        frames = [PaddedShape(rows, columns) for rows, columns in self.shape[:, :2].tolist()]
        vectors = np.zeros((4, sides * sum(frame.size for frame in frames)), self.inverse.dtype)
        first = vectors[:2, : sides * frames[0].size].reshape(2, sides, -1)
        return vectors, first
