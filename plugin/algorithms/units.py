"""The units of numbers that users enter, which depend on the landscape and on other parameters.

Kinds of units, as `number` in `parameter_types` takes them:

cost
    length × resistance, or units of cost if it is the logarithm of the conductance
distance
    the unit of the chosen distance: ohm for the resistance
corridor
    cost, or a fraction of the least cost if corridors are normalised
per_cost
    the reciprocal of a cost
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qgis.core import QgsProcessingParameterDefinition

from ..distance_registry import distance_info
from ..i18n import tr
from .parameter_types import UNIT


def unit_text(definition: QgsProcessingParameterDefinition, values: Mapping[str, Any], length: str) -> str:
    """Return the unit of a number, which a dialog shows after it; empty if it has none.

    Parameters
    ----------
    definition
        The parameter.
    values
        Values of the algorithm's parameters by name.
    length
        The unit of length of the landscape.
    """
    kind = definition.metadata().get(UNIT, "")
    return _KINDS[kind](values, length) if kind else ""


def _cost(values: Mapping[str, Any], length: str) -> str:
    randomized = values.get("DISTANCE", "rsp") == "rsp"
    if randomized and values.get("COST") == "minus_log":
        return tr("units of cost")
    return tr("{length} × resistance").format(length=length)


def _distance(values: Mapping[str, Any], length: str) -> str:
    unit = distance_info(values["DISTANCE"]).unit if values.get("DISTANCE") else "cost"
    return {"length": length, "ohm": tr("ohm")}.get(unit) or _cost(values, length)


def _corridor(values: Mapping[str, Any], length: str) -> str:
    return tr("times the least cost") if values.get("NORMALISED") is True else _cost(values, length)


def _per_cost(values: Mapping[str, Any], length: str) -> str:
    return tr("per unit of cost")


_KINDS: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "cost": _cost,
    "distance": _distance,
    "corridor": _corridor,
    "per_cost": _per_cost,
}
