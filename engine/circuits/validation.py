"""Checks and diagnostics of results, and the log transform of current maps."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..counts import count_of
from ..linalg import SolveError

#: Largest relative difference between the two entries of a resistance matrix that should be equal.
SYMMETRY_RTOL = 1e-9


@dataclass(frozen=True)
class MapDiagnostics:
    """Diagnostics of a current map.

    Parameters
    ----------
    cells
        Number of cells of the circuit.
    without_result
        Number of these whose potential is undetermined, because they are not connected with a source and a ground.
    residual
        Largest violation of Kirchhoff's current law, relative to the largest current.
    """

    cells: int
    without_result: int
    residual: float


def diagnose_map(potentials: np.ndarray, currents: np.ndarray, residual: float) -> MapDiagnostics:
    """Count the cells of a map without a result.

    Examples
    --------
    >>> diagnose_map(np.array([1.0, np.nan, np.nan]), np.array([1.0, 0.0, np.nan]), 0.0)
    MapDiagnostics(cells=2, without_result=1, residual=0.0)
    """
    inside = ~np.isnan(currents)
    return MapDiagnostics(int(inside.sum()), int((inside & np.isnan(potentials)).sum()), float(residual))


def require_valid_resistances(ids: Int[np.ndarray, " n"], matrix: Float[np.ndarray, "n n"]) -> None:
    """Raise unless a resistance matrix is symmetric and nonnegative.

    Raises
    ------
    RuntimeError
        Some resistances are negative or not symmetric; the message gives their number and the first pair.

    Examples
    --------
    >>> require_valid_resistances(np.array([4, 7]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    """
    finite = np.isfinite(matrix) & np.isfinite(matrix.T)
    transposed = np.where(finite, matrix.T, 0.0)
    values = np.where(finite, matrix, 0.0)
    for invalid, problem in (
        (values < 0, "negative"),
        (np.abs(values - transposed) > SYMMETRY_RTOL * np.abs(values), "not the same in both directions"),
        (np.isinf(matrix) != np.isinf(matrix.T), "infinite in one direction only"),
    ):
        if invalid.any():
            i, j = np.argwhere(invalid)[0]
            raise SolveError(
                f"{count_of(invalid.sum(), 'resistance is', 'resistances are')} {problem}, the first between {ids[i]} "
                f"and {ids[j]} ({matrix[i, j]:g} ohm): the values of the raster may span too many orders of magnitude"
            )


def log_transform(currents: np.ndarray) -> np.ndarray:
    """Return the decimal logarithm of a current map, NaN where no current flows (Circuitscape's log_transform_maps).

    Examples
    --------
    >>> log_transform(np.array([1.0, 0.01, 0.0, np.nan]))
    array([ 0., -2., nan, nan])
    """
    positive = currents > 0
    return np.where(positive, np.log10(np.where(positive, currents, 1.0)), np.nan)
