"""Base class of the distance maps: the distance of every cell to some sources."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import Text, tr
from ...layers import Points
from ...runner import Result, Task, require_disk_space
from ..base import DISTANCES, EngineAlgorithm
from ..formatting import format_number
from ..outputs import RasterOutput, common_outputs, distance_outputs
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, per_source, raster_destination, sources, unreachable
from ..renderers import Style
from ..results import cost_unit
from ..styles import distance_style

# Limit of the GeoTIFF format.
MAX_BANDS = 65_535

# Bytes per cell of a band on disk: as the engine writes it, and in a GeoTIFF with overviews that does not compress.
BAND_BYTES = 8 + 4 * 4 / 3


#: Captions of the numbers of a map or table of probabilities.
PROBABILITY_CAPTIONS = {
    "minimum": tr("Smallest survival probability"),
    "maximum": tr("Largest survival probability"),
    "mean": tr("Mean survival probability"),
}


class DistanceAlgorithm(EngineAlgorithm):
    """Distance of every cell to the nearest source, or to each source.

    Attributes
    ----------
    task_name
        Name of the engine's task.
    output_title, output_help
        Label and help of the raster output.
    band_name, unit
        Name of a single band, and suffix of the numbers in the legend; of costs if empty.
    symmetric
        Whether the distance requires steps with the same conductance in both directions.
    source_note
        A sentence about the distance to lines and polygons.
    """

    toolbox_group = DISTANCES
    number_outputs = (*common_outputs(), *distance_outputs(cost_unit))
    task_name: str
    output_title: str
    output_help: str
    band_name: str = ""
    unit: str = ""
    symmetric = False
    source_note: str = ""

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *sources(regions=self.source_regions, note=self.source_note),
            *self.extra_parameters(),
            per_source(),
            *graph(symmetric=self.symmetric),
            unreachable(tr("Unreachable cells"), tr("How cells from which no source can be reached are written.")),
            raster_destination(self.output_title, self.output_help),
        ]

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters specific to this distance."""
        return []

    def extra_task_parameters(self, inputs: ParameterValues) -> dict[str, Any]:
        """Return the task's parameters specific to this distance."""
        return {}

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        chosen = provided & {"SOURCES", "SOURCE_RASTER"}
        if not chosen:
            return tr("No sources: choose either a layer of sources or a source raster.")
        if len(chosen) == 2:
            return tr("Two sets of sources: choose either a layer of sources or a source raster, not both.")
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        points, per_source = inputs.sources, inputs.flag("PER_SOURCE")
        if per_source and len(points) > MAX_BANDS:
            raise QgsProcessingException(
                tr(
                    "A GeoTIFF holds at most {limit:# band|# bands}, and there are {count:# source|# sources}. Switch "
                    "“One band for each source” off, or use fewer sources."
                ).format(count=len(points), limit=MAX_BANDS)
            )
        if per_source:
            require_disk_space(len(points) * inputs.landscape.values.size * BAND_BYTES)
        extra = self.extra_task_parameters(inputs)
        arrays = {"sources": points.cells} | ({} if points.owners is None else {"owners": points.owners})
        return inputs.task(self.task_name, arrays, per_source=per_source, **extra)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        distance = result.outputs["distance"]
        names = _band_names(inputs.sources) if inputs.flag("PER_SOURCE") else (self.single_band_name(inputs),)
        return [
            RasterOutput(
                "OUTPUT", distance, self.style(inputs, distance), band_names=names, title=self.result_title(inputs)
            )
        ]

    def single_band_name(self, inputs: ParameterValues) -> str:
        """Return the name of the band if there is one band for all sources."""
        return self.band_name or tr("cost, {unit}").format(unit=cost_unit(inputs))

    def result_title(self, inputs: ParameterValues) -> str:
        """Return what the map shows, for the name of its layer."""
        return self.output_title

    def style(self, inputs: ParameterValues, distance: np.ndarray) -> Style:
        """Return the style of the map."""
        return distance_style(distance, self.unit or cost_unit(inputs))

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        log_distance_range(result, feedback)

    def warn_about_result(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        if count := result.metrics["unreachable_cells"]:
            feedback.pushWarning(self.unreachable_warning(inputs).format(count=count))

    def unreachable_warning(self, inputs: ParameterValues) -> Text:
        """Return the warning about a `count` of cells from which no source can be reached."""
        return tr(
            "{count:# cell|# cells} cannot reach any source, because barriers (nodata or zero permeability) separate "
            "them from all sources. Their distance is infinite: they are nodata on the map, unless “Unreachable cells” "
            "is set to infinity, and excluded from the numbers. “Connected components” maps the connected parts "
            "of the landscape."
        )


def log_distance_range(result: Result, feedback: QgsProcessingFeedback, quantity: str = tr("Distances")) -> None:
    """Log the smallest, largest and mean finite distance, if there are finite distances; `quantity` begins the line."""
    if result.metrics["mean"] is not None:
        values = {key: format_number(result.metrics[key]) for key in ("minimum", "maximum", "mean")}
        text = tr("{quantity} range from {minimum} to {maximum}, with a mean of {mean}.")
        feedback.pushInfo(text.format(quantity=quantity, **values))


def _band_names(sources: Points) -> tuple[str, ...]:
    if not sources.ids:
        # Cells of a raster are named by their position, counted from 1 as in all messages.
        return tuple(tr("row {}, column {}").format(row + 1, column + 1) for row, column in sources.cells.tolist())
    return tuple(
        str(feature) if label == str(feature) else f"{feature}: {label}"
        for feature, label in zip(sources.ids, sources.labels)
    )
