"""Omnidirectional current in landscapes of any size, by moving windows as in Omniscape."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS
from ..formatting import format_number
from ..help import Help
from ..moving_window_base import MovingWindowAlgorithm, moving_window_outputs
from ..outputs import NumberOutput, RasterOutput
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, optional_map, output
from ..streamed_inputs import StreamedParameterValues
from ..styles import current_style, ratio_style, sample_rows


class MovingWindowCurrent(MovingWindowAlgorithm):
    """Currents from all sources around to every block, added up."""

    identifier = "movingwindowcurrent"
    title = tr("Moving-window current")
    toolbox_group = FLOWS
    summary = tr("Where movement in all directions goes, in landscapes of any size, as in Omniscape.")
    help = Help(
        description=tr(
            "A window moves over the landscape. Its centre, a block of cells, is a target: a current as large as the "
            "source strengths of the block flows to it from all sources within the radius, each giving as much as it "
            "is strong. The currents of all windows are added up. This is Omniscape's method."
        ),
        when_to_use=tr(
            "Use it where there are no patches to connect, but movement everywhere and in all directions: for ranges "
            "of species across a region, for networks between natural lands, for landscapes too large for the memory. "
            "To connect given places use “Current flow”. Try a part of a large raster first; a run of hours should "
            "have a folder of finished batches."
        ),
        outputs=tr(
            "The cumulative current of every cell in ampere: high where much movement passes, because there are many "
            "sources around or because there is no other way. The flow potential is what the current would be if "
            "nothing resisted; it shows the sources alone. The normalised current, the one divided by the other, shows "
            "the landscape alone: about 1 where movement spreads, above where it is channelled, below where it is "
            "kept away. Windows at the edge are as in Omniscape 0.6.2; the method reference tells how."
        ),
        references=(
            "McRae, B. H. et al. (2016). Conserving nature's stage: mapping omnidirectional connectivity for resilient "
            "terrestrial landscapes in the Pacific Northwest. The Nature Conservancy, Portland.",
            "Landau, V. A., Shah, V. B., Anantharaman, R. & Hall, K. R. (2021). Omniscape.jl: Software to compute "
            "omnidirectional landscape connectivity. Journal of Open Source Software 6 (57), 2829.",
        ),
        caption=tr(
            "The sample: current of all windows with a radius of 1 km between good habitat everywhere; bright "
            "where much movement passes."
        ),
    )
    number_outputs = moving_window_outputs(
        tr("cumulative current"),
        NumberOutput("total_current", tr("Current that arrives at all targets together, in ampere")),
    )
    task_name = "windowed.current"

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *self.windows(),
            self._batch(),
            self._checkpoint(),
            self._cluster(),
            *graph(symmetric=True),
            output(tr("Cumulative current"), tr("The current of all windows through every cell, in ampere.")),
            optional_map(
                "FLOW_POTENTIAL",
                tr("Flow potential"),
                tr("What the current would be if nothing resisted, in ampere. Takes about half as long again."),
            ),
            optional_map(
                "NORMALIZED_CURRENT",
                tr("Normalised current"),
                tr("Cumulative current divided by flow potential; no data where no window reaches."),
            ),
        ]

    def task(self, inputs: StreamedParameterValues) -> Task:
        arrays, parameters = self.source_inputs(inputs)
        return inputs.task(
            self.task_name,
            arrays,
            **parameters,
            flow_potential=inputs.is_provided("FLOW_POTENTIAL"),
            normalized_current=inputs.is_provided("NORMALIZED_CURRENT"),
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        names = {
            "current": ("OUTPUT", tr("cumulative current, ampere")),
            "flow_potential": ("FLOW_POTENTIAL", tr("flow potential, ampere")),
            "normalized_current": ("NORMALIZED_CURRENT", tr("normalised current")),
        }
        maps = []
        for key, values in result.outputs.items():
            style = ratio_style() if key == "normalized_current" else current_style(sample_rows(values), "A")
            maps.append(RasterOutput(names[key][0], values, style, band_names=(names[key][1],)))
        return maps

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("{total} A arrive at the targets of {windows:,} windows.")
        feedback.pushInfo(text.format(total=format_number(numbers["total_current"]), windows=numbers["windows"]))
        super().log_result(result, feedback)
