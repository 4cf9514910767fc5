"""Conditions on pairs of cells: what a source must have in common with its target."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ..i18n import tr
from .parameters import choice, number, with_help
from .streamed_inputs import StreamedParameterValues

NUMBERS = (1, 2)


def conditions() -> list[QgsProcessingParameterDefinition]:
    """Return two conditions that sources must meet, each a raster, what it will be, and how it is compared."""
    return [parameter for nth in NUMBERS for parameter in _condition(nth)]


def _condition(nth: int) -> list[QgsProcessingParameterDefinition]:
    return [
        with_help(
            QgsProcessingParameterRasterLayer(f"CONDITION_{nth}", tr("Condition {}").format(nth), optional=True),
            tr(
                "A property of the cells, such as the mean temperature or a type of habitat: current flows only "
                "between sources and targets that suit each other. The share of a source that does not suit is lost. "
                "Cells without data suit all. If its cells do not lie on those of the landscape they are brought "
                "there, and the log says so. With two conditions both must be met."
            )
            if nth == 1
            else tr("A second property, which must suit as well."),
            advanced=True,
        ),
        with_help(
            QgsProcessingParameterRasterLayer(
                f"FUTURE_{nth}", tr("Condition {}: in the future").format(nth), optional=True
            ),
            tr(
                "The same property as it will be, for example under a warmer climate: sources have the value of "
                "today, targets that of the future, so that the map shows where species move to when conditions "
                "change. If nothing is chosen, the targets have the value of today, too."
            )
            if nth == 1
            else tr("The second property as it will be; today's if nothing is chosen."),
            advanced=True,
        ),
        choice(
            f"COMPARISON_{nth}",
            tr("Condition {}: a source suits its target if it is").format(nth),
            ["within", "equal"],
            tr(
                "Within: source minus target, the median of the target's block, lies between the two limits. Equal: "
                "the classes are the same; a block has its most frequent one."
            )
            if nth == 1
            else tr("How the second property is compared, as for the first one."),
            advanced=True,
        ),
        _limit(
            f"LOWEST_{nth}",
            tr("Condition {}: lowest difference, source minus target").format(nth),
            tr(
                "In the unit of the condition: −1 lets sources be up to 1 below their target, 0 lets nothing move to "
                "where the value is higher. No limit if it is not set. Only for “within”."
            )
            if nth == 1
            else tr("In the unit of the second condition; no limit if it is not set."),
        ),
        _limit(
            f"HIGHEST_{nth}",
            tr("Condition {}: highest difference, source minus target").format(nth),
            tr(
                "Likewise: 1 lets sources be up to 1 above their target, 0 lets nothing move to where the value is "
                "lower."
            )
            if nth == 1
            else tr("In the unit of the second condition; no limit if it is not set."),
        ),
    ]


def _limit(name: str, description: str, text: str) -> QgsProcessingParameterDefinition:
    """Return a number of either sign that need not be set; advanced."""
    return number(name, description, None, text, minimum=None, advanced=True)


def validate_conditions(provided: set[str], choices: dict[str, str]) -> str:
    """Return what is wrong with the conditions, or nothing."""
    for nth in NUMBERS:
        limits = provided & {f"LOWEST_{nth}", f"HIGHEST_{nth}"}
        if f"CONDITION_{nth}" not in provided:
            if limits or f"FUTURE_{nth}" in provided:
                text = tr("Condition {number} has limits or a future, but no raster: choose “Condition {number}”.")
                return text.format(number=nth)
        elif choices[f"COMPARISON_{nth}"] == "within" and not limits:
            text = tr(
                "Condition {number} is “within” no limits, so that every source would suit: set the lowest or the "
                "highest difference."
            )
            return text.format(number=nth)
        elif choices[f"COMPARISON_{nth}"] == "equal" and limits:
            text = tr("Condition {number} is “equal” and has no limits: choose “within”, or do not set them.")
            return text.format(number=nth)
    return ""


def read_conditions(inputs: StreamedParameterValues) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return the rasters of the conditions that were given, and how each is compared, as the engine wants them.

    Raises
    ------
    QgsProcessingException
        A raster is none that can be compared; the limits are the wrong way round.
    """
    arrays: dict[str, np.ndarray] = {}
    compared: list[dict[str, Any]] = []
    for nth in (nth for nth in NUMBERS if inputs.is_provided(f"CONDITION_{nth}")):
        comparison = inputs.choice(f"COMPARISON_{nth}")
        condition: dict[str, Any] = {"comparison": comparison}
        for name, key in (("LOWEST", "lower"), ("HIGHEST", "upper")):
            if inputs.is_provided(f"{name}_{nth}"):
                condition[key] = inputs.number(f"{name}_{nth}")
        if condition.get("lower", -np.inf) > condition.get("upper", np.inf):
            raise QgsProcessingException(
                tr(
                    "Condition {number}: the lowest difference ({lower:g}) is above the highest ({upper:g}), so that "
                    "no source would suit."
                ).format(number=nth, **condition)
            )
        compared.append(condition)
        named = f"condition_{len(compared)}"
        for name, key in (("CONDITION", named), ("FUTURE", f"{named}_future")):
            if inputs.is_provided(f"{name}_{nth}"):
                classes = comparison == "equal"
                arrays[key] = inputs.condition(f"{name}_{nth}", f"{key}.npy", classes=classes)
    return arrays, compared
