"""What must hold of results, looked at after every run."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Resistances that should be equal may differ by this part.
ASYMMETRY = 1e-9


@dataclass(frozen=True)
class MapDiagnostics:
    """What a current map says of itself.

    Parameters
    ----------
    places
        How many there are in the landscape.
    without_result
        How many of these have a potential that is not known: nothing connects them with where current is fed.
    residual
        Largest current that is not conserved, beside the largest current.
    """

    places: int
    without_result: int
    residual: float


def diagnose_map(potentials: np.ndarray, currents: np.ndarray, residual: float) -> MapDiagnostics:
    """Count the places of a map that have no result.

    Examples
    --------
    >>> diagnose_map(np.array([1.0, np.nan, np.nan]), np.array([1.0, 0.0, np.nan]), 0.0)
    MapCheck(places=2, without_result=1, residual=0.0)
    """
    there = ~np.isnan(currents)
    return MapDiagnostics(int(there.sum()), int((there & np.isnan(potentials)).sum()), float(residual))


def require_possible(ids: Int[np.ndarray, "n"], matrix: Float[np.ndarray, "n n"]) -> None:
    """Raise if resistances are not symmetric, or one is negative.

    Raises
    ------
    RuntimeError
        Says how many, and which is the first.

    Examples
    --------
    >>> require_possible(np.array([4, 7]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    """
    finite = np.isfinite(matrix) & np.isfinite(matrix.T)
    mirrored = np.where(finite, matrix.T, 0.0)
    own = np.where(finite, matrix, 0.0)
    for wrong, what in (
        (own < 0, "negative"),
        (np.abs(own - mirrored) > ASYMMETRY * np.abs(own), "not the same both ways"),
        (np.isinf(matrix) != np.isinf(matrix.T), "infinite one way only"),
    ):
        if wrong.any():
            one, other = np.argwhere(wrong)[0]
            raise RuntimeError(
                f"{wrong.sum()} resistances are {what}, the first between {ids[one]} and {ids[other]} "
                f"({matrix[one, other]:g} ohm): the values of the raster may span too many orders of magnitude"
            )
