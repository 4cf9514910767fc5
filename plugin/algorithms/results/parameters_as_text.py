"""The values of parameters as text, numbers and lists, as files and command lines hold them."""

from __future__ import annotations

import os
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingUtils,
    QgsProperty,
)

# Types of parameters whose value may be the name or id of a layer in the project.
LAYER_TYPES = ("raster", "source", "vector")

# Providers whose data sources are paths; others are written with the provider, as in "postgres://…".
FILE_PROVIDERS = ("gdal", "ogr")

PlainValue = Any  # str, int, float, bool, or a list of these


def plain_values(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, PlainValue]:
    """Return the values of all parameters of a run by name, defaults included; those without a value are left out.

    Layers are replaced by their data sources, without passwords.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it.
    """
    values = {}
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if value is None and not definition.isDestination():
            value = definition.defaultValue()
        plain = _plain(definition, value, context)
        if plain not in (None, ""):
            values[definition.name()] = plain
    return values


def uses_selected_features(parameters: dict[str, Any]) -> list[str]:
    """Return the names of the parameters of which only the selected features are used."""
    return [
        name
        for name, value in parameters.items()
        if isinstance(value, QgsProcessingFeatureSourceDefinition) and value.selectedFeaturesOnly
    ]


def _plain(definition: QgsProcessingParameterDefinition, value: Any, context: QgsProcessingContext) -> PlainValue:
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value = value.value(context.expressionContext(), None)[0]
    if isinstance(value, str) and definition.type() in LAYER_TYPES:
        value = QgsProcessingUtils.mapLayerFromString(value, context, False) or value
    if isinstance(value, QgsMapLayer):
        return _source(value)
    if isinstance(value, QgsCoordinateReferenceSystem):
        return value.authid() or value.toWkt()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [_plain(definition, each, context) for each in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    is_null = getattr(value, "isNull", lambda: False)  # QVariant's NULL
    return None if is_null() else str(value)


def _source(layer: QgsMapLayer) -> str:
    """Return the data source of a layer without its password; a layer in memory has none but its name."""
    provider = layer.providerType()
    if provider == "memory":
        return layer.name()
    if provider in FILE_PROVIDERS:
        return layer.publicSource()
    return f"{provider}://{layer.publicSource()}"
