"""The layers and files that a run reads."""

from __future__ import annotations

from collections.abc import Iterator
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
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..layers import SourceFile, no_statistics_file, set_auxiliary_crs, source_files

# Types of parameters by what a path given for them means: the data provider, or a plain file.
PROVIDERS = {"raster": "gdal", "source": "ogr", "vector": "ogr", "file": ""}


@dataclass(frozen=True)
class InputLayer:
    """A layer or file that a run reads.

    Parameters
    ----------
    title
        What the user reads: the parameter, and the layer if it has a name.
    provider, source
        Key of the data provider and data source; the provider is empty for a plain file.
    files
        The files that it is read from.
    """

    title: str
    provider: str
    source: str
    files: frozenset[SourceFile]


def input_layers(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> Iterator[InputLayer]:
    """Yield all layers and files that the parameters name, without loading any layer."""
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if not definition.isDestination() and definition.type() in PROVIDERS and value is not None:
            if (layer := _input_layer(definition, value, context)) is not None:
                yield layer


def load_raster(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> QgsRasterLayer | None:
    """Return a raster layer, without the file of statistics that QGIS would write beside a raster given by its path."""
    value = _layer_or_name(algorithm.parameterDefinition(name), parameters.get(name), context)
    path = value.split("|")[0] if isinstance(value, str) else ""
    with no_statistics_file(path):
        layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if path:
        set_auxiliary_crs(layer, path)
    return layer


def loaded_vector(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> QgsVectorLayer | None:
    """Return the loaded layer of features or rows that a parameter names; None if there is none."""
    layer = _layer_or_name(algorithm.parameterDefinition(name), parameters.get(name), context)
    return layer if isinstance(layer, QgsVectorLayer) else None


def load_rasters(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
    """Load the rasters that are given by their paths, as `load_raster` does."""
    for definition in algorithm.parameterDefinitions():
        if definition.type() == "raster" and isinstance(parameters.get(definition.name()), (str, QgsProperty)):
            load_raster(algorithm, parameters, definition.name(), context)


def rasters_with_bands(algorithm: QgsProcessingAlgorithm) -> set[str]:
    """Return the rasters for which the user chooses a band."""
    bands = (definition for definition in algorithm.parameterDefinitions() if definition.type() == "band")
    return {band.parentLayerParameterName() for band in bands}


def _input_layer(
    definition: QgsProcessingParameterDefinition, value: Any, context: QgsProcessingContext
) -> InputLayer | None:
    value = _layer_or_name(definition, value, context)
    title = f"“{definition.description()}”"
    if isinstance(value, QgsMapLayer):
        provider, source = value.providerType(), value.source()
        return InputLayer(f"{title} ({value.name()})", provider, source, frozenset(source_files(provider, source)))
    if not isinstance(value, str) or not value:
        return None
    provider = PROVIDERS[definition.type()]
    if not provider:
        return InputLayer(title, "", value, frozenset({SourceFile(Path(value))} if Path(value).is_file() else ()))
    return InputLayer(title, provider, value, frozenset(source_files(provider, value)))


def _layer_or_name(definition: QgsProcessingParameterDefinition, value: Any, context: QgsProcessingContext) -> Any:
    """Return the layer that the value of a parameter means, or its path if it is not loaded."""
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    if isinstance(value, QgsProperty):
        value = value.value(context.expressionContext(), None)[0]
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str) and PROVIDERS[definition.type()]:
        value = QgsProcessingUtils.mapLayerFromString(value, context, False) or value
    return value
