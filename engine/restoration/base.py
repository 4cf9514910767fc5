"""Exact gains from restoration as a result type, and the permeability of restored cells."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..counts import count_of
from ..graph import LARGEST_VALUE, SMALLEST_VALUE, ArrayInput, GridGraph


@dataclass(frozen=True)
class RestorationGain:
    """Gain from restoring each cell alone, or the disc around it, to a given permeability.

    Attributes
    ----------
    gain
        Decrease of the mean distance over the pairs that are already connected; infinite where restoration connects
        focal nodes that no path connects, NaN in cells that cannot be restored.
    n_newly_connected
        Number of unordered pairs that restoration would connect.
    pairs
        Number of unordered pairs that are already connected.
    """

    gain: Float[np.ndarray, "rows columns"]
    n_newly_connected: Int[np.ndarray, "rows columns"]
    pairs: int


def restored_permeability(
    grid: GridGraph, permeability: ArrayInput, restorable: Bool[np.ndarray, "rows columns"] | None
) -> tuple[Float[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]:
    """Return the permeability of each cell once restored, and which cells are candidates for restoration.

    Parameters
    ----------
    grid
        The landscape.
    permeability
        Permeability of restored cells, above zero: one number, or a raster. Cells with a higher one keep it.
    restorable
        The cells that can be restored, which may be inactive; by default the active cells.

    Raises
    ------
    ValueError
        A permeability that is not a positive number; a raster of another shape.

    Examples
    --------
    >>> restored_permeability(GridGraph(np.array([[1.0, 3.0, 0.0]])), 2.0, np.array([[True, True, True]]))[0]
    array([[2., 3., 2.]])
    """
    restored = np.asarray(permeability, dtype=float)
    active = np.asarray(grid.active)
    candidates = active if restorable is None else np.asarray(restorable, dtype=bool)
    for name, values in (("restored permeability", restored), ("restorable", candidates)):
        if values.ndim and values.shape != grid.shape:
            raise ValueError(f"{name} has the shape {values.shape}, the landscape {grid.shape}")
    for invalid, requirement in (
        (~(np.isfinite(restored) & (restored > 0)), "be a positive number"),
        (
            ~((restored >= SMALLEST_VALUE) & (restored <= LARGEST_VALUE)),
            f"lie between {SMALLEST_VALUE:g} and {LARGEST_VALUE:g}",
        ),
    ):
        if invalid.any():
            raise ValueError(
                f"the permeability of a restored cell must {requirement}, not {restored[invalid][0]:g}"
                + (f" as in {count_of(invalid.sum(), 'cell')}" if restored.ndim else "")
            )
    current = np.where(active, np.asarray(grid.permeability), 0.0)
    return np.maximum(current, restored), candidates
