"""Gradient of the connectivity of the whole landscape."""

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

from ...distance_registry import distance_info
from ...i18n import tr
from ...runner import Result, Task
from ..base import SENSITIVITY, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import RasterOutput, common_outputs, sensitivity_outputs
from ..pair_tables import warn_about_excluded_pairs
from ..parameter_types import choice, number, only_with, only_without, with_help
from ..parameter_values import ParameterValues
from ..parameters import (
    alignment_note,
    cost,
    dispersal,
    distance_choice,
    graph,
    landscape,
    only_rsp,
    raster_destination,
    solver,
    theta,
    validate_direction,
)
from ..results import distance_unit, named_distance, sensitivity_title, sensitivity_unit, with_distance
from ..styles import sensitivity_style
from .parameters import band_name, log_range, sensitivity_parameters, with_elasticity_captions

# On most landscapes enough for a pattern that does not depend on the seed, and quick enough for a first look.
DEFAULT_SAMPLES = 50


class SensitivityAlgorithm(EngineAlgorithm):
    """Derivative of the connectivity of the whole landscape with respect to a variable of each cell."""

    identifier = "sensitivity"
    title = tr("Sensitivity of connectivity")
    search_words = (
        "barrier, restoration, where to restore, road, conservation priority, gradient, derivative, elasticity, "
        "ConScape, JAXScape"
    )
    toolbox_group = SENSITIVITY
    summary = tr("Where changes of the landscape would affect its connectivity most.")
    help = Help(
        description=tr(
            "For every cell, how much the connectivity of the whole landscape would change with a small change of the "
            "permeability, resistance or habitat quality of that cell: the exact gradient, for all cells at once."
        ),
        when_to_use=tr(
            "Use it to find where restoration would help most and where degradation would do most harm. The gradient "
            "describes small changes; for a large one, such as a new road, change the raster and compute again. "
            "Absolute sensitivities give the effect of one unit more, elasticities that of one percent more: the "
            "latter are the fairer comparison between poor and good cells. For rasters that are too large use "
            "“Sensitivity of connectivity (moving windows)”; for restoration between given places, with improvement "
            "scores, “Barriers and pinch points”."
        ),
        outputs=tr(
            "A raster of derivatives. Blue always means that raising the value of this cell helps: for the mean "
            "distance a negative value, which brings the places closer together; for the quality-weighted "
            "connectivity a positive value, which connects more habitat. Red means that it harms. 0 means that "
            "nothing depends on the cell, for example because no path passes through it. Pairs without a path are "
            "excluded and counted in the log."
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
            "The sample: where more permeability reduces the mean resistance between nine habitat patches (rings); "
            "darker blue where it helps more."
        ),
    )
    number_outputs = with_elasticity_captions(
        (
            *common_outputs(),
            *sensitivity_outputs(
                lambda inputs: _number_caption(inputs),
                lambda inputs: _connectivity_unit(inputs),
                lambda inputs: sensitivity_unit(_connectivity_unit(inputs), inputs),
            ),
        )
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            self._points(
                "SOURCES",
                tr("Sources: points"),
                tr(
                    "Places to connect, such as habitat patches; each represents the cell that contains it. Any "
                    "coordinate system. Without points, places are sampled at random, see “Number of sampled places”."
                ),
            ),
            only_with(
                self._points(
                    "TARGETS",
                    tr("Targets: points"),
                    tr(
                        "Places to which the sources are connected; if nothing is chosen, the sources are connected "
                        "with each other."
                    ),
                ),
                SOURCES=(),
            ),
            only_without(
                number(
                    "SAMPLES",
                    tr("Number of sampled places"),
                    DEFAULT_SAMPLES,
                    tr(
                        "Number of cells sampled at random as sources and targets if no points are chosen. More places "
                        "give a smoother map and take longer."
                    ),
                    minimum=2,
                    integer=True,
                ),
                "SOURCES",
            ),
            choice(
                "SCALAR",
                tr("Connectivity measure"),
                {"mean_distance": tr("Mean distance"), "quality_weighted": tr("Quality-weighted connectivity")},
                tr(
                    "Mean distance: the mean distance between the places; lower means better connected. "
                    "Quality-weighted connectivity: the sum over all pairs of places of the quality of the first times "
                    "exp(−distance / dispersal distance) times the quality of the second; higher means better "
                    "connected."
                ),
            ),
            distance_choice("connectivity.sensitivity"),
            theta(only_rsp()),
            only_with(
                with_help(
                    QgsProcessingParameterRasterLayer("QUALITY", tr("Habitat quality"), optional=True),
                    tr(
                        "Habitat quality of each cell, 0 or more, for the quality-weighted connectivity; 1 everywhere "
                        "if nothing is chosen. Its first band is used."
                    )
                    + f" {alignment_note()}",
                ),
                SCALAR=("quality_weighted",),
            ),
            only_with(
                dispersal(tr("Only for the quality-weighted connectivity.")),
                SCALAR=("quality_weighted",),
            ),
            *sensitivity_parameters(
                ["permeability", "resistance", "quality"],
                tr("connectivity"),
                tr("Habitat quality requires the quality-weighted connectivity."),
            ),
            cost(),
            only_without(
                number(
                    "SEED",
                    tr("Random seed"),
                    1,
                    tr("The same seed samples the same places again."),
                    minimum=0,
                    integer=True,
                    advanced=True,
                ),
                "SOURCES",
            ),
            solver(),
            *graph(),
            raster_destination(tr("Sensitivity"), tr("Change of connectivity per change of each cell.")),
        ]

    @staticmethod
    def _points(name: str, description: str, text: str) -> QgsProcessingParameterDefinition:
        kinds = [QgsProcessing.SourceType.TypeVectorPoint]
        return with_help(QgsProcessingParameterFeatureSource(name, description, kinds, optional=True), text)

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        weighted = choices["SCALAR"] == "quality_weighted"
        if "TARGETS" in provided and "SOURCES" not in provided:
            return tr("There are targets but no sources: choose “Sources: points” as well.")
        if choices["RESPECT_TO"] == "quality" and not weighted:
            return tr(
                "The mean distance does not depend on habitat quality: choose the quality-weighted connectivity, or "
                "the sensitivity to permeability or resistance."
            )
        if "QUALITY" in provided and not weighted:
            return tr(
                "The mean distance does not depend on habitat quality: choose the quality-weighted connectivity, or "
                "leave the quality raster empty."
            )
        return validate_direction(choices)

    def task(self, inputs: ParameterValues) -> Task:
        arrays: dict[str, np.ndarray] = {}
        task_parameters = {
            "scalar": inputs.choice("SCALAR"),
            "distance": inputs.choice("DISTANCE"),
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "respect_to": inputs.choice("RESPECT_TO"),
            "elasticity": inputs.flag("ELASTICITY"),
        }
        if "solver" in distance_info(inputs.choice("DISTANCE")).parameters:
            task_parameters["solver"] = inputs.choice("SOLVER")
        if inputs.choice("SCALAR") == "quality_weighted":
            task_parameters["alpha"] = inputs.number("ALPHA")
            if inputs.is_provided("QUALITY"):
                arrays["quality"] = inputs.quality("QUALITY")
        if inputs.is_provided("SOURCES"):
            arrays["sources"] = inputs.points("SOURCES").cells
            if inputs.is_provided("TARGETS"):
                arrays["targets"] = inputs.points("TARGETS").cells
            elif len(arrays["sources"]) == 1:
                raise QgsProcessingException(
                    tr(
                        "A single place has no connectivity: “Sources: points” holds one usable point. Add points, or "
                        "choose “Targets: points” as well."
                    )
                )
        else:
            task_parameters["samples"] = inputs.whole_number("SAMPLES")
            task_parameters["seed"] = inputs.whole_number("SEED")
        return inputs.task("connectivity.sensitivity", arrays, **task_parameters)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        sensitivity = result.outputs["sensitivity"]
        of_mean, unit = inputs.choice("SCALAR") == "mean_distance", sensitivity_unit(_connectivity_unit(inputs), inputs)
        style, names = sensitivity_style(sensitivity, unit, negative_helps=of_mean), (band_name(inputs),)
        return [RasterOutput("OUTPUT", sensitivity, style, band_names=names, title=_title(inputs))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["connectivity"] is not None:
            text = tr("Connectivity of the present landscape: {connectivity}, from {pairs:# pair|# pairs} of places.")
            connectivity = format_number(numbers["connectivity"])
            feedback.pushInfo(text.format(connectivity=connectivity, pairs=numbers["pairs"]))
        log_range(result, feedback)
        warn_about_excluded_pairs(numbers["unreachable_pairs"], feedback)


def _connectivity_unit(inputs: ParameterValues) -> str:
    """Return the unit of the quantity that is differentiated; empty for quality-weighted connectivity."""
    return distance_unit(inputs) if inputs.choice("SCALAR") == "mean_distance" else ""


def _number_caption(inputs: ParameterValues) -> str:
    """Return what the report calls the quantity that is differentiated."""
    if inputs.choice("SCALAR") == "mean_distance":
        return tr("Mean {distance} of the present landscape").format(distance=named_distance(inputs))
    return tr("Connectivity of the present landscape")


def _title(inputs: ParameterValues) -> str:
    """Return what the map shows."""
    if inputs.choice("SCALAR") == "mean_distance":
        return sensitivity_title(tr("mean {distance}").format(distance=named_distance(inputs)), inputs)
    return with_distance(sensitivity_title(tr("connectivity"), inputs), inputs)
