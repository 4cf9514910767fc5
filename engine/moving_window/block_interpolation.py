"""Interpolation of accessible habitat between the centres of blocks, so that no squares show on the map."""

import numpy as np

from ..storage import RasterLike
from .window_operation import WindowOperation


def interpolate_blocks(contributions: RasterLike, quality: RasterLike, windows: WindowOperation) -> None:
    """Interpolate the accessible habitat, which all cells of a block share, linearly between the centres of blocks.

    The contribution of a cell is its quality times the habitat accessible from its block. That habitat is interpolated
    bilinearly and scaled so that the contributions keep their sum, which is the connectivity of the landscape.

    Parameters
    ----------
    contributions
        Contribution of each cell, NaN where there is none, in memory or on disk; changed in place.
    quality
        Habitat quality.
    windows
        The windows, whose cores are the blocks.

    Examples
    --------
    >>> contributions = np.array([[1.0, 1.0, 1.0, 4.0, 4.0, 4.0]])
    >>> interpolate_blocks(contributions, np.ones((1, 6)), WindowOperation((1, 6), core=(1, 3)))
    >>> contributions.tolist()
    [[1.0, 1.0, 2.0, 3.0, 4.0, 4.0]]
    """
    if windows.core == (1, 1):
        return
    habitat = np.stack([_block_habitat(*each, windows.core[1]) for each in _bands(contributions, quality, windows)])
    columns = _weights(windows.shape[1], windows.core[1], windows.layout[1])
    rows = _weights(windows.shape[0], windows.core[0], windows.layout[0])
    before = after = 0.0
    for number, (values, cells) in enumerate(_bands(contributions, quality, windows)):
        band = slice(number * windows.core[0], number * windows.core[0] + len(values))
        smooth = cells * _interpolated(habitat, tuple(each[band] for each in rows), columns)
        before, after = before + np.nansum(values), after + smooth.sum()
        contributions[band, :] = np.where(np.isnan(values), np.nan, smooth)
    if after > 0:
        for number, (values, _) in enumerate(_bands(contributions, quality, windows)):
            band = slice(number * windows.core[0], number * windows.core[0] + len(values))
            contributions[band, :] = values * (before / after)


def _bands(contributions, quality, windows):
    """Yield contributions and quality of each row of blocks; the quality of cells without a contribution is 0."""
    for first in range(0, windows.shape[0], windows.core[0]):
        band = slice(first, first + windows.core[0]), slice(None)
        values, cells = np.array(contributions[band], float), np.array(quality[band], float)
        yield values, np.where(np.isnan(values) | np.isnan(cells), 0.0, cells)


def _sums(cells: np.ndarray, width: int) -> np.ndarray:
    """Return the sum of each block of a row of blocks."""
    return np.add.reduceat(cells.sum(0), np.arange(0, cells.shape[1], width))


def _block_habitat(values: np.ndarray, quality: np.ndarray, width: int) -> np.ndarray:
    """Return the habitat accessible from each block of a row of blocks; NaN where a block has no quality."""
    total, total_quality = _sums(np.nan_to_num(values), width), _sums(quality, width)
    return np.divide(total, total_quality, out=np.full_like(total, np.nan), where=total_quality > 0)


def _weights(size: int, width: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two blocks whose centres are nearest to each row or column, and the weight of the second."""
    position = np.clip((np.arange(size) - (width - 1) / 2) / width, 0, count - 1)
    first = np.floor(position).astype(int)
    return first, np.minimum(first + 1, count - 1), position - first


def _interpolated(habitat: np.ndarray, rows: tuple, columns: tuple) -> np.ndarray:
    """Return bilinear values from the blocks that have any; 0 where none has."""
    total = weight = 0.0
    for blocks_down, down in ((rows[0], 1 - rows[2]), (rows[1], rows[2])):
        for blocks_across, across in ((columns[0], 1 - columns[2]), (columns[1], columns[2])):
            values = habitat[blocks_down[:, None], blocks_across]
            known = np.where(np.isnan(values), 0.0, down[:, None] * across)
            total, weight = total + known * np.nan_to_num(values), weight + known
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
