"""Minimum, maximum, mean and standard deviation of what is never held as a whole."""

from __future__ import annotations

import math

import numpy as np


class Statistics:
    """Of the finite values among all that were added.

    Attributes
    ----------
    count
        How many there are; the others mean nothing as long as it is 0.
    minimum, maximum, mean
        Of them.

    Notes
    -----
    Parts are put together by their means and squared deviations (Chan, Golub & LeVeque 1983), which loses no digits
    where the mean is large beside the deviation.

    Examples
    --------
    >>> statistics = Statistics()
    >>> statistics.add(np.array([1.0, np.nan]))
    >>> statistics.add(np.array([3.0, np.inf]))
    >>> statistics.count, statistics.mean, statistics.deviation
    (2, 2.0, 1.0)
    """

    def __init__(self) -> None:
        self.count = 0
        self.minimum, self.maximum, self.mean = math.inf, -math.inf, 0.0
        self._squares = 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation, of these values and not of a population behind them."""
        return math.sqrt(self._squares / self.count) if self.count else 0.0

    def add(self, values: np.ndarray) -> None:
        """Take in some more values, of any shape."""
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        mean = float(finite.mean(dtype=np.float64))
        squares = float(finite.var(dtype=np.float64)) * finite.size
        count = self.count + finite.size
        apart = mean - self.mean
        self._squares += squares + apart**2 * self.count * finite.size / count
        self.mean += apart * finite.size / count
        self.minimum, self.maximum = min(self.minimum, float(finite.min())), max(self.maximum, float(finite.max()))
        self.count = count
