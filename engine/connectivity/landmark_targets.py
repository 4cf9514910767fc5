"""Landmarks: targets that represent the habitat of blocks of cells (Van Moorter et al. 2023)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph import ArrayInput, GridGraph
from .habitat_quality import validate_quality


@dataclass(frozen=True)
class Landmarks:
    """Vertices that represent blocks of cells.

    Attributes
    ----------
    vertices
        Vertex numbers of the landmarks, block by block in row-major order.
    quality
        Raster with the summed quality of each block at its landmark and 0 elsewhere; its total is that of the quality.
    """

    vertices: Int[np.ndarray, "landmarks"]
    quality: Float[np.ndarray, "rows columns"]


def landmarks(grid: GridGraph, quality: ArrayInput, width: int) -> Landmarks:
    """Concentrate the quality of each block of cells at the vertex nearest to the block's centre.

    The centre of a block of even width is the cell after its middle, as in ConScape; where that cell is not a vertex,
    the nearest vertex takes its place, so that no quality is lost. Blocks at the lower and right edge may be smaller.

    Parameters
    ----------
    grid
        The landscape.
    quality
        Raster of the habitat quality of targets, zero or more; ignored in inactive cells.
    width
        Width of a block, in cells; with 1 every cell with quality is a landmark.

    Raises
    ------
    ValueError
        A width below 1; quality that is negative, NaN or infinite in an active cell; no active cell with quality.

    References
    ----------
    Van Moorter, B. et al. (2023). Accelerating advances in landscape connectivity modelling with the ConScape library.
    Methods in Ecology and Evolution 14, 133–145.

    Examples
    --------
    >>> targets = landmarks(GridGraph(np.ones((3, 4))), np.ones((3, 4)), 3)
    >>> targets.vertices, targets.quality.sum(1)
    (array([5, 7]), array([ 0., 12.,  0.]))
    """
    if width < 1:
        raise ValueError(f"the width of a block must be one cell or more, not {width}")
    # Wider blocks have the same cells, and their centre in the same corner.
    width = min(width, 2 * max(grid.shape))
    active = np.asarray(grid.active)
    values = validate_quality(grid, quality)
    padding = [(0, -length % width) for length in active.shape]
    quality_blocks, active_blocks = (_blocks(np.pad(raster, padding), width) for raster in (values, active))
    block_quality = quality_blocks.sum(1)
    selected = np.flatnonzero(block_quality > 0)
    if not selected.size:
        raise ValueError("no active cell has a quality above 0: there is no habitat to reach")
    centre = nearest_to_centre(active_blocks[selected], (width, width))
    blocks_across = -(-grid.width // width)
    rows = selected // blocks_across * width + centre // width
    columns = selected % blocks_across * width + centre % width
    concentrated = np.zeros(grid.shape)
    concentrated[rows, columns] = block_quality[selected]
    vertex_numbers = np.cumsum(active.ravel()) - 1
    return Landmarks(vertex_numbers[rows * grid.width + columns], concentrated)


def nearest_to_centre(active: Bool[np.ndarray, "blocks cells"], shape: tuple[int, int]) -> Int[np.ndarray, " blocks"]:
    """Return the flat index of the active cell nearest to the centre of each block, the first of several.

    Examples
    --------
    >>> nearest_to_centre(np.array([[True, True, True], [True, False, True]]), (1, 3))
    array([1, 0])
    """
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    squared_distance = (rows - shape[0] // 2) ** 2 + (columns - shape[1] // 2) ** 2
    return np.where(active, squared_distance, np.inf).argmin(1)


def _blocks(raster: np.ndarray, width: int) -> np.ndarray:
    """Return the cells of each block of a raster, in rows of one array."""
    rows, columns = raster.shape
    blocks = raster.reshape(rows // width, width, columns // width, width).swapaxes(1, 2)
    return blocks.reshape(-1, width * width)
