"""Translation of an Omniscape project into the parameters of the moving-window current."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import RasterGrid, open_band
from .ini import IniOptions
from .input_files import warn_if_header_is_rounded
from .omniscape_options import flag, log_ineffective, number, require_valid, word
from .raster_layers import raster_layer


def is_omniscape(options: IniOptions) -> bool:
    """Return whether an `.ini` file is a project of Omniscape rather than of Circuitscape."""
    return "resistance_file" in options.values and "habitat_file" not in options.values


@contextmanager
def omniscape_parameters(options: IniOptions, feedback: QgsProcessingFeedback) -> Iterator[dict[str, Any]]:
    """Yield the parameters of the moving-window current for an Omniscape project, without its outputs.

    Its layers can be read until the end of the block.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    feedback
        Receives warnings of options without an effect, and of headers that differ.

    Raises
    ------
    QgsProcessingException
        If an option has an invalid value, a file is missing, or the project reclassifies its resistances.
    """
    require_valid(options)
    log_ineffective(options, feedback)
    with ExitStack() as opened:
        yield _parameters(options, _Layers(options, feedback, opened))


def omniscape_outputs(options: IniOptions) -> dict[str, str]:
    """Return the names of the files that an Omniscape project writes, by output of the moving-window current."""
    names = {"OUTPUT": "cum_currmap.tif"}
    if flag(options, "calc_flow_potential"):
        names["FLOW_POTENTIAL"] = "flow_potential.tif"
    if flag(options, "calc_normalized_current"):
        names["NORMALIZED_CURRENT"] = "normalized_cum_currmap.tif"
    return names


class _Layers:
    """The rasters of a project, opened when they are named; all on the cells of the landscape, which comes first."""

    def __init__(self, options: IniOptions, feedback: QgsProcessingFeedback, opened: ExitStack) -> None:
        self._options, self._feedback, self._opened = options, feedback, opened
        self.landscape = self._open(options.file("resistance_file"))

    def named(self, option: str) -> QgsRasterLayer:
        """Return the raster that an option names."""
        path, grid = self._options.file(option), open_band(self.landscape, 1).grid
        layer = self._open(path)
        if not warn_if_header_is_rounded(path.name, open_band(layer, 1).grid, grid, self._feedback):
            return layer
        return self._open(path, grid)

    def _open(self, path: Path, cells: RasterGrid | None = None) -> QgsRasterLayer:
        return self._opened.enter_context(raster_layer(path, self._feedback, cells=cells))


def _parameters(options: IniOptions, layers: _Layers) -> dict[str, Any]:
    cell = _cell_size(layers.landscape)
    block = round(number(options, "block_size"))
    parameters: dict[str, Any] = {
        "INPUT": layers.landscape,
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
        parameters["SOURCE_STRENGTH"] = layers.named("source_file")
        parameters["THRESHOLD"] = number(options, "source_threshold")
    elif math.isfinite(number(options, "r_cutoff")):
        parameters["CUTOFF"] = number(options, "r_cutoff")
    if flag(options, "conditional"):
        for nth in range(1, int(word(options, "n_conditions")) + 1):
            parameters |= _condition(options, layers, nth)
    return parameters


def _condition(options: IniOptions, layers: _Layers, nth: int) -> dict[str, Any]:
    comparison = word(options, f"comparison{nth}")
    parameters = {f"CONDITION_{nth}": layers.named(f"condition{nth}_file"), f"COMPARISON_{nth}": comparison}
    if comparison == "within":
        parameters[f"LOWEST_{nth}"] = number(options, f"condition{nth}_lower")
        parameters[f"HIGHEST_{nth}"] = number(options, f"condition{nth}_upper")
    if word(options, "compare_to_future") in (str(nth), "both"):
        parameters[f"FUTURE_{nth}"] = layers.named(f"condition{nth}_future_file")
    return parameters


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
