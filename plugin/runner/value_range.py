"""Landscapes without an accurate solution because their values span too many orders of magnitude."""

from __future__ import annotations

import numpy as np

from ..i18n import tr
from ..layers import declare_nodata_advice, exact, format_cells
from .errors import InvalidInput, Unsolved
from .task import Task

# Ratio of the largest to the smallest value from which the range of the values, rather than anything else, is to blame:
# rounding errors grow with it, and are 1e-16 at first.
LARGE_RATIO = 1e9

# Rows read at a time.
ROWS = 256

# Exponents of numbers in double precision, as stored; the exponent of 1.
EXPONENTS, EXPONENT_OF_ONE = 2048, 1023


def explain_unsolved(error: Unsolved, task: Task) -> Unsolved | InvalidInput:
    """Return the error for a task without an accurate solution: one that names the values if they are the cause.

    Parameters
    ----------
    error
        The engine's error.
    task
        The task, whose landscape is examined if it has one.
    """
    if "landscape" not in task.arrays:
        return error
    cells = np.zeros(EXPONENTS, np.int64)
    for _, values in _blocks(task):
        exponents = (values[values > 0].view(np.uint64) >> np.uint64(52)).astype(np.intp)
        cells += np.bincount(exponents, minlength=EXPONENTS)
    occupied = np.flatnonzero(cells)
    if occupied.size < 2 or 2.0 ** float(occupied[-1] - occupied[0]) < LARGE_RATIO:
        return error
    # The widest gap without any value separates what is likely to be wrong, the fewer cells, from the rest.
    gap = int(np.argmax(np.diff(occupied)))
    limit = 2.0 ** float(occupied[gap + 1] - EXPONENT_OF_ONE)
    above = cells[occupied[gap + 1 :]].sum() <= cells.sum() / 2
    return InvalidInput(_message(task, limit, above), [*error.details, str(error)])


def _blocks(task: Task):
    """Yield the rows of the landscape, with 0 where a cell is nodata or a barrier, and the number of the first one."""
    landscape, valid = task.arrays["landscape"], task.arrays.get("valid")
    for first in range(0, landscape.shape[0], ROWS):
        values = np.array(landscape[first : first + ROWS], np.float64)
        usable = np.isfinite(values) & (values > 0)
        if valid is not None:
            usable &= np.asarray(valid[first : first + ROWS], bool)
        yield first, np.where(usable, values, 0.0)


def _message(task: Task, limit: float, above: bool) -> str:
    smallest, largest, count, place = np.inf, 0.0, 0, None
    for first, values in _blocks(task):
        positive = values[values > 0]
        smallest = min(smallest, float(positive.min(initial=np.inf)))
        largest = max(largest, float(positive.max(initial=0.0)))
        far = values >= limit if above else (values > 0) & (values < limit)
        if place is None and far.any():
            row, column = np.unravel_index(int(np.argmax(far)), far.shape)
            place = {"row": first + int(row) + 1, "column": int(column) + 1, "value": exact(values[row, column])}
        count += int(np.count_nonzero(far))
    text = tr(
        "{layer}: the values range from {smallest} to {largest}, and no accurate solution can be computed. Far {above} "
        "the others: {cells}, the first at row {row}, column {column} ({value}). {advice} Otherwise limit the values "
        "with the raster calculator: a range of 1 to 1,000,000 can always be computed."
    )
    return text.format(
        layer=f"'{task.landscape_name}'" if task.landscape_name else tr("The landscape"),
        smallest=exact(smallest),
        largest=exact(largest),
        cells=format_cells(count),
        above=tr("above") if above else tr("below"),
        advice=declare_nodata_advice(),
        **(place or {}),
    )
