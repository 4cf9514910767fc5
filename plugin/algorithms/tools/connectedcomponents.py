"""The connected parts of a landscape."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result, Task
from ..base import TOOLS, EngineAlgorithm
from ..help import Help
from ..outputs import RasterOutput, common_outputs, component_outputs
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, output
from ..styles import component_style


class ConnectedComponents(EngineAlgorithm):
    """Which cells can be reached from which."""

    identifier = "connectedcomponents"
    title = tr("Connected components")
    toolbox_group = TOOLS
    summary = tr("The parts of a landscape within which every cell can be reached from every other.")
    help = Help(
        description=tr(
            "Finds the parts of the landscape that barriers (cells without data or with zero permeability) cut off "
            "from each other, and numbers them by size."
        ),
        when_to_use=tr(
            "Use it before a distance, to see which places can be joined at all, and whether thin gaps in the data or "
            "single cells of barrier cut off what in reality is connected. Its result serves as a raster of sources "
            "too. How far apart places within one part are is what the distances say, “Least-cost distance” first."
        ),
        outputs=tr(
            "A raster of whole numbers: 1 is the largest part, 2 the next, and so on; 0 are cells of zero "
            "permeability. Cells without data stay without data."
        ),
        references=(
            "Urban, D. & Keitt, T. (2001). Landscape connectivity: a graph-theoretic perspective. Ecology 82, "
            "1205–1218.",
        ),
        caption=tr(
            "The sample: two connected parts, the mainland and what lies beyond the water at the southern edge."
        ),
    )
    number_outputs = (*common_outputs(), *component_outputs())

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        text = tr("The number of the part that each cell belongs to, 1 for the largest.")
        return [*landscape(), *graph(), output(tr("Connected components"), text)]

    def task(self, inputs: ParameterValues) -> Task:
        return inputs.task("components.label")

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        labels = result.outputs["components"]
        values = np.where(inputs.landscape.valid, labels, np.nan)
        return [RasterOutput("OUTPUT", values, component_style(values), dtype="int32", band_names=(tr("component"),))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if not numbers["active_cells"]:
            feedback.pushWarning(tr("No cell of the landscape can be crossed."))
            return
        share = numbers["largest_component_cells"] / numbers["active_cells"]
        text = tr("The largest part has {cells:,} cells, {share:.1%} of those that can be crossed.")
        feedback.pushInfo(text.format(cells=numbers["largest_component_cells"], share=share))
