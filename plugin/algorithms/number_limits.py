"""Limits of the numbers that users enter."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qgis.core import QgsProcessingParameterDefinition

from ..i18n import tr
from .formatting import format_number

# Sums and products of larger numbers with the values of a raster leave the range of double precision.
LARGEST_NUMBER = 1e100


def number_error(definitions: list[QgsProcessingParameterDefinition], values: Mapping[str, float]) -> str:
    """Return an error message about the first number that is too large, too small or no number; empty if none is.

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
