"""The options of an Omniscape project: their values, which of them are invalid, and which have no effect."""

from __future__ import annotations

import math

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..decimal_numbers import may_separate_thousands, parse_number
from ..i18n import tr
from .ini import IniOptions, alternatives

#: Boolean options and Omniscape's defaults.
FLAGS = {
    "calc_flow_potential": False,
    "calc_normalized_current": False,
    "conditional": False,
    "connect_four_neighbors_only": False,
    "correct_artifacts": True,
    "mask_nodata": True,
    "reclassify_resistance": False,
    "resistance_is_conductance": False,
    "source_from_resistance": False,
    "write_as_tif": True,
    "write_raw_currmap": True,
    "write_reclassified_resistance": False,
}

WORDS = {
    "compare_to_future": ("none", "1", "2", "both"),
    "comparison1": ("within", "equal"),
    "comparison2": ("within", "equal"),
    "n_conditions": ("1", "2"),
}

#: Numbers and their defaults; None if the option is required.
NUMBERS = {
    "block_size": 1.0,
    "buffer": 0.0,
    "condition1_lower": 0.0,
    "condition1_upper": 0.0,
    "condition2_lower": 0.0,
    "condition2_upper": 0.0,
    "r_cutoff": math.inf,
    "radius": None,
    "source_threshold": 0.0,
}

FILES = (
    "condition1_file",
    "condition1_future_file",
    "condition2_file",
    "condition2_future_file",
    "reclass_table",
    "resistance_file",
    "source_file",
)

#: Options about solvers, memory and logging, which do not affect the results and are ignored.
IGNORED = (
    "allow_different_projections",
    "parallel_batch_size",
    "parallelize",
    "precision",
    "project_name",
    "solver",
    "suppress_cs_messages",
)

#: More cells than a raster has in a row.
MANY_CELLS = 1e9

#: Smallest and largest value of numbers; others may be anything.
LIMITS = {
    "block_size": (1.0, MANY_CELLS),
    "buffer": (0.0, MANY_CELLS),
    "r_cutoff": (1e-9, math.inf),
    "radius": (1.0, MANY_CELLS),
    "source_threshold": (0.0, math.inf),
}

_CONDITIONAL = ("conditional", "true")
_TWO = ("n_conditions", "2")

#: Options that have no effect unless other options have certain values.
NEEDS = {
    "source_file": [("source_from_resistance", "false")],
    "source_threshold": [("source_from_resistance", "false")],
    "r_cutoff": [("source_from_resistance", "true")],
    "n_conditions": [_CONDITIONAL],
    "compare_to_future": [_CONDITIONAL],
    "comparison1": [_CONDITIONAL],
    "comparison2": [_CONDITIONAL, _TWO],
    "condition1_file": [_CONDITIONAL],
    "condition2_file": [_CONDITIONAL, _TWO],
    "condition1_future_file": [_CONDITIONAL, ("compare_to_future", "1", "both")],
    "condition2_future_file": [_CONDITIONAL, _TWO, ("compare_to_future", "2", "both")],
    "condition1_lower": [_CONDITIONAL, ("comparison1", "within")],
    "condition1_upper": [_CONDITIONAL, ("comparison1", "within")],
    "condition2_lower": [_CONDITIONAL, _TWO, ("comparison2", "within")],
    "condition2_upper": [_CONDITIONAL, _TWO, ("comparison2", "within")],
    "reclass_table": [("reclassify_resistance", "true")],
    "write_reclassified_resistance": [("reclassify_resistance", "true")],
}

#: Values that Permea has no choice for, and what it does instead.
FIXED = {
    "mask_nodata": (True, tr("the maps have no data where the resistance has none")),
    "write_as_tif": (True, tr("the maps are GeoTIFFs")),
    "write_raw_currmap": (True, tr("the cumulative current is written")),
}


def flag(options: IniOptions, name: str) -> bool:
    """Return whether an option is switched on."""
    value = options.values.get(name)
    return FLAGS[name] if value is None else value.lower() == "true"


def word(options: IniOptions, name: str) -> str:
    """Return the value of an option with a fixed set of values."""
    return options.values.get(name, WORDS[name][0]).lower()


def number(options: IniOptions, name: str) -> float:
    """Return the value of a number, which may have a decimal comma."""
    value = options.values.get(name)
    return NUMBERS[name] if value is None else _parsed(value)


