"""The "additional no data values" of a layer's properties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qgis.core import QgsRasterRange


def in_user_nodata(values: np.ndarray, ranges: Sequence[QgsRasterRange]) -> np.ndarray:
    """Where a value lies in any of the ranges that the user has declared nodata; bool, shape of `values`."""
    inside = np.zeros(values.shape, bool)
    bounds = QgsRasterRange.BoundsType
    for one in ranges:
        with_minimum = one.bounds() in (bounds.IncludeMinAndMax, bounds.IncludeMin)
        with_maximum = one.bounds() in (bounds.IncludeMinAndMax, bounds.IncludeMax)
        # An open end is stored as NaN.
        above = one.min() != one.min() or (values >= one.min() if with_minimum else values > one.min())
        below = one.max() != one.max() or (values <= one.max() if with_maximum else values < one.max())
        inside |= above & below
    return inside
