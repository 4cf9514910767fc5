"""What the distance algorithms share: every cell, some sources, one map or one a source."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result, Task
from ..base import DISTANCES, EngineAlgorithm
from ..formatting import format_number
from ..outputs import RasterOutput, common_outputs, distance_outputs
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, output, per_source, sources
from ..renderers import Style
from ..styles import distance_style

# More a GeoTIFF cannot hold.
MOST_BANDS = 65_535


class DistanceAlgorithm(EngineAlgorithm):
    """The distance of every cell to the sources.

    Attributes
    ----------
    task_name
        The engine's name for it.
    output_title, output_help
        What the map is called and what its values mean.
    band_name, unit
        What the values of a single band are, and what stands behind the numbers of the legend.
    symmetric
        Whether only landscapes make sense in which going and coming back are the same.
    """

    toolbox_group = DISTANCES
    number_outputs = (*common_outputs(), *distance_outputs())
    task_name: str
    output_title: str
    output_help: str
    band_name: str = tr("cost, map units × resistance")
    unit: str = ""
    symmetric = False

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *sources(),
            *self.extra_parameters(),
            per_source(),
            *graph(symmetric=self.symmetric),
            output(self.output_title, self.output_help),
        ]

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters of this kind of distance."""
        return []

    def extra_task_parameters(self, inputs: ParameterValues) -> dict:
        """Return the task's parameters of this kind of distance."""
        return {}

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        named = provided & {"SOURCES", "SOURCE_RASTER"}
        if not named:
            return tr("No sources: choose either a layer of source points or a source raster.")
        if len(named) == 2:
            return tr("Sources are given twice: choose either source points or a source raster, not both.")
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        cells, alone = inputs.sources.cells, inputs.flag("PER_SOURCE")
        if alone and len(cells) > MOST_BANDS:
            raise QgsProcessingException(
                tr(
                    "One band for each of {count:,} sources is more than a GeoTIFF holds ({most:,}). Switch “One band "
                    "for each source” off, or use fewer sources."
                ).format(count=len(cells), most=MOST_BANDS)
            )
        return inputs.task(self.task_name, {"sources": cells}, per_source=alone, **self.extra_task_parameters(inputs))

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        distance = result.outputs["distance"]
        names = _band_names(inputs.sources) if inputs.flag("PER_SOURCE") else (self.single_band_name(inputs),)
        return [RasterOutput("OUTPUT", distance, self.style(inputs, distance), band_names=names)]

    def single_band_name(self, inputs: ParameterValues) -> str:
        """Return what the values of a single band are."""
        return self.band_name

    def style(self, inputs: ParameterValues, distance: np.ndarray) -> Style:
        """Return how the map is drawn."""
        return distance_style(distance, self.unit)

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["mean"] is not None:
            text = tr("Distances run from {minimum} to {maximum}, on average {mean}.")
            feedback.pushInfo(
                text.format(**{key: format_number(numbers[key]) for key in ("minimum", "maximum", "mean")})
            )
        if numbers["unreachable_cells"]:
            feedback.pushWarning(
                tr(
                    "{count:,} cells cannot reach any source: they lie in parts of the landscape that barriers (no "
                    "data or zero permeability) cut off completely. Their distance is infinite, they are left "
                    "transparent on the map and out of the numbers above. “Connected components” shows the parts."
                ).format(count=numbers["unreachable_cells"])
            )


def _band_names(sources) -> tuple[str, ...]:
    if not sources.ids:
        return tuple(sources.labels)
    return tuple(
        str(feature) if label == str(feature) else f"{feature}: {label}"
        for feature, label in zip(sources.ids, sources.labels)
    )
