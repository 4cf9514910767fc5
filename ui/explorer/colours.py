"""Colours of the explorer's maps: the ramps of the algorithms' styles."""

from __future__ import annotations

from functools import lru_cache

from qgis.core import QgsGradientColorRamp, QgsGradientStop
from qgis.PyQt.QtGui import QColor

from ...plugin.algorithms.color_ramps import CURRENT, DISTANCE, DIVERGING

RAMPS = {"distance": DISTANCE, "flow": CURRENT, "sensitivity": DIVERGING, "elasticity": DIVERGING}


def ramp(quantity: str, *, change: bool = False) -> QgsGradientColorRamp:
    """Return the colour ramp of a quantity, or of a change of it."""
    colours = [QColor(colour) for colour in (DIVERGING if change else RAMPS[quantity])]
    steps = len(colours) - 1
    stops = [QgsGradientStop(number / steps, colours[number]) for number in range(1, steps)]
    return QgsGradientColorRamp(colours[0], colours[-1], False, stops)


@lru_cache(maxsize=8)
def colour_table(quantity: str, change: bool) -> tuple[int, ...]:
    """Return the colours of the bytes of a picture: 0 is transparent, 1 to 255 are the ramp."""
    colours = ramp(quantity, change=change)
    return (0, *(colours.color((byte - 1) / 254).rgba() for byte in range(1, 256)))
