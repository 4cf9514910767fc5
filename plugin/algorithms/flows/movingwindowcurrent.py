"""Omnidirectional current with moving windows, as in Omniscape."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS
from ..formatting import format_number
from ..help import Help
from ..moving_window_base import MovingWindowAlgorithm, moving_window_outputs
from ..outputs import NumberOutput, RasterOutput
from ..parameter_types import optional_raster_destination
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, raster_destination
from ..streamed_inputs import StreamedParameterValues
from ..styles import current_style, ratio_style, sample_rows


class MovingWindowCurrent(MovingWindowAlgorithm):
    """Cumulative current from all sources in each window to its centre block."""

    identifier = "movingwindowcurrent"
    title = tr("Moving-window current")
    search_words = (
        "bottleneck, pinch point, pinchpoint, corridor, gene flow, migration, climate, conductance, circuit theory, "
        "omnidirectional, Circuitscape, Omniscape"
    )
    toolbox_group = FLOWS
    summary = tr("Omnidirectional connectivity of landscapes of any size, as in Omniscape.")
    help = Help(
        description=tr(
            "A window moves over the landscape. Its centre, a block of cells, is the target: all sources within the "
            "radius send current to it, in proportion to their strength, and the total equals the source strength of "
            "the block. The currents of all windows are summed. This is Omniscape's method."
        ),
        when_to_use=tr(
            "Use it if there are no patches to connect, but movement everywhere and in all directions: for range "
            "shifts across a region, for networks of natural land, and for landscapes too large for memory. To connect "
            "given places use “Current flow”. Try it on a part of a large raster first, and choose a checkpoint folder "
            "for runs that take hours."
        ),
        outputs=tr(
            "The cumulative current of every cell, in ampere: high where much movement passes, because there are many "
            "sources nearby or few alternative routes. The flow potential is the current through a landscape of "
            "uniform resistance; it reflects the sources alone. The normalised current, their ratio, reflects the "
            "landscape alone: about 1 where movement is diffuse, above 1 where it is channelled, below 1 where it is "
            "impeded. Near the edges, and in blocks whose centre is a barrier, the result differs from that of "
            "Omniscape 0.6.2, which loses current there: switch “Treat edges as Omniscape does” on to compare the two "
            "programs."
        ),
        references=(
            "McRae, B. H. et al. (2016). Conserving nature's stage: mapping omnidirectional connectivity for resilient "
            "terrestrial landscapes in the Pacific Northwest. The Nature Conservancy, Portland.",
            "Landau, V. A., Shah, V. B., Anantharaman, R. & Hall, K. R. (2021). Omniscape.jl: Software to compute "
            "omnidirectional landscape connectivity. Journal of Open Source Software 6 (57), 2829.",
        ),
        caption=tr(
            "The sample: cumulative current of all windows with a radius of 1 km and sources in good habitat; bright "
            "where much movement passes."
        ),
    )
    number_outputs = moving_window_outputs(
        tr("cumulative current"),
        NumberOutput("total_current", tr("Total current into all targets, in ampere")),
        unit="A",
    )
    task_name = "windowed.current"

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *self.window_parameters(),
            *self.execution_parameters(),
            *graph(symmetric=True),
            raster_destination(
                tr("Cumulative current"), tr("The current of all windows through every cell, in ampere.")
            ),
            optional_raster_destination(
                "FLOW_POTENTIAL",
                tr("Flow potential"),
                tr("The current if all cells had the same resistance, in ampere. Takes about 50 % more time."),
            ),
            optional_raster_destination(
                "NORMALIZED_CURRENT",
                tr("Normalised current"),
                tr("Cumulative current divided by flow potential; nodata outside all windows."),
            ),
        ]

    def task(self, inputs: StreamedParameterValues) -> Task:
        arrays, task_parameters = self.window_inputs(inputs)
        return inputs.task(
            self.task_name,
            arrays,
            **task_parameters,
            flow_potential=inputs.is_provided("FLOW_POTENTIAL"),
            normalized_current=inputs.is_provided("NORMALIZED_CURRENT"),
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        names = {
            "current": ("OUTPUT", tr("cumulative current, ampere")),
            "flow_potential": ("FLOW_POTENTIAL", tr("flow potential, ampere")),
            "normalized_current": ("NORMALIZED_CURRENT", tr("normalised current")),
        }
        rasters = []
        for key, values in result.outputs.items():
            output, band_name = names[key]
            style = (
                ratio_style(sample_rows(values))
                if key == "normalized_current"
                else current_style(sample_rows(values), "A")
            )
            rasters.append(RasterOutput(output, values, style, band_names=(band_name,)))
        return rasters

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("Total current into the targets of {windows:# window|# windows}: {total} A.")
        feedback.pushInfo(text.format(total=format_number(numbers["total_current"]), windows=numbers["windows"]))
        super().log_result(result, feedback)
