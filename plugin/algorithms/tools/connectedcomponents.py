"""Connected components of the landscape."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...layers import ComputedRaster
from ...runner import Result, Task
from ..base import TOOLS, EngineAlgorithm
from ..help import Help
from ..outputs import RasterOutput, common_outputs, component_outputs
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, raster_destination
from ..styles import component_style


class ConnectedComponents(EngineAlgorithm):
    """Label the connected components of the landscape."""

    identifier = "connectedcomponents"
    title = tr("Connected components")
    search_words = "barrier, habitat network, fragmentation, isolation, patches, landscape"
    toolbox_group = TOOLS
    summary = tr("Parts of the landscape within which every cell can be reached from every other.")
    help = Help(
        description=tr(
            "Finds the connected components of the landscape, which barriers (nodata or zero permeability) separate "
            "from each other, and numbers them by size."
        ),
        when_to_use=tr(
            "Use it before computing distances, to see which places can be connected at all, and whether narrow gaps "
            "in the data or single barrier cells separate what is connected in reality. Its result can serve as a "
            "raster of sources. For distances within a component use “Least-cost distance” and the other distances."
        ),
        outputs=tr(
            "A raster of whole numbers: 1 for the largest component, 2 for the next, and so on; 0 for cells of zero "
            "permeability. Cells without data remain nodata."
        ),
        references=(
            "Urban, D. & Keitt, T. (2001). Landscape connectivity: a graph-theoretic perspective. Ecology 82, "
            "1205–1218.",
        ),
        caption=tr(
            "The sample: two connected components, the mainland and the land south of the water at the southern edge."
        ),
    )
    number_outputs = (*common_outputs(), *component_outputs())

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        text = tr("The number of the component of each cell, 1 for the largest.")
        return [*landscape(), *graph(), raster_destination(tr("Connected components"), text)]

    def task(self, inputs: ParameterValues) -> Task:
        return inputs.task("components.label")

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        labels, valid = result.outputs["components"], inputs.landscape.valid
        values = ComputedRaster(lambda labels, valid: np.where(valid, labels, np.nan), labels, valid, dtype=float)
        return [RasterOutput("OUTPUT", values, component_style(values), dtype="int32", band_names=(tr("component"),))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if not numbers["active_cells"]:
            feedback.pushWarning(tr("No cell of the landscape is passable."))
            return
        fraction = numbers["largest_component_cells"] / numbers["active_cells"]
        text = tr("The largest component has {cells:# cell|# cells}, {fraction:.1%} of the passable cells.")
        feedback.pushInfo(text.format(cells=numbers["largest_component_cells"], fraction=fraction))
