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
        The largest of them.
    runs
        How many there were.
    residual
        The worst of them; see `Currents`.
    """

    total: np.ndarray
    largest: np.ndarray
    runs: int
    residual: float


def streamed(nothing: np.ndarray, maps: Iterable[tuple[np.ndarray, float]]) -> CumulativeCurrent:
    """Add up maps as they come, each with its residual.

    Parameters
    ----------
    nothing
        A map of zeros, NaN where there is no node.
    maps
        Currents; where a map has a value and `nothing` has none, the value counts.

    Examples
    --------
    >>> sums = streamed(np.zeros(2), [(np.array([1.0, 2.0]), 0.0), (np.array([3.0, 0.5]), 0.0)])
    >>> sums.total, sums.largest
    (array([4. , 2.5]), array([3., 2.]))
    """
    total, largest, runs, worst = nothing.copy(), nothing.copy(), 0, 0.0
    for currents, residual in maps:
        new = np.isnan(total) & ~np.isnan(currents)
        total[new] = largest[new] = 0.0
        known = np.where(np.isnan(currents), 0.0, currents)
        total += known
        np.maximum(largest, known, out=largest)
        runs, worst = runs + 1, max(worst, residual)
    return CumulativeCurrent(total, largest, runs, worst)
