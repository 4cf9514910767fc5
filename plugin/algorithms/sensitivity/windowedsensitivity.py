"""The gradient of the connectivity of landscapes of any size."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...distance_registry import distance_info
from ...i18n import tr
from ...runner import Result
from ..base import SENSITIVITY
from ..help import Help
from ..outputs import RasterOutput, window_outputs
from ..parameter_values import ParameterValues
from ..styles import sample_rows, sensitivity_style
from ..window_base import WindowedAlgorithm
from .parameters import band_name, changes, log_range


class WindowedSensitivityAlgorithm(WindowedAlgorithm):
    """How much a change of each cell would change the habitat within reach around it."""

    identifier = "windowedsensitivity"
    title = tr("Sensitivity of connectivity (moving windows)")
    toolbox_group = SENSITIVITY
    summary = tr("Where changing a landscape of any size would help or hurt its connectivity most.")
    help = Help(
        description=tr(
            "For every cell, how much the habitat within reach, summed over the whole landscape, would change if the "
            "permeability, resistance or habitat quality of that cell changed a little. Habitat counts for all places "
            "within the dependency range; no places have to be chosen or drawn."
        ),
        when_to_use=tr(
            "Use it like “Sensitivity of connectivity”, for rasters that are too large for that, or where connectivity "
            "matters within the range of a species instead of across the whole map. Windows move over the landscape, "
            "and only a batch of them is computed at a time: the memory needed depends on the range, not on the "
            "raster. Try a part of a large raster first; a run of hours should have a folder of finished batches, so "
            "that it can be continued. For the mean distance between given places use “Sensitivity of connectivity”."
        ),
        outputs=tr(
            "A raster of derivatives of quality-weighted connectivity, the sum over all pairs of cells within the "
            "range of the quality of the one, times exp(−distance / dispersal distance), times the quality of the "
            "other. A positive value (red) says: raising the value of this cell connects more habitat. 0 means that "
            "nothing depends on the cell. It is the exact gradient of the connectivity that “Habitat within reach "
            "(moving windows)” computes with the same choices."
        ),
        references=(
            "Saura, S. & Pascual-Hortal, L. (2007). A new habitat availability index to integrate connectivity in "
            "landscape conservation planning. Landscape and Urban Planning 83, 91–103.",
            "Van Moorter, B., Kivimäki, I., Noack, A. et al. (2023). Accelerating advances in landscape connectivity "
            "modelling with the ConScape library. Methods in Ecology and Evolution 14, 133–145.",
        ),
        caption=tr(
            "The sample: where more permeability connects more habitat within 3 km; the darker the red, the more "
            "it helps."
        ),
    )
    number_outputs = window_outputs(tr("sensitivity"))
    task_name = "windowed.sensitivity"
    output_title = tr("Sensitivity")
    output_help = tr("Change of connectivity for a change of each cell.")

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return changes(["permeability", "resistance", "quality"], tr("connectivity"))

    def extra_task_parameters(self, inputs: ParameterValues) -> dict[str, Any]:
        return {"respect_to": inputs.choice("RESPECT_TO"), "elasticity": inputs.flag("ELASTICITY")}

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if not distance_info(choices["DISTANCE"]).differentiable and choices["RESPECT_TO"] != "quality":
            return tr(
                "The distance as the crow flies does not depend on permeability or resistance: choose the change of "
                "quality, or another distance."
            )
        return super().validate(provided, choices)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["sensitivity"]
        return [RasterOutput("OUTPUT", values, sensitivity_style(sample_rows(values)), band_names=(band_name(inputs),))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        super().log_result(result, feedback)
        log_range(result, feedback)
