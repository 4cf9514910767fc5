"""Landscapes without an accurate solution because their values span too many orders of magnitude."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

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

# Number of exponents in double precision, and the exponent of 1 as it is stored.
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
    if "conductances" in task.arrays:
        conductances = np.asarray(task.arrays["conductances"], np.float64)
        gap = _widest_gap([conductances])
        message = _network_message(task, conductances, *gap) if gap else ""
    elif "landscape" in task.arrays:
        gap = _widest_gap(values for _, values in _blocks(task))
        message = _message(task, *gap) if gap else ""
    else:
        message = ""
    return InvalidInput(message, [*error.details, str(error)]) if message else error


def _widest_gap(blocks: Iterable[np.ndarray]) -> tuple[float, bool] | None:
    """Return the limit of the values that are likely to be wrong, and whether they lie above it; None if none are.

    They are the smaller group of the two that the widest gap without any value separates.
    """
    counts = np.zeros(EXPONENTS, np.int64)
    for values in blocks:
        exponents = (values[values > 0].view(np.uint64) >> np.uint64(52)).astype(np.intp)
        counts += np.bincount(exponents, minlength=EXPONENTS)
    occupied = np.flatnonzero(counts)
    if occupied.size < 2 or occupied[-1] - occupied[0] < math.log2(LARGE_RATIO):
        return None
    gap = int(np.argmax(np.diff(occupied)))
    limit = 2.0 ** float(occupied[gap + 1] - EXPONENT_OF_ONE)
    return limit, bool(counts[occupied[gap + 1 :]].sum() <= counts.sum() / 2)


def _blocks(task: Task) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the values of blocks of the landscape; 0 where a cell is nodata or a barrier."""
    landscape, valid = task.arrays["landscape"], task.arrays.get("valid")
    for first in range(0, landscape.shape[0], ROWS):
        values = np.array(landscape[first : first + ROWS], np.float64)
        usable = np.isfinite(values) & (values > 0)
        if valid is not None:
            usable &= np.asarray(valid[first : first + ROWS], bool)
        yield first, np.where(usable, values, 0.0)


def _network_message(task: Task, conductances: np.ndarray, limit: float, above: bool) -> str:
    far = conductances >= limit if above else (conductances > 0) & (conductances < limit)
    first = int(np.argmax(far))
    ends = np.asarray(task.arrays["edges"])[first]
    ids = ends if task.node_ids is None else task.node_ids[ends]
    positive = conductances[conductances > 0]
    text = tr(
        "'{network}': the conductances of the edges range from {smallest} to {largest}, and no accurate solution can "
        "be computed. Far {above} the others: {count:# edge|# edges}, the first between the nodes {one} and {other} "
        "({value}). Correct these values. Where an edge hardly resists, make its two nodes one; where it hardly "
        "conducts, leave it out. Values between 1 and 1,000,000 can always be computed."
    )
    return text.format(
        network=task.landscape_name,
        smallest=exact(positive.min()),
        largest=exact(positive.max()),
        above=tr("above") if above else tr("below"),
        count=int(np.count_nonzero(far)),
        one=ids[0],
        other=ids[1],
        value=exact(conductances[first]),
    )


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
