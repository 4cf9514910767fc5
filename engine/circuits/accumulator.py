"""Running sum and maximum of current maps, in memory that does not depend on their number."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CumulativeCurrent:
    """Sum and maximum of the current maps of several runs.

    Parameters
    ----------
    total
        Sum of the current maps, in ampere; NaN in cells outside the circuit.
    maximum
        Maximum of the current maps; None if it was not computed.
    runs
        Number of runs.
    residual
        Largest violation of Kirchhoff's current law in any run; see `NodeCurrents`.
    """

    total: np.ndarray
    maximum: np.ndarray | None
    runs: int
    residual: float


class CurrentAccumulator:
    """Running sum and maximum of current maps.

    Parameters
    ----------
    zero_map
        A map of zeros, NaN in cells outside the circuit. Where an added map has a value and this one has none, the
        value counts.

    Examples
    --------
    >>> sums = CurrentAccumulator(np.zeros(2))
    >>> sums.add(np.array([1.0, 2.0]), 0.0)
    >>> sums.add(np.array([3.0, 0.5]), 0.0)
    >>> sums.result.total, sums.result.maximum
    (array([4. , 2.5]), array([3., 2.]))
    """

    def __init__(self, zero_map: np.ndarray):
        self.result = CumulativeCurrent(zero_map.copy(), zero_map.copy(), 0, 0.0)

    def add(self, currents: np.ndarray, residual: float) -> None:
        """Add the current map of one run with its residual."""
        self.add_sum(CumulativeCurrent(currents, currents, 1, residual))

    def add_sum(self, other: CumulativeCurrent) -> None:
        """Add the sum and maximum of several runs, both of which must have been computed."""
        total, maximum = self.result.total, self.result.maximum
        new = np.isnan(total) & ~np.isnan(other.total)
        total[new] = maximum[new] = 0.0
        total += np.where(np.isnan(other.total), 0.0, other.total)
        np.maximum(maximum, np.where(np.isnan(other.maximum), 0.0, other.maximum), out=maximum)
        residual = max(self.result.residual, other.residual)
        self.result = CumulativeCurrent(total, maximum, self.result.runs + other.runs, residual)


def accumulate(zero_map: np.ndarray, maps: Iterable[tuple[np.ndarray, float]]) -> CumulativeCurrent:
    """Sum maps one at a time, each with its residual.

    Examples
    --------
    >>> accumulate(np.zeros(2), [(np.array([1.0, 2.0]), 0.0), (np.array([3.0, 0.5]), 0.0)]).total
    array([4. , 2.5])
    """
    sums = CurrentAccumulator(zero_map)
    for currents, residual in maps:
        sums.add(currents, residual)
    return sums.result
