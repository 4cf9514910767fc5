"""Constructors of Processing parameters with help: choices, numbers, distances, destinations."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

Parameter = QgsProcessingParameterDefinition

# Smallest positive length, in map units: a parameter's minimum is an allowed value.
MIN_LENGTH = 1e-9

#: The widgets of choices, numbers and lengths in QGIS's dialogs, as paths that QGIS imports when it opens one.
_WIDGETS = f"{__name__.partition('.plugin.')[0]}.ui.parameters"
ENUM_WIDGET = f"{_WIDGETS}.enum_widget.EnumWidget"
NUMBER_WIDGET = f"{_WIDGETS}.number_widget.NumberWidget"
LENGTH_WIDGET = f"{_WIDGETS}.length_widget.LengthWidget"

#: Keys of a parameter's metadata: the kind of unit of its values (see `units`), and the raster that it interprets.
UNIT, MEANING_OF = "permea_unit", "permea_meaning_of"

#: Keys of a parameter's metadata that name the other parameters on which its effect depends: those that need certain
#: values, those of which at least one needs a value, and those that must have none.
EFFECTIVE_WITH, EFFECTIVE_WITH_ANY = "permea_effective_with", "permea_effective_with_any"
EFFECTIVE_WITHOUT = "permea_effective_without"


def with_help(parameter: Parameter, text: str, *, advanced: bool = False) -> Parameter:
    """Set the help of a parameter and, optionally, the flag of advanced parameters."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def only_with(parameter: Parameter, **conditions: tuple[str, ...]) -> Parameter:
    """Declare the conditions under which a parameter has an effect; otherwise a run warns if it is set.

    Parameters
    ----------
    parameter
        The parameter.
    conditions
        Values of other parameters with which it has an effect, by name; an empty tuple stands for any value.
    """
    values = {name: list(options) for name, options in conditions.items()}
    needed = {**parameter.metadata().get(EFFECTIVE_WITH, {}), **values}
    parameter.setMetadata({**parameter.metadata(), EFFECTIVE_WITH: needed})
    return parameter


def only_with_any(parameter: Parameter, *names: str) -> Parameter:
    """Declare that a parameter has no effect unless one of some other parameters has a value; a run then warns."""
    parameter.setMetadata({**parameter.metadata(), EFFECTIVE_WITH_ANY: list(names)})
    return parameter


def only_without(parameter: Parameter, *names: str) -> Parameter:
    """Declare that a parameter has no effect if one of some other parameters has a value; a run then warns."""
    others = [*parameter.metadata().get(EFFECTIVE_WITHOUT, []), *names]
    parameter.setMetadata({**parameter.metadata(), EFFECTIVE_WITHOUT: others})
    return parameter


