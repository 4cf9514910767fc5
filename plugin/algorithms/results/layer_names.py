"""The layer that a run is about: its name is part of the names of the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsProperty,
    QgsProviderRegistry,
)

from ...i18n import tr

# Parameters that say which places or habitat a result is about, the most telling first; the landscape comes last.
SUBJECTS = (
    "FOCAL",
    "FOCAL_RASTER",
    "SOURCES",
    "SOURCE_RASTER",
    "PLACES",
    "QUALITY",
    "SOURCE_STRENGTH",
    "POTENTIAL",
    "EAST",
    "INPUT",
)

# Parameters of the places at the other end.
DESTINATIONS = ("TARGETS", "GROUNDS", "GROUND_RASTER")

# Longer names of layers are cut in the names of results.
MAX_NAME = 40


def subject_of(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    """Return the name of the layer that a run is about; empty if there is none."""
    subject = _first_name(algorithm, SUBJECTS, parameters, context)
    destination = _first_name(algorithm, DESTINATIONS, parameters, context)
    if subject and destination:
        return tr("{source} to {target}").format(source=subject, target=destination)
    return subject


def _first_name(
    algorithm: QgsProcessingAlgorithm, names: tuple[str, ...], parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    for name in names:
        if algorithm.parameterDefinition(name) is not None and (layer := _name_of(parameters.get(name), context)):
            return layer if len(layer) <= MAX_NAME else f"{layer[: MAX_NAME - 1]}…"
    return ""


def _name_of(value: Any, context: QgsProcessingContext) -> str:
    """Return the name of a layer, or of a file without its ending; empty if there is no value."""
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    if isinstance(value, QgsProperty):
        value = value.value(context.expressionContext(), None)[0]
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str) and value:
        value = QgsProcessingUtils.mapLayerFromString(value, context, False) or value
    if isinstance(value, QgsMapLayer):
        return value.name()
    if not isinstance(value, str) or not value:
        return ""
    parts = QgsProviderRegistry.instance().decodeUri("ogr", value)
    return str(parts.get("layerName") or "") or Path(str(parts.get("path") or value)).stem
