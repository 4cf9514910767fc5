"""Scale bars of maps, and lengths with their units."""

from __future__ import annotations

import math
from html import escape

from qgis.core import QgsUnitTypes

from ...i18n import tr
from ...layers import RasterGrid
from ..formatting import typeset

# A scale bar takes at most this fraction of the width of a map.
WIDEST = 0.35


def length_text(length: float, grid: RasterGrid) -> str:
    """Return a length with its unit; thousands of metres as kilometres.

    Parameters
    ----------
    length
        In map units.
    grid
        Grid of the raster.
    """
    is_metre = grid.crs.isValid() and grid.crs.mapUnits() == QgsUnitTypes.DistanceUnit.DistanceMeters
    if is_metre:
        return f"{length / 1000:,g} km" if length >= 1000 else f"{typeset(f'{length:g}')} m"
    return f"{typeset(f'{length:,g}')} {grid.unit}"


def round_length(longest: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is not above a length.

    Examples
    --------
    >>> round_length(740.0)
    500.0
    """
    power = 10.0 ** math.floor(math.log10(longest))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= longest)


def scale_bar_html(grid: RasterGrid) -> str:
    """Return the scale bar of a map that shows the whole raster, as wide as the element that holds it."""
    width = grid.columns * grid.pixel_size[1]
    length = round_length(WIDEST * width)
    text = escape(length_text(length, grid))
    return (
        f'<div class="scale"><svg viewBox="0 0 100 6" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(tr("Scale bar"))}" style="width:{100 * length / width:.2f}%">'
        '<path d="M0.3 0V6M99.7 0V6M0 3H100" stroke="#222" fill="none" vector-effect="non-scaling-stroke"/></svg>'
        f"<span>{text}</span></div>"
    )
