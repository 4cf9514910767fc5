"""The gradient of a landscape's connectivity."""

from __future__ import annotations

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
)

from ...distance_registry import distance_help, distance_info, distance_names
from ...i18n import tr
from ...runner import Result, Task
from ..base import SENSITIVITY, EngineAlgorithm
from ..help import Help
from ..outputs import RasterOutput, common_outputs, sensitivity_outputs
from ..parameter_values import ParameterValues
from ..parameters import (
    choice,
    cost,
    distance,
    graph,
    landscape,
    number,
    output,
    solver,
    theta,
    theta_help,
    validate_direction,
    with_help,
)
from ..styles import sensitivity_style
from .parameters import band_name, changes, log_range

# Enough for a map whose pattern stays the same with another seed on most landscapes, quick enough for a first look.
DEFAULT_SAMPLES = 50


class SensitivityAlgorithm(EngineAlgorithm):
    """How much a change of each cell would change the connectivity of the whole landscape."""

    identifier = "sensitivity"
    title = tr("Sensitivity of connectivity")
    toolbox_group = SENSITIVITY
    summary = tr("Where changing the landscape would help or hurt its connectivity most.")
    help = Help(
        description=tr(
            "For every cell, how much the connectivity of the whole landscape would change if the permeability, "
            "resistance or habitat quality of that cell changed a little: the exact gradient, all cells at once."
        ),
        when_to_use=tr(
            "Use it to find where restoration would help most and where damage would hurt most. The gradient tells "
            "about small changes; for a large one, such as a new road, change the raster and compute again. Absolute "
            "values answer “what does one unit more do here”, elasticities “what does one percent more do here”: the "
            "latter are the fairer comparison between poor and good cells. For rasters too large for this use "
            "“Sensitivity of connectivity (moving windows)”; to restore between given places, with a score for strips "
            "of land, “Barriers and pinch points”."
        ),
        outputs=tr(
            "A raster of derivatives. With the mean distance, a negative value (blue) says: raising the value of this "
            "cell brings the places closer together; with quality-weighted connectivity, a positive value (red) says: "
            "raising it connects more habitat. 0 means that nothing depends on the cell, for example because no path "
            "comes by. Pairs that no way joins are left out and counted in the log."
        ),
        references=(
            "Hanski, I. & Ovaskainen, O. (2000). The metapopulation capacity of a fragmented landscape. Nature 404, "
            "755–758.",
            "Saura, S. & Pascual-Hortal, L. (2007). A new habitat availability index to integrate connectivity in "
            "landscape conservation planning. Landscape and Urban Planning 83, 91–103.",
            "Van Moorter, B., Kivimäki, I., Noack, A. et al. (2023). Accelerating advances in landscape connectivity "
            "modelling with the ConScape library. Methods in Ecology and Evolution 14, 133–145.",
        ),
        caption=tr(
            "The sample: where more permeability brings nine habitat patches (rings) closer together by "
            "resistance; the darker the blue, the more it helps."
        ),
    )
    number_outputs = (*common_outputs(), *sensitivity_outputs())

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            self._places(
                "SOURCES",
                tr("From these points"),
                tr(
                    "Places whose connectivity counts, such as habitat patches; each stands for the cell it falls in. "
                    "Any coordinate system. Without points, places are drawn at random, see “Sampled places”."
                ),
            ),
            self._places(
                "TARGETS",
                tr("To these points"),
                tr("Places to be reached from the first ones; the first ones themselves if nothing is chosen."),
            ),
            number(
                "SAMPLES",
                tr("Sampled places"),
                DEFAULT_SAMPLES,
                tr(
                    "Number of cells drawn at random as places, used when no points are given. More give a smoother "
                    "map and take longer."
                ),
                minimum=2,
                whole=True,
            ),
            choice(
                "SCALAR",
                tr("Connectivity"),
                ["mean_distance", "quality_weighted"],
                tr(
                    "What connectivity means. Mean distance: the mean distance between the places, so that less is "
                    "better. Quality weighted: habitat within reach, the sum over all pairs of places of the quality "
                    "of the one, times exp(−distance / dispersal distance), times the quality of the other, so that "
                    "more is better."
                ),
            ),
            choice(
                "DISTANCE",
                tr("Distance"),
                distance_names("connectivity.sensitivity"),
                distance_help("connectivity.sensitivity"),
            ),
            theta(theta_help() + " " + tr("Only for randomized shortest paths.")),
            with_help(
                QgsProcessingParameterRasterLayer("QUALITY", tr("Habitat quality"), optional=True),
                tr(
                    "How good each cell is to live in, 0 or more, for quality-weighted connectivity; 1 everywhere if "
                    "nothing is chosen. The first band is used. If its cells do not lie on those of the landscape they "
                    "are brought there, and the log says so."
                ),
            ),
            distance(
                "ALPHA",
                tr("Dispersal distance"),
                1000.0,
                tr(
                    "For quality-weighted connectivity: the distance at which exp(−distance / dispersal distance) has "
                    "fallen to 37 %. It is a cost in the unit of the distance chosen above: map units where "
                    "the resistance is 1, so give a five times larger value for animals that cross resistance 5."
                ),
            ),
            *changes(
                ["permeability", "resistance", "quality"],
                tr("connectivity"),
                tr("Quality needs quality-weighted connectivity."),
            ),
            cost(),
            number(
                "SEED",
                tr("Seed of the sample"),
                1,
                tr("The same number draws the same places again."),
                minimum=0,
                whole=True,
                advanced=True,
            ),
            solver(),
            *graph(),
            output(tr("SensitivityAlgorithm"), tr("Change of connectivity for a change of each cell.")),
        ]

    @staticmethod
    def _places(name: str, description: str, text: str) -> QgsProcessingParameterDefinition:
        kinds = [QgsProcessing.SourceType.TypeVectorPoint]
        return with_help(QgsProcessingParameterFeatureSource(name, description, kinds, optional=True), text)

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        weighted = choices["SCALAR"] == "quality_weighted"
        if "TARGETS" in provided and "SOURCES" not in provided:
            return tr("There are points to go to but none to come from: choose “From these points” as well.")
        if choices["RESPECT_TO"] == "quality" and not weighted:
            return tr(
                "The mean distance does not depend on habitat quality: choose quality_weighted as connectivity, or "
                "the change of permeability or resistance."
            )
        if "QUALITY" in provided and not weighted:
            return tr(
                "Habitat quality has no part in the mean distance: choose quality_weighted as connectivity, or leave "
                "the quality raster out."
            )
        return validate_direction(choices)

    def task(self, inputs: ParameterValues) -> Task:
        weighted = inputs.choice("SCALAR") == "quality_weighted"
        arrays: dict[str, np.ndarray] = {}
        parameters = {
            "scalar": inputs.choice("SCALAR"),
            "distance": inputs.choice("DISTANCE"),
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "respect_to": inputs.choice("RESPECT_TO"),
            "elasticity": inputs.flag("ELASTICITY"),
        }
        if "solver" in distance_info(inputs.choice("DISTANCE")).parameters:
            parameters["solver"] = inputs.choice("SOLVER")
        if weighted:
            parameters["alpha"] = inputs.number("ALPHA")
            if inputs.is_provided("QUALITY"):
                arrays["quality"] = inputs.quality("QUALITY")
        if inputs.is_provided("SOURCES"):
            arrays["sources"] = inputs.points("SOURCES").cells
            if inputs.is_provided("TARGETS"):
                arrays["targets"] = inputs.points("TARGETS").cells
            elif len(arrays["sources"]) == 1:
                raise QgsProcessingException(
                    tr(
                        "One place alone has no connectivity: “From these points” holds a single usable point. "
                        "Add points, or choose “To these points” as well."
                    )
                )
        else:
            parameters["samples"] = inputs.whole_number("SAMPLES")
            parameters["seed"] = inputs.whole_number("SEED")
        return inputs.task("connectivity.sensitivity", arrays, **parameters)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        sensitivity = result.outputs["sensitivity"]
        return [RasterOutput("OUTPUT", sensitivity, sensitivity_style(sensitivity), band_names=(band_name(inputs),))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["connectivity"] is not None:
            text = tr("Connectivity of the landscape as it is: {connectivity:.6g}, from {pairs:,} pairs of places.")
            feedback.pushInfo(text.format(**numbers))
        log_range(result, feedback)
        if numbers["unreachable_pairs"]:
            feedback.pushWarning(
                tr(
                    "{count:,} pairs of places are not joined by any way, because barriers (no data or zero "
                    "permeability) cut the landscape into parts. They are left out: the map says nothing of what "
                    "would join them. “Connected components” shows the parts."
                ).format(count=numbers["unreachable_pairs"])
            )
