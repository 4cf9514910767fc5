"""Gradient of quality-weighted connectivity, with moving windows."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...distance_registry import distance_info
from ...i18n import tr
from ...runner import Result
from ..base import SENSITIVITY
from ..help import Help
from ..outputs import RasterOutput, window_outputs
from ..parameter_types import choice, only_with
from ..parameter_values import ParameterValues
from ..results import sensitivity_title, sensitivity_unit, with_distance
from ..styles import sample_rows, sensitivity_style
from ..window_base import WindowedAlgorithm
from .parameters import band_name, log_range, sensitivity_parameters, with_elasticity_captions

STARTS, CELLS, CENTRE = "STARTS", "cells", "centre"


class WindowedSensitivityAlgorithm(WindowedAlgorithm):
    """Derivative of the quality-weighted connectivity within a range with respect to a variable of each cell."""

    identifier = "windowedsensitivity"
    title = tr("Sensitivity of connectivity (moving windows)")
    search_words = (
        "barrier, restoration, where to restore, road, conservation priority, dispersal, gradient, derivative, "
        "elasticity, ConScape, JAXScape"
    )
    toolbox_group = SENSITIVITY
    summary = tr("Where changes of a landscape of any size would affect its connectivity most.")
    help = Help(
        description=tr(
            "For every cell, how much the accessible habitat, summed over the whole landscape, would change with a "
            "small change of the permeability, resistance or habitat quality of that cell. Habitat counts for all "
            "cells within the dependency range; no places have to be chosen or sampled."
        ),
        when_to_use=tr(
            "Use it like “Sensitivity of connectivity”, for rasters that are too large for that, or if connectivity "
            "matters within the range of a species rather than across the whole map. Windows move over the landscape, "
            "and only one batch of them is computed at a time: the memory needed depends on the range, not on the "
            "raster. Try it on a part of a large raster first, and choose a checkpoint folder for runs that take "
            "hours, so that they can be resumed. For the mean distance between given places use “Sensitivity of "
            "connectivity”."
        ),
        outputs=tr(
            "A raster of derivatives of the quality-weighted connectivity: the sum, over all pairs of cells within "
            "the range, of the quality of the first cell times exp(−distance / dispersal distance) times the quality "
            "of the second. Positive values (blue): raising the value of this cell connects more habitat. 0: no "
            "connection depends on the cell. With coarsening 0, or with paths from the centres of blocks, it is the "
            "exact gradient of the connectivity that “Accessible habitat (moving windows)” computes with the same "
            "parameters. With least-cost paths from every cell of a block, the default, blocks do not show. Other "
            "distances start at the centres of blocks, which are visible as dots: use "
            "coarsening 0 for maps to be read cell by cell."
        ),
        references=(
            "Saura, S. & Pascual-Hortal, L. (2007). A new habitat availability index to integrate connectivity in "
            "landscape conservation planning. Landscape and Urban Planning 83, 91–103.",
            "Van Moorter, B., Kivimäki, I., Noack, A. et al. (2023). Accelerating advances in landscape connectivity "
            "modelling with the ConScape library. Methods in Ecology and Evolution 14, 133–145.",
        ),
        caption=tr(
            "The sample: where more permeability connects more habitat within 3 km; darker blue where it helps more."
        ),
    )
    number_outputs = with_elasticity_captions(
        window_outputs(tr("sensitivity"), lambda inputs: sensitivity_unit("", inputs))
    )
    task_name = "windowed.sensitivity"
    # Where paths start at the centres of blocks, those of larger ones are visible as a pattern of dots.
    default_coarsening = 0.03
    block_note = tr("Where the paths of a block start is an advanced parameter.")
    output_title = tr("Sensitivity")
    output_help = tr("Change of connectivity per change of each cell.")

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        starts = choice(
            STARTS,
            tr("Start of paths"),
            {CELLS: tr("Every cell of a block"), CENTRE: tr("Centre of each block")},
            tr(
                "Where the paths of a block start. Every cell of the block: its quality stays where it is, and blocks "
                "do not show on the map. The surroundings of the block are searched from each of its cells; farther "
                "away, paths follow those from its centre. It takes about 1.5 times as long with coarsening 0.03, and "
                "13 times with 0.1. Centre of the block: its quality is concentrated there, and the centres are "
                "visible as dots. Only for least cost; other distances start at the centres. Scripts that set a "
                "coarsening but not this start at the centres."
            ),
            advanced=True,
        )
        return [
            *sensitivity_parameters(["permeability", "resistance", "quality"], tr("connectivity")),
            only_with(starts, DISTANCE=("leastcost",)),
        ]

    def extra_task_parameters(self, inputs: ParameterValues) -> dict[str, Any]:
        task_parameters = {"respect_to": inputs.choice("RESPECT_TO"), "elasticity": inputs.flag("ELASTICITY")}
        if inputs.choice("DISTANCE") != "leastcost":
            return task_parameters
        # A coarsening without the start of paths was set before there was the choice: the numbers stay the same.
        has_older_parameters = inputs.is_provided("COARSENING") and not inputs.is_provided(STARTS)
        return task_parameters | {"starts": CENTRE if has_older_parameters else inputs.choice(STARTS)}

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if not distance_info(choices["DISTANCE"]).differentiable and choices["RESPECT_TO"] != "quality":
            return tr(
                "The Euclidean distance does not depend on permeability or resistance: choose the sensitivity to "
                "habitat quality, or another distance."
            )
        return super().validate(provided, choices)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["sensitivity"]
        style, names = sensitivity_style(sample_rows(values), sensitivity_unit("", inputs)), (band_name(inputs),)
        title = with_distance(sensitivity_title(tr("connectivity"), inputs), inputs)
        return [RasterOutput("OUTPUT", values, style, band_names=names, title=title)]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        super().log_result(result, feedback)
        log_range(result, feedback)
