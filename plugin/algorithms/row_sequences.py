"""Rows of a table, made one by one: the rows of millions of pairs do not fit in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np


class RowSequence(Sequence):
    """A sequence whose items are made while it is iterated.

    Parameters
    ----------
    length
        Number of items.
    iterate
        Returns a new iterator over all of them.

    Examples
    --------
    >>> squares = RowSequence(3, lambda: (n * n for n in range(3)))
    >>> len(squares), list(squares), squares[2]
    (3, [0, 1, 4], 4)
    """

    def __init__(self, length: int, iterate: Callable[[], Iterator[Any]]) -> None:
        self._length, self._iterate = length, iterate

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return self._iterate()

    def __getitem__(self, index: int) -> Any:
        return next(islice(self._iterate(), range(self._length)[index], None))


def computed_rows(
    rows: Sequence[Sequence[Any]], with_progress: Callable[[Sequence], Iterable[Sequence[Any]]] = iter
) -> RowSequence:
    """Return the rows whose last cell is not NaN.

    Parameters
    ----------
    rows
        All rows.
    with_progress
        Wraps the rows while they are counted, to report the progress.

    Examples
    --------
    >>> list(computed_rows([(1, 2.0), (3, math.nan)]))
    [(1, 2.0)]
    """

    def iterate() -> Iterator[Sequence[Any]]:
        return (row for row in rows if not math.isnan(row[-1]))

    return RowSequence(sum(not math.isnan(row[-1]) for row in with_progress(rows)), iterate)


def upper_triangle(matrix: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Yield i, j and value of the entries above the diagonal that are not NaN, row by row.

    Examples
    --------
    >>> list(upper_triangle(np.array([[0.0, 2.5], [2.5, 0.0]])))
    [(0, 1, 2.5)]
    """
    for i, row in enumerate(matrix):
        for j, value in enumerate(row[i + 1 :].tolist(), i + 1):
            if not math.isnan(value):
                yield i, j, value