def optional(parameter: Parameter) -> Parameter:
    """Make a parameter optional: it is not always needed, or models saved before it existed do not set it."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagOptional)
    return parameter


def either(*parameters: Parameter) -> list[Parameter]:
    """Declare parameters as alternatives, of which a run uses one; it rejects several, or warns about the others."""
    names = [parameter.name() for parameter in parameters]
    return [only_without(parameter, *(name for name in names if name != parameter.name())) for parameter in parameters]


def meaning_of(parameter: Parameter, raster: str) -> Parameter:
    """Declare that a choice interprets the values of a raster, so that a dialog presets it by the name of the band."""
    parameter.setMetadata({**parameter.metadata(), MEANING_OF: raster})
    return parameter


def choice(
    name: str,
    description: str,
    options: Mapping[str, str],
    text: str,
    *,
    default: str = "",
    required: bool = False,
    advanced: bool = False,
) -> Parameter:
    """Return a choice of one option.

    Parameters
    ----------
    name, description, text
        Name, label and help of the parameter.
    options
        Label of each option by its value. The values are fixed: scripts and models store them.
    default
        Default value; the first option if empty.
    required
        Whether there is no default, so that the user has to choose.
    advanced
        Whether the parameter is advanced.
    """
    values = list(options)
    default_value = None if required else default or values[0]
    parameter = QgsProcessingParameterEnum(
        name, description, values, defaultValue=default_value, usesStaticStrings=True
    )
    parameter.setMetadata({"widget_wrapper": {"class": ENUM_WIDGET, "labels": list(options.values())}})
    return with_help(parameter, text, advanced=advanced)


def option_label(definition: Parameter, value: object) -> str:
    """Return the label of an option of a choice, as the dialog shows it; the value itself if it has no label."""
    labels = definition.metadata().get("widget_wrapper", {}).get("labels", ())
    options = definition.options() if labels else []
    return labels[options.index(value)] if value in options else str(value)


def boolean(name: str, description: str, text: str, *, default: bool = False, advanced: bool = False) -> Parameter:
    """Return a check box."""
    return with_help(QgsProcessingParameterBoolean(name, description, defaultValue=default), text, advanced=advanced)


def number(
    name: str,
    description: str,
    default: float | None,
    text: str,
    *,
    minimum: float | None,
    maximum: float | None = None,
    integer: bool = False,
    unit: str = "",
    advanced: bool = False,
) -> Parameter:
    """Return a number with optional bounds; it is optional if there is no default.

    Parameters
    ----------
    name, description, text
        Name, label and help of the parameter.
    default, minimum, maximum
        Default value and bounds; None if there is none.
    integer
        Whether it is a whole number.
    unit
        Kind of unit, see `units`; empty if it has none.
    advanced
        Whether the parameter is advanced.
    """
    kind = QgsProcessingParameterNumber.Type.Integer if integer else QgsProcessingParameterNumber.Type.Double
    parameter = QgsProcessingParameterNumber(name, description, kind, defaultValue=default, optional=default is None)
    if minimum is not None:
        parameter.setMinimum(minimum)
    if maximum is not None:
        parameter.setMaximum(maximum)
    if not integer:
        parameter.setMetadata({"widget_wrapper": {"class": NUMBER_WIDGET}, UNIT: unit})
    return with_help(parameter, text, advanced=advanced)


def distance(
    name: str,
    description: str,
    default: float | None,
    text: str,
    *,
    minimum: float = MIN_LENGTH,
    advanced: bool = False,
) -> Parameter:
    """Return a length in the units of the landscape, positive by default; it is optional if there is no default."""
    optional = default is None
    parameter = QgsProcessingParameterDistance(name, description, default, "INPUT", optional, minValue=minimum)
    parameter.setMetadata({"widget_wrapper": {"class": LENGTH_WIDGET}})
    return with_help(parameter, text, advanced=advanced)


def optional_raster_destination(name: str, description: str, text: str) -> Parameter:
    """Return the destination of a raster that is not written by default."""
    destination = QgsProcessingParameterRasterDestination(name, description, optional=True, createByDefault=False)
    return with_help(destination, text)


def table_destination(
    name: str, description: str, text: str, *, optional: bool = False, by_default: bool = False
) -> Parameter:
    """Return the destination of a table without geometry; an optional one may be written by default in dialogs."""
    return _sink(name, description, text, QgsProcessing.SourceType.TypeVector, optional, by_default)


def line_destination(
    name: str, description: str, text: str, *, optional: bool = False, by_default: bool = False
) -> Parameter:
    """Return the destination of a line layer; an optional one may be written by default in dialogs."""
    return _sink(name, description, text, QgsProcessing.SourceType.TypeVectorLine, optional, by_default)


def _sink(
    name: str, description: str, text: str, kind: QgsProcessing.SourceType, optional: bool, by_default: bool
) -> Parameter:
    shown = by_default or not optional
    sink = QgsProcessingParameterFeatureSink(name, description, kind, optional=optional, createByDefault=shown)
    return with_help(sink, text)
