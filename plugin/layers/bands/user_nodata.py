"""The "additional no data values" in the properties of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qgis.core import QgsRasterRange


def in_user_nodata(values: np.ndarray, ranges: Sequence[QgsRasterRange]) -> np.ndarray:
    """Return where a value lies in any nodata range of the user; bool, shape of `values`."""
    inside = np.zeros(values.shape, bool)
    bounds = QgsRasterRange.BoundsType
    for interval in ranges:
        with_minimum = interval.bounds() in (bounds.IncludeMinAndMax, bounds.IncludeMin)
        with_maximum = interval.bounds() in (bounds.IncludeMinAndMax, bounds.IncludeMax)
        # An unbounded end is stored as NaN.
        above = interval.min() != interval.min() or (
            values >= interval.min() if with_minimum else values > interval.min()
        )
        below = interval.max() != interval.max() or (
            values <= interval.max() if with_maximum else values < interval.max()
        )
        inside |= above & below
    return inside


def single_values(ranges: Sequence[QgsRasterRange]) -> list[float]:
    """Return the nodata values that the user typed one by one."""
    return [interval.min() for interval in ranges if interval.min() == interval.max()]
