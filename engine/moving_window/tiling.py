"""Tiling: from a dependency range and a coarsening to windows, and from windows to batches."""

import math
from collections.abc import Sequence

import numpy as np

from .window_operation import Extent, WindowOperation

#: Cells of all windows of a batch together, if `batch` is not given: enough to outweigh the overhead of a call, few
#: enough for its arrays to fit into a few 100 MB. The CPU kernels need little memory for each window.
CPU_KERNEL_CELLS_PER_BATCH = 1 << 19
XLA_CELLS_PER_BATCH = 1 << 17

#: Largest number of windows in a batch; larger batches save no time.
MAX_WINDOWS_PER_BATCH = 1024

#: Decimals to which a block width is rounded before it is rounded up: 0.1 · 30 is slightly more than 3.
BLOCK_WIDTH_DECIMALS = 9


def windows_and_batches(
    shape: Sequence[int], dependency_range: Extent, coarsening: float | int, batch: int | None, cpu_kernels: bool
) -> tuple[WindowOperation, WindowOperation]:
    """Return the windows of an analysis and its batches, without the landscape.

    Examples
    --------
    >>> windows, batches = windows_and_batches((500, 500), 25, 0.2, 100, True)
    >>> windows.core, windows.window_shape, batches.core
    ((5, 5), (51, 51), (50, 50))
    """
    windows = windows_for_range(shape, dependency_range, coarsening)
    return windows, windows.grouped(batch_shape(windows, batch, cpu_kernels))


def windows_for_range(shape: Sequence[int], dependency_range: Extent, coarsening: float | int) -> WindowOperation:
    """Return windows that extend by the dependency range from the centres of their blocks.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    dependency_range
        In cells: one number, or rows and columns.
    coarsening
        Width of a block as a fraction of the range, 0 to 1; rounded up to an odd number of cells.

    Raises
    ------
    ValueError
        A negative or fractional range, a coarsening outside 0 to 1.
    """
    core, buffer = zip(
        *(_core_and_buffer(cells, coarsening) for cells in _validated_range(dependency_range)), strict=True
    )
    # A buffer from the first cell to the last covers the whole raster; a wider one would only add empty cells.
    return WindowOperation(shape, core, [min(cells, length - 1) for cells, length in zip(buffer, shape, strict=True)])


def batch_shape(windows: WindowOperation, batch: int | None, cpu_kernels: bool) -> tuple[int, int]:
    """Return the rows and columns of blocks that are computed together, roughly a square.

    Parameters
    ----------
    windows
        The windows of the analysis.
    batch
        Approximate number of windows; None to choose it from their size.
    cpu_kernels
        Whether the windows are computed by the compiled kernels for the CPU rather than by XLA.
    """
    if batch is None:
        cells = windows.window_shape[0] * windows.window_shape[1]
        limit = CPU_KERNEL_CELLS_PER_BATCH if cpu_kernels else XLA_CELLS_PER_BATCH
        batch = min(MAX_WINDOWS_PER_BATCH, max(1, limit // cells))
    if batch < 1:
        raise ValueError(f"batch must be 1 or more windows, not {batch}")
    columns = min(windows.layout[1], max(1, math.isqrt(batch)))
    rows = min(windows.layout[0], max(1, batch // columns))
    return rows, min(windows.layout[1], max(1, batch // rows))


def _validated_range(dependency_range: Extent) -> tuple[int, int]:
    """Return the range in rows and columns."""
    is_pair = isinstance(dependency_range, Sequence)
    pair = tuple(dependency_range) if is_pair else (dependency_range, dependency_range)
    if len(pair) != 2 or not all(isinstance(cells, (int, np.integer)) and cells >= 0 for cells in pair):
        raise ValueError(
            f"dependency_range must be a number of cells, 0 or more, or rows and columns, not {dependency_range!r}"
        )
    return int(pair[0]), int(pair[1])


def _core_and_buffer(dependency_range: int, coarsening: float | int) -> tuple[int, int]:
    """Return the width of a block and its buffer, which together extend by the range from the block's centre."""
    if not 0 <= coarsening <= 1:
        raise ValueError(f"coarsening must be between 0 and 1, not {coarsening!r}")
    width = math.ceil(round(dependency_range * coarsening, BLOCK_WIDTH_DECIMALS))
    width += width % 2 == 0
    return width, dependency_range - (width - 1) // 2
