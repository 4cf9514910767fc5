"""Gradient of moving-window current."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition, QgsProcessingParameterRasterLayer

from ...i18n import tr
from ...runner import Result, Task
from ..base import SENSITIVITY
from ..formatting import format_number
from ..help import Help
from ..moving_window_base import MovingWindowAlgorithm, moving_window_outputs
from ..outputs import NumberOutput, RasterOutput
from ..parameter_types import with_help
from ..parameter_values import ParameterValues
from ..parameters import alignment_note, graph, landscape, raster_destination
from ..results import sensitivity_title, sensitivity_unit
from ..streamed_inputs import StreamedParameterValues
from ..styles import sample_rows, sensitivity_style
from .parameters import band_name, log_range, sensitivity_parameters, with_elasticity_captions


class MovingWindowSensitivity(MovingWindowAlgorithm):
    """Derivative of the moving-window current in places of interest with respect to a variable of each cell."""

    identifier = "movingwindowsensitivity"
    title = tr("Sensitivity of moving-window current")
    search_words = (
        "barrier, restoration, where to restore, road, conservation priority, climate, gradient, derivative, "
        "elasticity, omnidirectional, Omniscape, ConScape, JAXScape"
    )
    toolbox_group = SENSITIVITY
    summary = tr("Where changes of the landscape would bring more or less movement through places of interest.")
    help = Help(
        description=tr(
            "For every cell, how much the current of “Moving-window current” in places of interest would change with "
            "a small change of the permeability, resistance or source strength of that cell: the exact gradient, for "
            "all cells at once."
        ),
        when_to_use=tr(
            "Use it to see what the movement through a place depends on, such as a reserve, a corridor or a planned "
            "crossing: where would higher permeability bring more movement through it, and where would it divert "
            "movement? Choose the same landscape, sources and radius as for “Moving-window current”, which maps the "
            "current itself in two thirds of the time. The gradient describes small changes; for a large one change "
            "the raster and compute the current again. For accessible habitat rather than movement through a place "
            "use “Sensitivity of connectivity (moving windows)”."
        ),
        outputs=tr(
            "A raster of derivatives of the cumulative current, summed over the places of interest. Blue (positive): a "
            "higher value of this cell brings more movement through the places. Red (negative): it diverts movement "
            "from them. 0: no movement through the places depends on the cell. If no places are chosen, all cells "
            "count, and the sum grows with the number of cells that each ampere passes through: with a raster of "
            "source strengths, which then remain fixed, higher permeability only lengthens paths (blue: it draws "
            "movement into a detour) or shortens them (red: it opens a shortcut). Without such a raster, the "
            "permeability is also the source strength, and the derivative includes the additional movement that starts "
            "where the permeability is higher."
        ),
        caption=tr(
            "The sample: where more permeability brings more movement through good habitat (blue), and where it "
            "diverts movement from it (red); source strength equal to habitat quality, windows with a radius of 1 "
            "km."
        ),
        references=(
            "Landau, V. A., Shah, V. B., Anantharaman, R. & Hall, K. R. (2021). Omniscape.jl: Software to compute "
            "omnidirectional landscape connectivity. Journal of Open Source Software 6 (57), 2829.",
        ),
    )
    number_outputs = with_elasticity_captions(
        moving_window_outputs(
            tr("sensitivity"),
            NumberOutput("weighted_current", tr("Cumulative current summed over the places of interest, in ampere")),
            unit=lambda inputs: sensitivity_unit("A", inputs),
        )
    )
    task_name = "windowed.current_sensitivity"
    # The centres of larger blocks are visible as a pattern of dots.
    default_block = 3

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            with_help(
                QgsProcessingParameterRasterLayer("PLACES", tr("Places of interest"), optional=True),
                tr(
                    "A raster of the weight of the current in each cell: 1 in the places of interest, such as a "
                    "reserve, and 0 or nodata elsewhere; or a weight of 0 or more, such as habitat quality. If nothing "
                    "is chosen, all cells have the same weight."
                )
                + f" {alignment_note()}",
            ),
            *sensitivity_parameters(
                ["permeability", "resistance", "sources"],
                tr("the current in the places of interest"),
                tr("Source strength: the strength of the cells as sources and targets."),
            ),
            *self.window_parameters(),
            *self.execution_parameters(),
            *graph(symmetric=True),
            raster_destination(
                tr("Sensitivity"), tr("Change of the current in the places of interest per change of each cell.")
            ),
        ]

    def task(self, inputs: StreamedParameterValues) -> Task:
        weights = {"weights": inputs.weights("PLACES")} if inputs.is_provided("PLACES") else {}
        arrays, task_parameters = self.window_inputs(inputs)
        return inputs.task(
            self.task_name,
            {**weights, **arrays},
            **task_parameters,
            respect_to=inputs.choice("RESPECT_TO"),
            elasticity=inputs.flag("ELASTICITY"),
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["sensitivity"]
        style, names = sensitivity_style(sample_rows(values), sensitivity_unit("A", inputs)), (band_name(inputs),)
        title = sensitivity_title(tr("moving-window current"), inputs)
        return [RasterOutput("OUTPUT", values, style, band_names=names, title=title)]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr(
            "Current in the places of interest of the present landscape: {current} A, from "
            "{windows:# window|# windows}."
        )
        feedback.pushInfo(text.format(current=format_number(numbers["weighted_current"]), windows=numbers["windows"]))
        super().log_result(result, feedback)
        log_range(result, feedback)
