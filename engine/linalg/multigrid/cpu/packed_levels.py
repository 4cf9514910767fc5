"""The levels of a hierarchy that are too small for several threads, packed end to end in a few arrays."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ...padded import PaddedShape

Flat = Float[np.ndarray, "_"]


class PackedLevels(NamedTuple):
    """Levels of one band each, the finest first, as `cycle_packed_levels` takes them.

    Parameters
    ----------
    layout
        For each level: rows, columns, and the offsets of its conductances, interpolation weights and vectors. The
        offset of the vectors of k right-hand sides is k times as large.
    forward
        Conductances to the east, southwest, south and southeast, with zeros in front of each level.
    inverse_diagonal
        Reciprocals of the diagonals.
    interpolation
        Interpolation weights from the next coarser level, see `galerkin_kernels`.
    coarsest_inverse
        Inverse of the coarsest operator.
    """

    layout: Int[np.ndarray, "levels 5"]
    forward: tuple[Flat, ...]
    inverse_diagonal: Flat
    interpolation: tuple[Flat, ...]
    coarsest_inverse: Float[np.ndarray, "n n"]

    @classmethod
    def from_levels(cls, levels: list, coarsest_inverse: Float[np.ndarray, "n n"]) -> "PackedLevels":
        """Pack levels.

        Parameters
        ----------
        levels
            As in `w_cycle.Hierarchy`, the coarsest included.
        coarsest_inverse
            As in `w_cycle.Hierarchy`.
        """
        shapes: list[PaddedShape] = [level.shape for level in levels]
        sizes = np.array([shape.size for shape in shapes])
        leads = np.array([shape.width + 1 for shape in shapes])
        vector_starts = np.cumsum(sizes) - sizes
        conductance_starts = np.cumsum(leads + sizes) - sizes
        # The weights of a level are padded like the next level, so their offsets are those of its vectors.
        weight_starts = np.append(vector_starts[1:], vector_starts[-1] + sizes[-1]) - sizes[0]
        precision = levels[0].inverse_diagonal.dtype
        forward = tuple(np.zeros((leads + sizes).sum(), precision) for _ in range(4))
        for level, start, size in zip(levels, conductance_starts, sizes, strict=True):
            for array, conductances in zip(forward, level.conductances[4:], strict=True):
                array[start : start + size] = conductances
        inverse_diagonal = np.concatenate([level.inverse_diagonal for level in levels])
        interpolation = tuple(
            np.concatenate([np.zeros(0, precision), *(level.interpolation[n] for level in levels[:-1])])
            for n in range(8)
        )
        extents = np.array([(shape.rows, shape.columns) for shape in shapes])
        layout = np.column_stack([extents, conductance_starts, weight_starts, vector_starts])
        return cls(layout, forward, inverse_diagonal, interpolation, coarsest_inverse.astype(precision))

    def allocate(self, n_rhs: int) -> tuple[Float[np.ndarray, "4 _"], Float[np.ndarray, "2 k size"]]:
        """Return vectors of zeros for `cycle_packed_levels`, and the first level's b and x in them."""
        shapes = [PaddedShape(rows, columns) for rows, columns in self.layout[:, :2].tolist()]
        vectors = np.zeros((4, n_rhs * sum(shape.size for shape in shapes)), self.inverse_diagonal.dtype)
        first = vectors[:2, : n_rhs * shapes[0].size].reshape(2, n_rhs, -1)
        return vectors, first
