"""Validation of habitat quality, of the targets that have it, and of the number of targets at a time."""

import numpy as np
from jaxtyping import Float, Int

from ..counts import count_of
from ..graph import LARGEST_VALUE, ArrayInput, GridGraph


def validate_quality(grid: GridGraph, quality: ArrayInput | None) -> Float[np.ndarray, "rows columns"]:
    """Return habitat quality as an array that is 0 in inactive cells; 1 in all active cells by default.

    Raises
    ------
    ValueError
        Its shape is not that of the landscape, or it is negative, NaN, infinite or above 1e100 in an active cell.

    Examples
    --------
    >>> validate_quality(GridGraph(np.array([[1.0, 0.0]])), [[0.5, np.nan]])
    array([[0.5, 0. ]])
    """
    active = np.asarray(grid.active)
    values = np.ones(grid.shape) if quality is None else np.asarray(quality, dtype=float)
    if values.shape != grid.shape:
        raise ValueError(f"quality has {values.shape} cells, the landscape {grid.shape}")
    for name, invalid in (
        ("negative, missing or infinite", ~((values >= 0) & (values < np.inf))),
        (f"above {LARGEST_VALUE:g}", (values > LARGEST_VALUE) & (values < np.inf)),
    ):
        if (invalid & active).any():
            row, column = np.argwhere(invalid & active)[0]
            raise ValueError(
                f"quality is {name} in {count_of((invalid & active).sum(), 'active cell')}, the first at row {row}, "
                f"column {column} ({values[row, column]}); it must be zero to {LARGEST_VALUE:g}"
            )
    return np.where(active, values, 0.0)


def validate_targets(
    grid: GridGraph, quality: ArrayInput | None, target_quality: ArrayInput | None, targets: ArrayInput | None
) -> tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, " targets"], Int[np.ndarray, " targets"]]:
    """Return the quality of sources as a raster, the quality of the targets, and their vertex numbers.

    Parameters
    ----------
    grid
        The landscape.
    quality
        Raster of the quality of sources; 1 everywhere by default.
    target_quality
        Raster of the quality of targets; that of sources by default.
    targets
        Vertex numbers, or rows and columns; by default every vertex with target quality.

    Raises
    ------
    ValueError
        Invalid quality or vertices; no target with quality.

    Examples
    --------
    >>> quality, target_quality, targets = validate_targets(GridGraph(np.ones((1, 3))), None, [[0.0, 2.0, 1.0]], None)
    >>> quality, target_quality, targets
    (array([[1., 1., 1.]]), array([2., 1.]), array([1, 2]))
    """
    quality = validate_quality(grid, quality)
    raster = quality if target_quality is None else validate_quality(grid, target_quality)
    values = raster[np.asarray(grid.active)]
    vertices = np.flatnonzero(values > 0) if targets is None else np.asarray(grid.vertex_indices(targets, "targets"))
    if not (values[vertices] > 0).any():
        subject = "active cell" if targets is None else "target"
        raise ValueError(f"no {subject} has a quality above 0: there is no habitat to reach")
    return quality, values[vertices], vertices


def validate_batch(batch: int, n_targets: int) -> int:
    """Return the number of targets at a time, at most all of them.

    Raises
    ------
    ValueError
        It is below 1.

    Examples
    --------
    >>> validate_batch(8, 3)
    3
    """
    if batch < 1:
        raise ValueError(f"batch must be 1 or more targets, not {batch}")
    return min(batch, n_targets)
