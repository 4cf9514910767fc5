"""Translation of an Omniscape project into the parameters of the moving-window current."""

from __future__ import annotations

import math
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import in_main_thread, no_statistics_file, open_band
from .ini import IniOptions
from .omniscape_options import flag, log_ineffective, number, require_valid, word


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
    require_valid(options)
    log_ineffective(options, feedback)
    landscape = _layer(options, "resistance_file")
    cell = _cell_size(landscape)
    block = round(number(options, "block_size"))
    parameters: dict[str, Any] = {
        "INPUT": landscape,
        "VALUES": "permeability" if flag(options, "resistance_is_conductance") else "resistance",
        "RADIUS": round(number(options, "radius")) * cell,
        "BUFFER": round(number(options, "buffer")) * cell,
        # Omniscape makes even blocks one cell larger.
        "BLOCK_SIZE": block + 1 - block % 2,
        "CORRECT": flag(options, "correct_artifacts"),
        "AS_OMNISCAPE": True,
        "NEIGHBORS": "rook" if flag(options, "connect_four_neighbors_only") else "queen",
        "EDGE_RULE": "mean",
    }
    if not flag(options, "source_from_resistance"):
        parameters["SOURCE_STRENGTH"] = _layer(options, "source_file")
        parameters["THRESHOLD"] = number(options, "source_threshold")
    elif math.isfinite(number(options, "r_cutoff")):
        parameters["CUTOFF"] = number(options, "r_cutoff")
    if flag(options, "conditional"):
        for nth in range(1, int(word(options, "n_conditions")) + 1):
            parameters |= _condition(options, nth)
    return parameters


def omniscape_outputs(options: IniOptions) -> dict[str, str]:
    """Return the names of the files that an Omniscape project writes, by output of the moving-window current."""
    names = {"OUTPUT": "cum_currmap.tif"}
    if flag(options, "calc_flow_potential"):
        names["FLOW_POTENTIAL"] = "flow_potential.tif"
    if flag(options, "calc_normalized_current"):
        names["NORMALIZED_CURRENT"] = "normalized_cum_currmap.tif"
    return names


def _condition(options: IniOptions, nth: int) -> dict[str, Any]:
    comparison = word(options, f"comparison{nth}")
    parameters = {f"CONDITION_{nth}": _layer(options, f"condition{nth}_file"), f"COMPARISON_{nth}": comparison}
    if comparison == "within":
        parameters[f"LOWEST_{nth}"] = number(options, f"condition{nth}_lower")
        parameters[f"HIGHEST_{nth}"] = number(options, f"condition{nth}_upper")
    if word(options, "compare_to_future") in (str(nth), "both"):
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
