"""The parameters of a run as a user reads them: captions and values, with units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingUtils,
    QgsProperty,
)

from ...i18n import tr
from ..applicability import reasons_without_effect
from ..formatting import typeset
from ..parameter_types import option_label
from ..plain_values import is_provided
from ..units import unit_text

LAYERS = ("raster", "source", "vector")

# Significant digits of a number: as many as double precision keeps.
DIGITS = 15


@dataclass(frozen=True)
class Setting:
    """A parameter and its value.

    Parameters
    ----------
    caption
        What the dialog calls the parameter.
    value
        Its value in words.
    detail
        Data source of a layer, or empty.
    is_default
        Whether the user left it at its default.
    is_effective
        Whether it has an effect with the other values.
    kind
        Type of the parameter in QGIS.
    is_advanced
        Whether the dialog hides the parameter among the advanced ones.
    """

    caption: str
    value: str
    detail: str
    is_default: bool
    is_effective: bool
    kind: str
    is_advanced: bool

    @property
    def short_caption(self) -> str:
        """The caption without the kinds of features or values that a dialog names after a colon."""
        return short_caption(self.caption)


def short_caption(caption: str) -> str:
    """Return the caption of a parameter without what follows a colon.

    Examples
    --------
    >>> short_caption("Sources: points, lines or polygons")
    'Sources'
    """
    return caption.partition(":")[0]


def settings_of(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, unit: str
) -> list[Setting]:
    """Return the parameters of a run that have a value, without the outputs.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it, with named choices.
    unit
        Unit of lengths.
    """
    settings = []
    values = _values(algorithm, parameters, context)
    for definition in algorithm.parameterDefinitions():
        name, default = definition.name(), definition.defaultValue()
        if definition.isDestination():
            continue
        value = values[name]
        if value is None or value == "" or value == []:
            continue
        text, detail = _value_text(algorithm, definition, value, context, unit, values)
        if not text:
            continue
        is_default = not is_provided(parameters, name) or _is_same(value, default)
        effective = next(reasons_without_effect(algorithm, definition, parameters), None) is None
        is_advanced = bool(definition.flags() & QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        kind = definition.type()
        settings.append(Setting(definition.description(), text, detail, is_default, effective, kind, is_advanced))
    return settings


def _values(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return the value of each parameter, or its default; check boxes as True or False."""
    values = {}
    for definition in algorithm.parameterDefinitions():
        name = definition.name()
        values[name] = parameters[name] if is_provided(parameters, name) else definition.defaultValue()
        if definition.type() == "boolean":
            values[name] = algorithm.parameterAsBoolean({name: values[name]}, name, context)
    return values


def _is_same(value: Any, default: Any) -> bool:
    """Return whether a value is the default, which a command line passes as text and a dialog as another type."""
    if value == default:
        return True
    try:
        return float(value) == float(default)
    except (TypeError, ValueError):
        return str(value).lower() == str(default).lower()


def _value_text(
    algorithm: QgsProcessingAlgorithm,
    definition: QgsProcessingParameterDefinition,
    value: Any,
    context: QgsProcessingContext,
    unit: str,
    values: Mapping[str, Any],
) -> tuple[str, str]:
    """Return the value of a parameter in words, and the data source of a layer."""
    name, kind = definition.name(), definition.type()
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        text, source = _value_text(algorithm, definition, value.source, context, unit, values)
        return (
            tr("{layer} (selected features only)").format(layer=text) if value.selectedFeaturesOnly else text
        ), source
    if isinstance(value, QgsProperty):
        value = value.value(context.expressionContext(), definition.defaultValue())[0]
    if kind == "file":
        return Path(str(value)).name, str(value)
    if kind in LAYERS:
        return _layer_text(value, context)
    if kind == "enum":
        return option_label(definition, value), ""
    if kind == "boolean":
        return (tr("yes") if values[name] else tr("no")), ""
    if kind in ("distance", "number"):
        number = algorithm.parameterAsDouble({name: value}, name, context)
        number_unit = unit if kind == "distance" else unit_text(definition, values, unit)
        return f"{typeset(f'{number:,.{DIGITS}g}')} {number_unit}".rstrip(), ""
    if kind == "matrix":
        return ", ".join(str(cell) for cell in algorithm.parameterAsMatrix({name: value}, name, context)), ""
    return str(value), ""


def _layer_text(value: Any, context: QgsProcessingContext) -> tuple[str, str]:
    """Return the name of a layer and its data source."""
    if isinstance(value, str):
        value = QgsProcessingUtils.mapLayerFromString(value, context, False) or value
    if isinstance(value, QgsMapLayer):
        return value.name(), value.publicSource()
    return Path(str(value).split("|")[0]).stem, str(value)
