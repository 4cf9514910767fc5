"""Products and sums of sparse matrices with fixed patterns: planned once with integers, evaluated with any values.

The values of a matrix are one array in the order of its pattern's entries, or `None` where all are one. A NumPy array
holds constants, which are combined while planning. An array of booleans is a selection: it takes the other factor's
entries or zero, so that what is not selected cannot spoil a derivative, be it infinite or NaN.
"""

from typing import TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from .pattern import Pattern, SegmentSums, take

Values: TypeAlias = Shaped[Array, " _"] | Shaped[np.ndarray, " _"] | None


def multiplications(left: Pattern, right: Pattern) -> int:
    """Return the number of products of two entries in a product of matrices.

    Examples
    --------
    >>> from .pattern import diagonal, full
    >>> multiplications(full(2, 3), full(3, 4)), multiplications(full(2, 3), diagonal(3))
    (24, 6)
    """
    return int(left.column_counts @ right.row_counts)


class Product:
    """The product of two sparse matrices.

    Parameters
    ----------
    left, right
        Patterns of the factors.
    """

    def __init__(self, left: Pattern, right: Pattern):
        by_column, starts = left.entries_by_column
        counts = left.column_counts[right.rows]
        self._right = np.repeat(np.arange(right.size), counts)
        offsets = np.arange(len(self._right)) - np.repeat(np.cumsum(counts) - counts, counts)
        self._left = by_column[np.repeat(starts[right.rows], counts) + offsets]
        keys = left.rows[self._left].astype(np.int64) * right.shape[1] + right.columns[self._right]
        self._sums = SegmentSums(keys)
        shape = (left.shape[0], right.shape[1])
        self.pattern = Pattern(*np.divmod(self._sums.keys, max(shape[1], 1)), shape)

    def __call__(self, left: Values, right: Values) -> Values:
        """Return the values of the product."""
        if left is None and right is None:
            return None if self._sums.longest <= 1 else self._sums.counts.astype(float)

        def terms(chosen: np.ndarray) -> Values:
            if left is None:
                return take(right, self._right[chosen])
            if right is None:
                return take(left, self._left[chosen])
            return _multiply(take(left, self._left[chosen]), take(right, self._right[chosen]))

        return self._sums(terms)


def _multiply(left: Values, right: Values) -> Values:
    """Return the products of values, of which a selection takes the other factor or zero."""
    if left.dtype == bool:
        return left & right if right.dtype == bool else jnp.where(left, right, jnp.zeros((), right.dtype))
    if right.dtype == bool:
        return _multiply(right, left)
    left, right = _same_precision(left, right)
    return left * right


class Sum:
    """The sum of two sparse matrices.

    Parameters
    ----------
    first, second
        Patterns of the terms.
    """

    def __init__(self, first: Pattern, second: Pattern):
        self._sizes = (first.size, second.size)
        self._aligned = first is second or np.array_equal(first.keys, second.keys)
        if self._aligned:
            self.pattern, self.additions = first, first.size
            return
        keys, self._in_both, matches = np.intersect1d(first.keys, second.keys, assume_unique=True, return_indices=True)
        self._only_first = np.setdiff1d(np.arange(first.size), self._in_both, assume_unique=True)
        only_second = np.setdiff1d(np.arange(second.size), matches, assume_unique=True)
        self._matches, self._only_second = matches, only_second
        keys = np.concatenate([keys, first.keys[self._only_first], second.keys[only_second]])
        self.pattern = Pattern(*np.divmod(keys, max(first.shape[1], 1)), first.shape)
        self.additions = len(matches)

    def __call__(self, first: Values, second: Values) -> Values:
        """Return the values of the sum."""
        first, second = (_numbers(values, size) for values, size in zip((first, second), self._sizes, strict=True))
        first, second = _same_precision(first, second)
        if self._aligned:
            return first + second
        constant = isinstance(first, np.ndarray) and isinstance(second, np.ndarray)
        both = take(first, self._in_both) + take(second, self._matches)
        rest = [take(first, self._only_first), take(second, self._only_second)]
        return (np if constant else jnp).concatenate([part for part in (both, *rest) if len(part)])


def _numbers(values: Values, size: int) -> Values:
    """Return ones and selections as numbers."""
    if values is None:
        return np.ones(size)
    return values.astype(float) if values.dtype == bool else values


def _same_precision(first: Values, second: Values) -> tuple[Values, Values]:
    """Return two arrays, constants in the precision of what is not constant."""
    if isinstance(first, np.ndarray) and not isinstance(second, np.ndarray):
        return first.astype(second.dtype), second
    if isinstance(second, np.ndarray) and not isinstance(first, np.ndarray):
        return first, second.astype(first.dtype)
    return first, second
