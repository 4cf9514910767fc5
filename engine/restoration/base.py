"""A cell that alone is raised to a given permeability: what all kinds of gain have in common."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph.grid_graph import ArrayInput, GridGraph


@dataclass(frozen=True)
class RestorationGain:
    """What is gained when a cell alone is raised to a given permeability.

    Parameters
    ----------
    gain
        By how much the mean distance of the pairs that can reach each other already falls; infinite where the cell
        would join focal nodes that no way joins, NaN where it is not told.
    joined
        How many (unordered) pairs it would join that no way joins yet.
    pairs
        How many (unordered) pairs can reach each other already.
    """

    gain: Float[np.ndarray, "rows columns"]
    joined: Int[np.ndarray, "rows columns"]
    pairs: int


def restored_permeability(
    grid: GridGraph, restored: ArrayInput, restorable: Bool[np.ndarray, "rows columns"] | None
) -> tuple[Float[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]:
    """Return the permeability that each cell would have, and which cells are looked at.

    Parameters
    ----------
    grid
        The landscape.
    restored
        Permeability of a restored cell, above zero: one number, or one for each cell. Cells that have more keep it.
    restorable
        Which cells could be restored, also such that are not active; by default those that are active.

    Raises
    ------
    ValueError
        A permeability that is not a positive number; a raster of another shape.

    Examples
    --------
    >>> restored_permeability(GridGraph(np.array([[1.0, 3.0, 0.0]])), 2.0, np.array([[True, True, True]]))[0]
    array([[2., 3., 2.]])
    """
    target = np.asarray(restored, dtype=float)
    active = np.asarray(grid.active)
    looked_at = active if restorable is None else np.asarray(restorable, dtype=bool)
    for name, values in (("restored", target), ("restorable", looked_at)):
        if values.ndim and values.shape != grid.shape:
            raise ValueError(f"{name} has {values.shape} cells, the landscape {grid.shape}")
    wrong = ~(np.isfinite(target) & (target > 0))
    if wrong.any():
        raise ValueError(
            f"the permeability of a restored cell must be a positive number, not {target[wrong][0]:g}"
            + (f" as in {wrong.sum()} cells" if target.ndim else "")
        )
    own = np.where(active, np.asarray(grid.permeability), 0.0)
    return np.maximum(own, target), looked_at
