"""Values of parameters that QGIS would ignore, or refuse without a reason."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
    QgsProperty,
)

from ..decimal_numbers import may_separate_thousands, parse_number
from ..i18n import tr
from .formatting import join_alternatives
from .plain_values import is_provided

# Largest whole number that QGIS can hold.
LARGEST_INTEGER = 2**63 - 1


def with_named_choices(algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with choices by number, which QGIS's help numbers from 0, replaced by their values.

    Parameters
    ----------
    algorithm
        The algorithm that defines the parameters.
    parameters
        Values by name, as passed by Processing.
    """
    named = dict(parameters)
    for definition in _choices(algorithm):
        options, value = definition.options(), named.get(definition.name())
        digits = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
        if digits.isdecimal() and digits not in options and int(digits) < len(options):
            named[definition.name()] = options[int(digits)]
    return named


def invalid_parameters(algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any]) -> str:
    """Return an error message about values that QGIS ignores or refuses without a reason; empty if there are none.

    Parameters
    ----------
    algorithm
        The algorithm that defines the parameters.
    parameters
        Values by name, with named choices.
    """
    return next(_errors(algorithm, parameters), "")


def _errors(algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any]) -> Iterator[str]:
    names = [definition.name() for definition in algorithm.parameterDefinitions()]
    for name in (name for name in parameters if name not in names):
        similar = difflib.get_close_matches(name.upper(), names, 1, 0.7)
        yield tr("“{algorithm}” has no parameter {name}. {advice}").format(
            algorithm=algorithm.displayName(),
            name=name,
            advice=tr("Did you mean {name}?").format(name=similar[0])
            if similar
            else tr("Its parameters are {names}.").format(names=", ".join(names)),
        )
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if not is_provided(parameters, definition.name()) or isinstance(value, QgsProperty):
            continue
        error = ""
        if isinstance(definition, QgsProcessingParameterEnum) and definition.usesStaticStrings():
            error = _choice_error(definition, value)
        elif isinstance(definition, QgsProcessingParameterNumber):
            error = _number_error(definition, value)
        elif isinstance(definition, QgsProcessingParameterBoolean):
            error = _boolean_error(value)
        elif definition.type() == "band":
            error = _band_error(value)
        elif definition.type() == "field" and not is_provided(parameters, definition.parentLayerParameterName()):
            layer = algorithm.parameterDefinition(definition.parentLayerParameterName())
            error = tr("'{value}' is a field of “{layer}”, which is not chosen").format(
                value=value, layer=layer.description()
            )
        if error:
            yield tr("{label} ({name}): {error}.").format(
                label=definition.description(), name=definition.name(), error=error
            )
    for definition in _choices(algorithm):
        optional = definition.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
        if definition.defaultValue() is None and not optional and not is_provided(parameters, definition.name()):
            text = tr("{name} has no default: it must be {options}.")
            yield text.format(name=definition.name(), options=join_alternatives(definition.options()))


def _choice_error(definition: QgsProcessingParameterEnum, value: Any) -> str:
    options = definition.options()
    if definition.allowMultiple() or str(value) in options:
        return ""
    text = tr("'{value}' is not a choice; the choices are {options}, or their numbers from 0 to {last}")
    return text.format(value=value, options=", ".join(options), last=len(options) - 1)


def _boolean_error(value: Any) -> str:
    """Return an error about a value that QGIS would take as true, such as "no"."""
    if str(value).lower() in ("true", "false", "1", "0"):
        return ""
    return tr("'{value}' is neither true nor false").format(value=value)


def _band_error(value: Any) -> str:
    """Return an error about a value that QGIS would round, or take as the first band, such as "first"."""
    if str(value).isdecimal():
        return ""
    return tr("'{value}' is not the number of a band, counted from 1").format(value=value)


def _comma_advice(text: str) -> str:
    """Return how to write a number with a comma; empty if there is none."""
    number = parse_number(text, ",")
    if number is None:
        return ""
    if "," not in text or not may_separate_thousands(text):
        return tr("; write {number:g}, with a decimal point").format(number=number)
    return tr("; write {decimal} or {thousands}").format(
        decimal=text.strip().replace(",", "."), thousands=text.strip().replace(",", "")
    )


def _number_error(definition: QgsProcessingParameterNumber, value: Any) -> str:
    number = parse_number(value, ".") if isinstance(value, str) else value
    if not isinstance(number, (int, float)) or isinstance(number, bool):
        advice = _comma_advice(value) if isinstance(value, str) else ""
        return tr("'{value}' is not a number{advice}").format(value=value, advice=advice)
    if isinstance(number, int) and abs(number) > LARGEST_INTEGER:
        return tr("a number of {digits:# digit|# digits} is too large").format(digits=len(str(abs(number))))
    if not math.isfinite(number):
        return tr("{value} is not a finite number").format(value=value)
    if definition.dataType() == QgsProcessingParameterNumber.Type.Integer and not float(number).is_integer():
        return tr("{value} is not a whole number").format(value=value)
    if number < definition.minimum():
        return tr("{value} is too small; it must be at least {minimum:g}").format(
            value=value, minimum=definition.minimum()
        )
    if number > definition.maximum():
        return tr("{value} is too large; it must be at most {maximum:g}").format(
            value=value, maximum=definition.maximum()
        )
    return ""


def _choices(algorithm: QgsProcessingAlgorithm) -> Iterator[QgsProcessingParameterEnum]:
    for definition in algorithm.parameterDefinitions():
        if isinstance(definition, QgsProcessingParameterEnum) and definition.usesStaticStrings():
            yield definition
