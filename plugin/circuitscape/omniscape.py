"""Translation of an Omniscape project into the parameters of the moving-window current."""

from __future__ import annotations

import math
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..decimal_numbers import parse_number
from ..i18n import tr
from ..layers import in_main_thread, no_statistics_file, open_band
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

#: Values that Permea has no choice for, and what it does instead.
FIXED = {
    "mask_nodata": (True, tr("the maps have no data where the resistance has none")),
    "write_as_tif": (True, tr("the maps are GeoTIFFs")),
    "write_raw_currmap": (True, tr("the cumulative current is written")),
}


def is_omniscape(options: IniOptions) -> bool:
    """Return whether an `.ini` file is a project of Omniscape rather than of Circuitscape."""
    return "resistance_file" in options.values and "habitat_file" not in options.values


def omniscape_parameters(options: IniOptions, feedback: QgsProcessingFeedback) -> dict[str, Any]:
    """Return the parameters of the moving-window current for an Omniscape project, without its outputs.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    feedback
        Receives warnings of options without an effect.

    Raises
    ------
    QgsProcessingException
        If an option has an invalid value, a file is missing, or the project reclassifies its resistances.
    """
    _require_valid(options)
    _log_ignored(options, feedback)
    landscape = _layer(options, "resistance_file")
    cell = _cell_size(landscape)
    block = round(_number(options, "block_size"))
    parameters: dict[str, Any] = {
        "INPUT": landscape,
        "VALUES": "permeability" if _flag(options, "resistance_is_conductance") else "resistance",
        "RADIUS": round(_number(options, "radius")) * cell,
        "BUFFER": round(_number(options, "buffer")) * cell,
        # Omniscape makes even blocks one cell larger.
        "BLOCK_SIZE": block + 1 - block % 2,
        "CORRECT": _flag(options, "correct_artifacts"),
        "AS_OMNISCAPE": True,
        "NEIGHBORS": "rook" if _flag(options, "connect_four_neighbors_only") else "queen",
        "EDGE_RULE": "mean",
    }
    if not _flag(options, "source_from_resistance"):
        parameters["SOURCE_STRENGTH"] = _layer(options, "source_file")
        parameters["THRESHOLD"] = _number(options, "source_threshold")
    elif math.isfinite(_number(options, "r_cutoff")):
        parameters["CUTOFF"] = _number(options, "r_cutoff")
    if _flag(options, "conditional"):
        for nth in range(1, int(_word(options, "n_conditions")) + 1):
            parameters |= _condition(options, nth)
    return parameters


def omniscape_outputs(options: IniOptions) -> dict[str, str]:
    """Return the names of the files that an Omniscape project writes, by output of the moving-window current."""
    names = {"OUTPUT": "cum_currmap.tif"}
    if _flag(options, "calc_flow_potential"):
        names["FLOW_POTENTIAL"] = "flow_potential.tif"
    if _flag(options, "calc_normalized_current"):
        names["NORMALIZED_CURRENT"] = "normalized_cum_currmap.tif"
    return names


def _condition(options: IniOptions, nth: int) -> dict[str, Any]:
    comparison = _word(options, f"comparison{nth}")
    parameters = {f"CONDITION_{nth}": _layer(options, f"condition{nth}_file"), f"COMPARISON_{nth}": comparison}
    if comparison == "within":
        parameters[f"LOWEST_{nth}"] = _number(options, f"condition{nth}_lower")
        parameters[f"HIGHEST_{nth}"] = _number(options, f"condition{nth}_upper")
    if _word(options, "compare_to_future") in (str(nth), "both"):
        parameters[f"FUTURE_{nth}"] = _layer(options, f"condition{nth}_future_file")
    return parameters


def _layer(options: IniOptions, name: str) -> QgsRasterLayer:
    path = options.file(name)
    # By default GDAL reads an ASCII grid in single precision.
    option = "|option:DATATYPE=Float64" if path.suffix.lower() == ".asc" else ""
    source = f"{path}{option}"

    def opened() -> QgsRasterLayer:
        with no_statistics_file(path):
            return QgsRasterLayer(source, path.name)

    in_main_thread(lambda: opened().crs().toWkt())
    layer = opened()
    if not layer.isValid():
        raise QgsProcessingException(
            tr("'{name}' cannot be read as a raster: {reason}.").format(
                name=path.name, reason=layer.error().summary().rstrip(".")
            )
        )
    return layer


def _cell_size(layer: QgsRasterLayer) -> float:
    height, width = open_band(layer, 1).grid.pixel_size
    if abs(height - width) > 1e-6 * width:
        raise QgsProcessingException(
            tr(
                "The cells of '{name}' are {height:.10g} high and {width:.10g} wide, so a radius in cells has no "
                "single length. Run “Moving-window current” with a radius in map units instead."
            ).format(name=layer.name(), height=height, width=width)
        )
    return width


def _flag(options: IniOptions, name: str) -> bool:
    value = options.values.get(name)
    return FLAGS[name] if value is None else value.lower() == "true"


def _word(options: IniOptions, name: str) -> str:
    return options.values.get(name, WORDS[name][0]).lower()


def _number(options: IniOptions, name: str) -> float:
    value = options.values.get(name)
    if value is None:
        return NUMBERS[name]
    return next(number for mark in ".," if (number := parse_number(value, mark)) is not None)


def _require_valid(options: IniOptions) -> None:
    invalid = {}
    for name, value in options.values.items():
        if name in FLAGS and value.lower() not in ("true", "false"):
            invalid[name] = tr("true or false")
        elif name in WORDS and value.lower() not in WORDS[name]:
            invalid[name] = alternatives(WORDS[name])
        elif name in NUMBERS and parse_number(value, ".") is None and parse_number(value, ",") is None:
            invalid[name] = tr("a number")
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
    if _flag(options, "reclassify_resistance"):
        raise QgsProcessingException(
            tr(
                "'{project}' reclassifies its resistances (reclassify_resistance = true). Do that first with "
                "“Permeability from land cover”, name the result as resistance_file, and set reclassify_resistance = "
                "false."
            ).format(project=options.path.name)
        )


def _log_ignored(options: IniOptions, feedback: QgsProcessingFeedback) -> None:
    project = options.path.name
    known = {*FLAGS, *WORDS, *NUMBERS, *FILES, *IGNORED}
    unknown = [f"{name} = {value}" for name, value in options.values.items() if name not in known]
    if unknown:
        text = tr("'{project}': unknown options, which have no effect: {options}.")
        feedback.pushWarning(text.format(project=project, options="; ".join(unknown)))
    for name, (value, instead) in FIXED.items():
        if _flag(options, name) != value:
            text = tr("'{project}': {name} = {value} has no effect: {instead}.")
            feedback.pushWarning(text.format(project=project, name=name, value=options.values[name], instead=instead))
    for name, path in ((name, options.relocated(name)) for name in FILES):
        if path is not None:
            text = tr("'{project}': there is no file {given} ({option}); '{path}' is used instead.")
            feedback.pushWarning(text.format(project=project, given=options.values[name], option=name, path=path))
