"""Currents summed over pairs, and the largest, without ever holding the maps of more than one pair."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CumulativeCurrent:
    """Currents of many runs.

    Parameters
    ----------
    total
        Their sum, in ampere; NaN where there is no node.
    largest
        The largest of them; None if it was not asked for.
    runs
        How many there were.
    residual
        The worst of them; see `Currents`.
    """

    total: np.ndarray
    largest: np.ndarray | None
    runs: int
    residual: float


class CurrentAccumulator:
    """Maps of runs added up one by one, in memory that does not depend on how many there are.

    Parameters
    ----------
    nothing
        A map of zeros, NaN where there is no node. Where a map that is added has a value and this one has none, the
        value counts.

    Examples
    --------
    >>> sums = CurrentAccumulator(np.zeros(2))
    >>> sums.add(np.array([1.0, 2.0]), 0.0)
    >>> sums.add(np.array([3.0, 0.5]), 0.0)
    >>> sums.result.total, sums.result.largest
    (array([4. , 2.5]), array([3., 2.]))
    """

    def __init__(self, nothing: np.ndarray):
        self.result = CumulativeCurrent(nothing.copy(), nothing.copy(), 0, 0.0)

    def add(self, currents: np.ndarray, residual: float) -> None:
        """Add the map of one run, with how badly it conserves current."""
        self.add_sum(CumulativeCurrent(currents, currents, 1, residual))

    def add_sum(self, more: CumulativeCurrent) -> None:
        """Add what several runs add up to."""
        total, largest = self.result.total, self.result.largest
        new = np.isnan(total) & ~np.isnan(more.total)
        total[new] = largest[new] = 0.0
        total += np.where(np.isnan(more.total), 0.0, more.total)
        np.maximum(largest, np.where(np.isnan(more.largest), 0.0, more.largest), out=largest)
        residual = max(self.result.residual, more.residual)
        self.result = CumulativeCurrent(total, largest, self.result.runs + more.runs, residual)


def streamed(nothing: np.ndarray, maps: Iterable[tuple[np.ndarray, float]]) -> CumulativeCurrent:
    """Add up maps as they come, each with its residual.

    Examples
    --------
    >>> streamed(np.zeros(2), [(np.array([1.0, 2.0]), 0.0), (np.array([3.0, 0.5]), 0.0)]).total
    array([4. , 2.5])
    """
    sums = CurrentAccumulator(nothing)
    for currents, residual in maps:
        sums.add(currents, residual)
    return sums.result
