"""Limits of the numbers that users enter."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingParameterDefinition

from ..i18n import tr
from ..layers import Raster, StreamedRaster
from .formatting import format_number

# Sums and products of larger numbers with the values of a raster leave the range of double precision.
LARGEST_NUMBER = 1e100

# Of θ times the cost of the cheapest step; far below this limit, randomized shortest paths are least-cost paths.
LARGEST_STEP = 1e12

# Rows read at a time.
ROWS = 256


def number_error(definitions: list[QgsProcessingParameterDefinition], values: Mapping[str, float]) -> str:
    """Return an error message about the first number that is out of range or not finite; empty if there is none.

    QGIS checks the limits of a parameter only if a dialog or a script runs the algorithm, not in a model.

    Parameters
    ----------
    definitions
        Definitions of the parameters.
    values
        The numbers by name of the parameter; those without a value are not in it.
    """
    for definition in definitions:
        value = values.get(definition.name())
        if value is None:
            continue
        lowest, highest = max(definition.minimum(), -LARGEST_NUMBER), min(definition.maximum(), LARGEST_NUMBER)
        if not (math.isfinite(value) and lowest <= value <= highest):
            text = tr("{parameter}: {value:g} is not allowed; enter a number between {lowest} and {highest}.")
            limits = {"lowest": format_number(lowest), "highest": format_number(highest)}
            return text.format(parameter=definition.description(), value=value, **limits)
    return ""


def is_number(definition: QgsProcessingParameterDefinition) -> bool:
    """Return whether a parameter is a number or a length."""
    return definition.type() in ("number", "distance")


def require_theta_below_limit(theta: float, landscape: Raster | StreamedRaster, values: str) -> None:
    """Raise an error if θ times the cost of every step is so large that probabilities cannot be computed.

    Parameters
    ----------
    theta
        Inverse temperature, per unit of cost.
    landscape
        Landscape.
    values
        Quantity of the landscape: ``"permeability"`` or ``"resistance"``.

    Raises
    ------
    QgsProcessingException
        Says which θ is possible.
    """
    smallest = math.inf
    for first in range(0, landscape.grid.rows, ROWS):
        block = landscape.values[first : first + ROWS]
        positive = block[block > 0]  # NaN is not
        resistances = 1 / positive if values == "permeability" else positive
        smallest = min(smallest, float(np.min(resistances, initial=math.inf)))
    step = smallest * min(landscape.grid.pixel_size)
    if math.isfinite(step) and theta * step > LARGEST_STEP:
        raise QgsProcessingException(
            tr(
                "θ ({theta}) times the cost of a step, which is at least {step} in '{layer}', is too large to compute "
                "with: choose a θ below {limit}, or the least-cost distance, which such a θ gives."
            ).format(
                theta=format_number(theta),
                step=format_number(step),
                layer=landscape.name,
                limit=format_number(LARGEST_STEP / step),
            )
        )