def require_valid(options: IniOptions) -> None:
    """Raise an error if an option has an invalid value, or a project has no radius or reclassifies its resistances.

    Raises
    ------
    QgsProcessingException
        Names the options, and the values that they may have.
    """
    invalid = {}
    for name, value in options.values.items():
        if name in FLAGS and value.lower() not in ("true", "false"):
            invalid[name] = tr("true or false")
        elif name in WORDS and value.lower() not in WORDS[name]:
            invalid[name] = alternatives(WORDS[name])
        elif name in NUMBERS and (allowed := _allowed_number(name, value)):
            invalid[name] = allowed
    if invalid:
        listed = "; ".join(f"{name} = {options.values[name]}: {allowed}" for name, allowed in sorted(invalid.items()))
        raise QgsProcessingException(
            tr("'{project}' has invalid options. {options}. Correct them.").format(
                project=options.path.name, options=listed
            )
        )
    if "radius" not in options.values:
        raise QgsProcessingException(
            tr("'{project}' gives no radius: add 'radius = ' and a number of cells.").format(project=options.path.name)
        )
    if flag(options, "reclassify_resistance"):
        raise QgsProcessingException(
            tr(
                "'{project}' reclassifies its resistances (reclassify_resistance = true). Do that first with "
                "“Permeability from land cover”, name the result as resistance_file, and set reclassify_resistance = "
                "false."
            ).format(project=options.path.name)
        )


def log_ineffective(options: IniOptions, feedback: QgsProcessingFeedback) -> None:
    """Warn about the options that have no effect, or another one than the project says.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    feedback
        Receives the warnings.
    """
    project = options.path.name
    known = {*FLAGS, *WORDS, *NUMBERS, *FILES, *IGNORED}
    unknown = [f"{name} = {value}" for name, value in options.values.items() if name not in known]
    if unknown:
        text = tr("'{project}': unknown options, which have no effect: {options}.")
        feedback.pushWarning(text.format(project=project, options="; ".join(unknown)))
    if options.repeated:
        text = tr("'{project}' gives options twice: {options}.")
        feedback.pushWarning(text.format(project=project, options=", ".join(options.repeated)))
    for name, (value, instead) in FIXED.items():
        if flag(options, name) != value:
            text = tr("'{project}': {name} = {value} has no effect: {instead}.")
            feedback.pushWarning(text.format(project=project, name=name, value=options.values[name], instead=instead))
    unmet = [_unmet(options, name) for name in options.values if name in NEEDS and _is_set(options, name)]
    if any(unmet):
        text = tr("'{project}': options that have no effect here: {options}.")
        feedback.pushWarning(text.format(project=project, options="; ".join(filter(None, unmet))))
    for name in ("block_size", "buffer", "radius"):
        if not number(options, name).is_integer():
            text = tr("'{project}': {name} = {value} is rounded to {cells:# cell|# cells}, as in Omniscape.")
            cells, value = round(number(options, name)), options.values[name]
            feedback.pushWarning(text.format(project=project, name=name, value=value, cells=cells))
    for name, path in ((name, options.relocated(name)) for name in FILES):
        if path is not None:
            text = tr("'{project}': there is no file {given} ({option}); '{path}' is used instead.")
            feedback.pushWarning(text.format(project=project, given=options.values[name], option=name, path=path))


def _parsed(value: str) -> float | None:
    readings = (parse_number(value, mark) for mark in ".,")
    return next((reading for reading in readings if reading is not None), None)


def _allowed_number(name: str, value: str) -> str:
    """Return what a number must be; empty if it is valid."""
    parsed = _parsed(value)
    if parsed is None:
        return tr("a number")
    if may_separate_thousands(value):
        return tr("a number without separators of thousands")
    smallest, largest = LIMITS.get(name, (-math.inf, math.inf))
    if smallest <= parsed <= largest:
        return ""
    text = tr("a number from {smallest:g} to {largest:g}")
    return text.format(smallest=smallest, largest=largest)


def _is_set(options: IniOptions, name: str) -> bool:
    """Return whether an option has a value other than its default."""
    if name in FILES:
        return options.names_file(name)
    if name in NUMBERS:
        return number(options, name) != NUMBERS[name]
    return flag(options, name) != FLAGS[name] if name in FLAGS else word(options, name) != WORDS[name][0]


def _unmet(options: IniOptions, name: str) -> str:
    """Return an option with what it needs to have an effect; empty if it has one."""
    needs = NEEDS[name]
    if name == "compare_to_future" and word(options, name) != "1":
        needs = [*needs, _TWO]
    for needed, *values in needs:
        value = str(flag(options, needed)).lower() if needed in FLAGS else word(options, needed)
        if value not in values:
            text = tr("{name} = {value} (only with {needed} = {values})")
            allowed = alternatives(tuple(values))
            return text.format(name=name, value=options.values[name], needed=needed, values=allowed)
    return ""
