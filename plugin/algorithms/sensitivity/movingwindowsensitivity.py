"""The gradient of moving-window current."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition, QgsProcessingParameterRasterLayer

from ...i18n import tr
from ...runner import Result, Task
from ..base import SENSITIVITY
from ..formatting import format_number
from ..help import Help
from ..moving_window_base import MovingWindowAlgorithm, moving_window_outputs
from ..outputs import NumberOutput, RasterOutput
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, output, with_help
from ..streamed_inputs import StreamedParameterValues
from ..styles import sample_rows, sensitivity_style
from .parameters import band_name, changes, log_range


class MovingWindowSensitivity(MovingWindowAlgorithm):
    """How much a change of each cell would change the current of moving windows in places of interest."""

    identifier = "movingwindowsensitivity"
    title = tr("Sensitivity of moving-window current")
    toolbox_group = SENSITIVITY
    summary = tr("Where changing a landscape of any size would bring more or less movement to places of interest.")
    help = Help(
        description=tr(
            "For every cell, how much the current of “Moving-window current” in places of interest would change if "
            "the permeability, resistance or source strength of that cell changed a little: the exact gradient, all "
            "cells at once."
        ),
        when_to_use=tr(
            "Use it to ask on what the movement through a place depends, such as a reserve, a corridor or a planned "
            "crossing: where would raising permeability bring more movement through it, and where would it lead "
            "movement elsewhere? Choose the same landscape, sources and radius as for “Moving-window current”, which "
            "is the map of the current itself and takes two thirds of the time. The gradient tells about small "
            "changes; for a large one change the raster and compute the current again. Where habitat within reach, not "
            "movement through a place, is the question, use “Sensitivity of connectivity (moving windows)”."
        ),
        outputs=tr(
            "A raster of derivatives of the cumulative current, summed over the places of interest. Red (positive): "
            "raising the value of this cell brings more movement through the places. Blue (negative): it leads "
            "movement past them. 0: nothing that passes there depends on the cell. If all cells count, the sum is "
            "the number of cells that each ampere passes through: with a raster of source strengths, which are then "
            "fixed, a higher permeability can only make ways longer (red: it draws movement into a detour) or "
            "shorter (blue: it opens a shortcut). Without one the permeability is also the strength of the sources, "
            "and the derivative counts that more movement begins where the permeability is higher."
        ),
        caption=tr(
            "The sample: where more permeability brings more movement through good habitat (red), and where it leads "
            "movement past it (blue); sources as good as the habitat, windows with a radius of 1 km."
        ),
        references=(
            "Landau, V. A., Shah, V. B., Anantharaman, R. & Hall, K. R. (2021). Omniscape.jl: Software to compute "
            "omnidirectional landscape connectivity. Journal of Open Source Software 6 (57), 2829.",
        ),
    )
    number_outputs = moving_window_outputs(
        tr("sensitivity"),
        NumberOutput("weighted_current", tr("Cumulative current summed over the places of interest, in ampere")),
    )
    task_name = "windowed.current_sensitivity"

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            with_help(
                QgsProcessingParameterRasterLayer("PLACES", tr("Places of interest"), optional=True),
                tr(
                    "A raster that says how much the current in each cell counts: 1 in the places of interest, such as "
                    "a reserve, and 0 or no data elsewhere; or a weight of 0 or more, such as habitat quality. If its "
                    "cells do not lie on those of the landscape they are brought there, and the log says so. All cells "
                    "count alike if nothing is chosen."
                ),
            ),
            *changes(
                ["permeability", "resistance", "sources"],
                tr("the current in the places"),
                tr("Sources are the strengths of the cells as sources and targets."),
            ),
            *self.windows(),
            self._batch(),
            self._checkpoint(),
            self._cluster(),
            *graph(symmetric=True),
            output(tr("Sensitivity"), tr("Change of the current in the places of interest for a change of each cell.")),
        ]

    def task(self, inputs: StreamedParameterValues) -> Task:
        places = {"weights": inputs.places("PLACES")} if inputs.is_provided("PLACES") else {}
        arrays, parameters = self.source_inputs(inputs)
        return inputs.task(
            self.task_name,
            {**places, **arrays},
            **parameters,
            respect_to=inputs.choice("RESPECT_TO"),
            elasticity=inputs.flag("ELASTICITY"),
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["sensitivity"]
        return [RasterOutput("OUTPUT", values, sensitivity_style(sample_rows(values)), band_names=(band_name(inputs),))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("Current that counts, as the landscape is: {current} A, from {windows:,} windows.")
        feedback.pushInfo(text.format(current=format_number(numbers["weighted_current"]), windows=numbers["windows"]))
        super().log_result(result, feedback)
        log_range(result, feedback)
