"""Landmarks: few targets that stand for many, each for the habitat of the block of cells around it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph.grid_graph import ArrayInput, GridGraph


@dataclass(frozen=True)
class Landmarks:
    """Cells that stand for blocks.

    Attributes
    ----------
    vertices
        Their numbers, block by block, row by row.
    quality
        The quality of all cells of a block in its landmark, 0 elsewhere: it sums up to what it was.
    """

    vertices: Int[np.ndarray, "landmarks"]
    quality: Float[np.ndarray, "rows columns"]


def landmarks(grid: GridGraph, quality: ArrayInput, width: int) -> Landmarks:
    """Concentrate the quality of each block of cells in one vertex, the nearest to the block's centre.

    The centre of a block of an even number of cells is the cell after its middle, as in ConScape; but where no
    vertex lies there the next one is taken and nothing is lost. Blocks at the lower and right edge may be cut off.

    Parameters
    ----------
    grid
        The landscape.
    quality
        Of targets, a raster, zero or more; what lies outside of the active cells does not count.
    width
        Of a block, in cells; with 1 every cell that has quality is a landmark.

    Raises
    ------
    ValueError
        A width below 1, or no cell that has quality.

    References
    ----------
    Van Moorter, B. et al. (2023). Accelerating advances in landscape connectivity modelling with the ConScape library.
    Methods in Ecology and Evolution 14, 133–145.

    Examples
    --------
    >>> found = landmarks(GridGraph(np.ones((3, 4))), np.ones((3, 4)), 3)
    >>> found.vertices, found.quality.sum(1)
    (array([5, 7]), array([ 0., 12.,  0.]))
    """
    if width < 1:
        raise ValueError(f"the width of a block must be one cell or more, not {width}")
    active = np.asarray(grid.active)
    values = np.where(active, np.asarray(quality, float), 0.0)
    frame = [(0, -length % width) for length in active.shape]
    centre, there = (_blocks(np.pad(raster, frame), width) for raster in (values, active))
    sums = centre.sum(1)
    chosen = np.flatnonzero(sums > 0)
    if not chosen.size:
        raise ValueError("no cell that can be reached has a quality above 0: there is nothing to go to")
    place = nearest_to_centre(there[chosen], (width, width))
    across = -(-grid.width // width)
    rows, columns = chosen // across * width + place // width, chosen % across * width + place % width
    result = np.zeros(grid.shape)
    result[rows, columns] = sums[chosen]
    numbers = np.cumsum(active.ravel()) - 1
    return Landmarks(numbers[rows * grid.width + columns], result)


def nearest_to_centre(active: Bool[np.ndarray, "blocks cells"], shape: tuple[int, int]) -> Int[np.ndarray, "blocks"]:
    """Return the active cell of each block of a shape that is nearest to its centre, the first of several row by row.

    Examples
    --------
    >>> nearest_to_centre(np.array([[True, True, True], [True, False, True]]), (1, 3))
    array([1, 0])
    """
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    away = (rows - shape[0] // 2) ** 2 + (columns - shape[1] // 2) ** 2
    return np.where(active, away, np.inf).argmin(1)


def _blocks(raster: np.ndarray, width: int) -> np.ndarray:
    rows, columns = raster.shape
    cut = raster.reshape(rows // width, width, columns // width, width).swapaxes(1, 2)
    return cut.reshape(-1, width * width)
