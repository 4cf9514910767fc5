"""How current maps are shown."""

import numpy as np


def log_transform(currents: np.ndarray) -> np.ndarray:
    """Return the decimal logarithm of currents, NaN where there is none.

    Examples
    --------
    >>> log_transform(np.array([1.0, 0.01, 0.0, np.nan]))
    array([ 0., -2., nan, nan])
    """
    positive = currents > 0
    return np.where(positive, np.log10(np.where(positive, currents, 1.0)), np.nan)
