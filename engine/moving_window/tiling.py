"""How a dependency range and a coarsening cut a raster into windows, and the windows into batches."""

import math
from collections.abc import Sequence

import numpy as np

from .window_operation import Extent, WindowOperation

#: Cells of all windows of a batch together, where the engine chooses how many: enough for a call to be worth its while,
#: few enough for its arrays to fit into a few 100 MB. Loops on the processor keep little of a window.
CELLS_ON_HOST = 1 << 19
CELLS_ON_DEVICE = 1 << 17

#: The most windows of a batch; more save nothing.
MOST_WINDOWS = 1024


def windows_for(
    shape: Sequence[int], dependency_range: Extent, coarsening: float | int, batch: int | None, on_host: bool
) -> tuple[WindowOperation, WindowOperation]:
    """Return the windows of an analysis and its batches, without the landscape.

    Examples
    --------
    >>> windows, tiles = windows_for((500, 500), 25, 0.2, 100, True)
    >>> windows.core, windows.window_shape, tiles.core
    ((5, 5), (51, 51), (50, 50))
    """
    windows = windows_of_range(shape, dependency_range, coarsening)
    return windows, windows.grouped(tile_of_blocks(windows, batch, on_host))


def _ranges(given: Extent) -> tuple[int, int]:
    pair = tuple(given) if isinstance(given, Sequence) else (given, given)
    if len(pair) != 2 or not all(isinstance(cells, (int, np.integer)) and cells >= 0 for cells in pair):
        raise ValueError(f"dependency_range must be a number of cells, 0 or more, or rows and columns, not {given!r}")
    return int(pair[0]), int(pair[1])


def _block(reach: int, coarsening: float | int) -> tuple[int, int]:
    """Return how wide a block is, and its buffer: together they reach so far from the block's centre."""
    if not 0 <= coarsening <= 1:
        raise ValueError(f"coarsening must be between 0 and 1, not {coarsening!r}")
    # 0.1 · 30 is a little more than 3.
    wide = math.ceil(round(reach * coarsening, 9))
    wide += wide % 2 == 0
    return wide, reach - (wide - 1) // 2


def windows_of_range(shape: Sequence[int], dependency_range: Extent, coarsening: float | int) -> WindowOperation:
    """Return windows that reach as far as a range from the centres of their blocks.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    dependency_range
        In cells: one number, or rows and columns.
    coarsening
        How wide a block is, as a part of the range; rounded up to an odd number of cells.

    Raises
    ------
    ValueError
        A range or a coarsening that is none.
    """
    core, buffer = zip(*(_block(reach, coarsening) for reach in _ranges(dependency_range)), strict=True)
    # A buffer that reaches from the first cell to the last holds everything; more would hold nothing.
    return WindowOperation(shape, core, [min(wide, length - 1) for wide, length in zip(buffer, shape, strict=True)])


def tile_of_blocks(windows: WindowOperation, batch: int | None, on_host: bool) -> tuple[int, int]:
    """Return how many blocks are computed together, below each other and side by side: about a square."""
    if batch is None:
        cells = windows.window_shape[0] * windows.window_shape[1]
        batch = min(MOST_WINDOWS, max(1, (CELLS_ON_HOST if on_host else CELLS_ON_DEVICE) // cells))
    if batch < 1:
        raise ValueError(f"batch must be 1 or more windows, not {batch}")
    columns = min(windows.layout[1], max(1, math.isqrt(batch)))
    rows = min(windows.layout[0], max(1, batch // columns))
    return rows, min(windows.layout[1], max(1, batch // rows))
