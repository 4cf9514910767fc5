"""How to repeat a run: the command for a terminal, and the call in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsProperty,
)

from ..results import Provenance


def python_call(algorithm: QgsProcessingAlgorithm, provenance: Provenance) -> str:
    """Return the call that repeats a run in QGIS's Python console; values that are the default are left out.

    Parameters
    ----------
    algorithm
        The algorithm.
    provenance
        Its parameters.
    """
    lines = ["import processing", "", f"processing.run({provenance.algorithm!r}, {{"]
    for name, value in provenance.parameters.items():
        definition = algorithm.parameterDefinition(name)
        if definition.isDestination() or value != definition.defaultValue():
            lines.append(f"    {name!r}: {value!r},")
    return "\n".join([*lines, "})"])


def memory_layers(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> Iterator[str]:
    """Yield the names of inputs that are temporary layers without a file.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it.
    """
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if definition.type() not in ("raster", "source", "vector"):
            continue
        if isinstance(value, QgsProcessingFeatureSourceDefinition):
            value = value.source
        if isinstance(value, QgsProperty):
            value = value.value(context.expressionContext(), None)[0]
        if isinstance(value, str):
            value = QgsProcessingUtils.mapLayerFromString(value, context, False)
        if isinstance(value, QgsMapLayer) and value.providerType() == "memory":
            yield value.name()
