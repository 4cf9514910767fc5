"""Conditions on pairs of source and target, as in Omniscape: their difference, or equality of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ..i18n import tr
from .parameter_types import choice, number, only_with, with_help
from .parameters import alignment_note
from .streamed_inputs import StreamedParameterValues

NUMBERS = (1, 2)


def conditions() -> list[QgsProcessingParameterDefinition]:
    """Return the parameters of two conditions: a raster, its future values, and the comparison; advanced."""
    return [parameter for number in NUMBERS for parameter in _condition(number)]


def _condition(nth: int) -> list[QgsProcessingParameterDefinition]:
    first = nth == 1
    same_as_first = tr("As for condition 1.")
    return [
        with_help(
            QgsProcessingParameterRasterLayer(f"CONDITION_{nth}", tr("Condition {}").format(nth), optional=True),
            tr(
                "A property of the cells, such as mean temperature or habitat type: current flows only between sources "
                "and targets that match. The current of sources that do not match is left out; the other sources do "
                "not replace it. Cells without data match all. With two conditions both must be met."
            )
            + f" {alignment_note()}"
            if first
            else tr("A second property, which must match as well."),
            advanced=True,
        ),
        only_with(
            with_help(
                QgsProcessingParameterRasterLayer(
                    f"FUTURE_{nth}", tr("Condition {}: future values").format(nth), optional=True
                ),
                tr(
                    "Future values of the property, for example under climate change: sources take present values, "
                    "targets future ones, so that the map shows where species move as conditions change. If nothing "
                    "is chosen, targets take present values as well."
                )
                if first
                else tr("Future values of the second property; present values if nothing is chosen."),
                advanced=True,
            ),
            **{f"CONDITION_{nth}": ()},
        ),
        only_with(
            choice(
                f"COMPARISON_{nth}",
                tr("Condition {}: comparison").format(nth),
                {"within": tr("Difference within limits"), "equal": tr("Equal classes")},
                tr(
                    "Difference within limits: source minus target, for which the median of the target's block is "
                    "used, lies between the two limits. Equal classes: source and target have the same class; a block "
                    "has its most frequent one."
                )
                if first
                else tr("Comparison of the second property.") + f" {same_as_first}",
                advanced=True,
            ),
            **{f"CONDITION_{nth}": ()},
        ),
        _limit(
            f"LOWEST_{nth}",
            tr("Condition {}: lower limit of source minus target").format(nth),
            tr(
                "In the unit of the condition: −1 allows sources up to 1 below their target, 0 allows no movement to "
                "higher values. Empty: no limit. Only for differences."
            )
            if first
            else tr("In the unit of the second condition. Empty: no limit.") + f" {same_as_first}",
        ),
        _limit(
            f"HIGHEST_{nth}",
            tr("Condition {}: upper limit of source minus target").format(nth),
            tr(
                "In the unit of the condition: 1 allows sources up to 1 above their target, 0 allows no movement to "
                "lower values. Empty: no limit. Only for differences."
            )
            if first
            else tr("In the unit of the second condition. Empty: no limit.") + f" {same_as_first}",
        ),
    ]


def _limit(name: str, description: str, text: str) -> QgsProcessingParameterDefinition:
    nth = name[-1]
    limit = number(name, description, None, text, minimum=None, advanced=True)
    return only_with(limit, **{f"CONDITION_{nth}": (), f"COMPARISON_{nth}": ("within",)})


def validate_conditions(provided: set[str], choices: dict[str, str]) -> str:
    """Return an error message about the conditions; empty if they are valid."""
    for nth in NUMBERS:
        limits = provided & {f"LOWEST_{nth}", f"HIGHEST_{nth}"}
        if f"CONDITION_{nth}" not in provided:
            if limits or f"FUTURE_{nth}" in provided:
                text = tr("Condition {number} has limits or future values, but no raster: choose “Condition {number}”.")
                return text.format(number=nth)
        elif choices[f"COMPARISON_{nth}"] == "within" and not limits:
            text = tr("Condition {number} has no limits: set the lower or the upper limit of the difference.")
            return text.format(number=nth)
        elif choices[f"COMPARISON_{nth}"] == "equal" and limits:
            text = tr("Condition {number} compares classes, which have no limits: compare differences, or clear them.")
            return text.format(number=nth)
    return ""


def read_conditions(inputs: StreamedParameterValues) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return the rasters of the conditions, and the task's parameters for each condition.

    Raises
    ------
    QgsProcessingException
        The values of a raster cannot be compared, or a lower limit exceeds the upper one.
    """
    arrays: dict[str, np.ndarray] = {}
    task_parameters: list[dict[str, Any]] = []
    for nth in (nth for nth in NUMBERS if inputs.is_provided(f"CONDITION_{nth}")):
        comparison = inputs.choice(f"COMPARISON_{nth}")
        condition: dict[str, Any] = {"comparison": comparison}
        for name, key in (("LOWEST", "lower"), ("HIGHEST", "upper")):
            if inputs.is_provided(f"{name}_{nth}"):
                condition[key] = inputs.number(f"{name}_{nth}")
        if condition.get("lower", -np.inf) > condition.get("upper", np.inf):
            raise QgsProcessingException(
                tr(
                    "Condition {number}: the lower limit of the difference ({lower:g}) exceeds the upper limit "
                    "({upper:g})."
                ).format(number=nth, **condition)
            )
        task_parameters.append(condition)
        array_name = f"condition_{len(task_parameters)}"
        for name, key in (("CONDITION", array_name), ("FUTURE", f"{array_name}_future")):
            if inputs.is_provided(f"{name}_{nth}"):
                classes = comparison == "equal"
                arrays[key] = inputs.condition(f"{name}_{nth}", f"{key}.npy", classes=classes)
    return arrays, task_parameters
