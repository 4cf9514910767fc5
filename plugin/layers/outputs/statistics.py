"""Minimum, maximum, mean and standard deviation of values processed in blocks."""

from __future__ import annotations

import math

import numpy as np


class Statistics:
    """Running statistics of the finite values.

    Attributes
    ----------
    count
        Number of finite values; the other statistics are undefined while it is 0.
    minimum, maximum, mean
        Statistics of the finite values.

    Notes
    -----
    Blocks are combined by their means and sums of squared deviations (Chan, Golub & LeVeque 1983), which avoids
    cancellation if the mean is large relative to the deviation.

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
        self._squared_deviations = 0.0

    @property
    def deviation(self) -> float:
        """Population standard deviation (divided by n); infinite if the squares are beyond double precision."""
        return math.sqrt(self._squared_deviations / self.count) if self.count else 0.0

    def add(self, values: np.ndarray) -> None:
        """Add a block of values, of any shape."""
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        # Beyond 1e154 the deviation is infinite: a product of Python's numbers says so, a power raises an error.
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(finite.mean(dtype=np.float64))
            squared_deviations = float(finite.var(dtype=np.float64)) * finite.size
        count = self.count + finite.size
        difference = mean - self.mean
        self._squared_deviations += squared_deviations + difference * (difference * (self.count * finite.size / count))
        self.mean += difference * finite.size / count
        self.minimum, self.maximum = min(self.minimum, float(finite.min())), max(self.maximum, float(finite.max()))
        self.count = count
