"""Sparsity patterns of Jacobians, their products and sums: integers only, known before any value is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import ArrayLike, Int, Shaped

#: Sums of at most so many terms are gathered term by term and added; longer ones go through `segment_sum`, which is
#: slower on CPUs, but one operation however long they are.
LONGEST_GATHERED_SUM = 16


@dataclass(frozen=True, eq=False)
class Pattern:
    """The entries of a sparse matrix that may differ from zero.

    Parameters
    ----------
    rows
        Row of each entry.
    columns
        Column of each entry; no two entries have the same row and column.
    shape
        Number of rows and of columns.
    """

    rows: Int[np.ndarray, " entries"]
    columns: Int[np.ndarray, " entries"]
    shape: tuple[int, int]

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self.rows)

    @cached_property
    def keys(self) -> Int[np.ndarray, " entries"]:
        """Position of each entry in the matrix, row by row."""
        return self.rows.astype(np.int64) * self.shape[1] + self.columns

    @cached_property
    def row_counts(self) -> Int[np.ndarray, " rows"]:
        """Number of entries in each row."""
        return np.bincount(self.rows, minlength=self.shape[0])

    @cached_property
    def column_counts(self) -> Int[np.ndarray, " columns"]:
        """Number of entries in each column."""
        return np.bincount(self.columns, minlength=self.shape[1])

    @cached_property
    def entries_by_column(self) -> tuple[Int[np.ndarray, " entries"], Int[np.ndarray, " columns_and_1"]]:
        """Entries in the order of their columns, and where each column begins."""
        return np.argsort(self.columns, kind="stable"), np.append(0, np.cumsum(self.column_counts))

    @cached_property
    def transposed(self) -> "Pattern":
        """Pattern of the transpose, with the entries in the same order."""
        return Pattern(self.columns, self.rows, self.shape[::-1])


def diagonal(size: int) -> Pattern:
    """Return the pattern of a diagonal matrix.

    Examples
    --------
    >>> diagonal(3).keys
    array([0, 4, 8])
    """
    entries = np.arange(size)
    return Pattern(entries, entries, (size, size))


def full(rows: int, columns: int) -> Pattern:
    """Return the pattern of a matrix without zeros, row by row.

    Examples
    --------
    >>> full(2, 2).keys
    array([0, 1, 2, 3])
    """
    return Pattern(np.repeat(np.arange(rows), columns), np.tile(np.arange(columns), rows), (rows, columns))


class SegmentSums:
    """Sums of groups of terms, one sum for each distinct key.

    The groups are in descending order of their number of terms, so that the first terms of all groups, the second
    terms of those that have two, and so on are arrays that can be added without padding.

    Parameters
    ----------
    keys
        The group of each term.

    Examples
    --------
    >>> sums = SegmentSums(np.array([2, 7, 7]))
    >>> sums.keys, sums(lambda chosen: np.array([1.0, 2.0, 3.0])[chosen])
    (array([7, 2]), array([5., 1.]))
    """

    def __init__(self, keys: Int[np.ndarray, " terms"]):
        distinct, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
        ordering = np.argsort(-counts, kind="stable")
        self.keys, self.counts = distinct[ordering], counts[ordering]
        self.longest = int(counts.max(initial=0))
        # The terms, group by group.
        order = np.argsort(np.argsort(ordering)[group], kind="stable")
        if self.longest > LONGEST_GATHERED_SUM:
            self._levels = [order]
        else:
            starts = np.cumsum(self.counts) - self.counts
            levels = range(max(self.longest, 1))
            self._levels = [order[starts[self.counts > level] + level] for level in levels]

    def __call__(
        self, terms: Callable[[Int[np.ndarray, " chosen"]], Shaped[ArrayLike, " chosen"]]
    ) -> Shaped[ArrayLike, " groups"]:
        """Return the sums, in the order of `keys`.

        Parameters
        ----------
        terms
            A function that returns the terms of given numbers.
        """
        parts = [terms(level) for level in self._levels]
        constant = isinstance(parts[0], np.ndarray)
        if self.longest > 1 and parts[0].dtype == bool:
            parts = [part.astype(float) for part in parts]
        if self.longest > LONGEST_GATHERED_SUM:
            groups = np.repeat(np.arange(len(self.keys)), self.counts)
            if constant:
                return np.bincount(groups, parts[0], len(self.keys))
            return jax.ops.segment_sum(parts[0], groups, len(self.keys), indices_are_sorted=True)
        total = parts.pop()
        while parts:
            more = parts.pop()
            together = more[: len(total)] + total
            rest = more[len(total) :]
            total = (np if constant else jnp).concatenate([together, rest]) if len(rest) else together
        return total


def take(values: Shaped[ArrayLike, " entries"], order: Int[np.ndarray, " results"]) -> Shaped[ArrayLike, " results"]:
    """Return the values in an order, without a gather if that is the order they are in."""
    if len(order) == len(values) and np.array_equal(order, np.arange(len(order))):
        return values
    if isinstance(values, np.ndarray):
        return values[order]
    # Indices of 32 bits that need no check are gathered faster than those of `values[order]`.
    indices = order[:, None].astype(np.int32 if len(values) < 2**31 else np.int64)
    dimensions = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
    return lax.gather(values, indices, dimensions, (1,), mode="promise_in_bounds")
