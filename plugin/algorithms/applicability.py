"""Which parameters have an effect with the values of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
    QgsProperty,
)

from ..distance_registry import distance_info
from ..i18n import tr
from .formatting import join_alternatives, join_names
from .parameter_types import EFFECTIVE_WITH, EFFECTIVE_WITH_ANY, EFFECTIVE_WITHOUT, option_label
from .plain_values import is_provided

#: Parameters of distances, in the registry's names.
_DISTANCE_PARAMETERS = ("theta", "cost", "measure", "solver")


def ineffective_parameters(algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any]) -> list[str]:
    """Return a warning for every value that was set but has no effect with the other values.

    Parameters
    ----------
    algorithm
        The algorithm that defines the parameters.
    parameters
        Values by name, with named choices.
    """
    texts = []
    for definition in algorithm.parameterDefinitions():
        if not is_set(definition, parameters):
            continue
        for reason in reasons_without_effect(algorithm, definition, parameters):
            texts.append(tr("“{label}” has no effect: {reason}.").format(label=definition.description(), reason=reason))
    return texts


def is_set(definition: QgsProcessingParameterDefinition, parameters: Mapping[str, Any]) -> bool:
    """Return whether a parameter has a value other than its default."""
    value, default = parameters.get(definition.name()), definition.defaultValue()
    if not is_provided(parameters, definition.name()) or isinstance(value, QgsProperty):
        return False
    if isinstance(definition, QgsProcessingParameterNumber) and default is not None:
        return float(value) != float(default)
    return str(value).lower() != str(default).lower()


def reasons_without_effect(
    algorithm: QgsProcessingAlgorithm, definition: QgsProcessingParameterDefinition, parameters: Mapping[str, Any]
) -> Iterator[str]:
    """Yield why a parameter has no effect with the values of the others, as part of a sentence.

    Parameters
    ----------
    algorithm
        The algorithm that defines the parameters.
    definition
        The parameter.
    parameters
        Values by name, with named choices.
    """
    metadata = definition.metadata()
    for name, options in metadata.get(EFFECTIVE_WITH, {}).items():
        other = algorithm.parameterDefinition(name)
        if not options and not is_provided(parameters, name):
            yield tr("it needs “{label}”").format(label=other.description())
        elif options and not _may_be(other, parameters, options):
            chosen = join_names([f"“{option_label(other, option)}”" for option in options])
            yield tr("it needs “{label}” = {options}").format(label=other.description(), options=chosen)
    any_of = metadata.get(EFFECTIVE_WITH_ANY, [])
    if any_of and not any(is_provided(parameters, name) for name in any_of):
        labels = [f"“{algorithm.parameterDefinition(name).description()}”" for name in any_of]
        yield tr("it needs {labels}").format(labels=join_alternatives(labels))
    for name in metadata.get(EFFECTIVE_WITHOUT, []):
        if is_provided(parameters, name):
            label = algorithm.parameterDefinition(name).description()
            yield tr("“{label}” is used instead").format(label=label)
    if definition.type() == "field" and not is_provided(parameters, definition.parentLayerParameterName()):
        layer = algorithm.parameterDefinition(definition.parentLayerParameterName())
        yield tr("it is a field of “{layer}”, which is not chosen").format(layer=layer.description())
    distance = algorithm.parameterDefinition("DISTANCE")
    if distance is not None and definition.name().lower() in _DISTANCE_PARAMETERS:
        value = _value(distance, parameters)
        info = None if isinstance(value, QgsProperty) else distance_info(value)
        if info is not None and definition.name().lower() not in info.parameters:
            yield tr("the distance “{distance}” does not depend on it").format(distance=tr(info.label))


def _may_be(definition: QgsProcessingParameterDefinition, parameters: Mapping[str, Any], options: list[str]) -> bool:
    """Return whether a parameter has one of some values; an expression, evaluated by the run, may have any."""
    value = _value(definition, parameters)
    return isinstance(value, QgsProperty) or value in options


def _value(definition: QgsProcessingParameterDefinition, parameters: Mapping[str, Any]) -> Any:
    """Return the value of a parameter, or its default."""
    name = definition.name()
    return parameters[name] if is_provided(parameters, name) else definition.defaultValue()
