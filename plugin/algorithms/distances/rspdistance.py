"""Randomized shortest path distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import Text, tr
from ...runner import Result
from ..help import Help
from ..outputs import common_outputs, distance_outputs, with_captions
from ..parameter_values import ParameterValues
from ..parameters import cost, measure, theta
from ..renderers import Style
from ..results import cost_unit, with_theta
from ..styles import survival_style
from .base import PROBABILITY_CAPTIONS, DistanceAlgorithm, log_distance_range


class RSPDistanceAlgorithm(DistanceAlgorithm):
    """Randomized shortest path distance of every cell to the sources."""

    identifier = "rspdistance"
    title = tr("Randomized shortest path distance")
    search_words = "isolation, dispersal, random walk, ConScape, gdistance"
    summary = tr("Cost from every cell to the sources for movement between random walk and least-cost path.")
    help = Help(
        description=tr(
            "Expected cost of movement from every cell to the nearest source, or to each source, for individuals that "
            "prefer low costs more or less strongly. A single parameter, θ, leads from the random walk (near 0) to the "
            "least-cost path (large)."
        ),
        when_to_use=tr(
            "Use it when animals neither know the whole landscape nor move at random, which is most of the time. "
            "Compare several values of θ, a factor of ten apart; trust results that hold for all of them. For perfect "
            "knowledge use the least-cost distance, for random movement the resistance distance: neither needs a θ."
        ),
        outputs=tr(
            "A raster of costs from each cell to the source; the opposite direction may have a different cost. The "
            "expected cost is never below the least-cost distance and approaches it as θ grows. Sources are 0. Cells "
            "that cannot reach any source are nodata, as cells without data; the log counts them. The survival "
            "probability is a proximity instead: 1 at the sources, and 0 where none can be reached."
        ),
        references=(
            "Saerens, M., Achbany, Y., Fouss, F. & Yen, L. (2009). Randomized shortest-path problems: two related "
            "models. Neural Computation 21, 2363–2404.",
            "Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths "
            "with a comparison of graph node distances. Physica A 393, 600–616.",
            "Van Moorter, B., Kivimäki, I., Noack, A. et al. (2023). Accelerating advances in landscape connectivity "
            "modelling with the ConScape library. Methods in Ecology and Evolution 14, 133–145.",
        ),
        caption=tr(
            "The sample: expected cost to the nearest of nine habitat patches (rings) with θ = 0.001, higher than the "
            "least cost because individuals make detours."
        ),
    )
    number_outputs = with_captions(
        (*common_outputs(), *distance_outputs(lambda inputs: "" if _is_probability(inputs) else cost_unit(inputs))),
        PROBABILITY_CAPTIONS,
        lambda inputs: _is_probability(inputs),
    )
    task_name = "rsp.distance"
    output_title = tr("RSP distance")
    output_help = tr("Cost to the nearest source, or one band for each source.")

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [theta(), measure(), cost()]

    def single_band_name(self, inputs: ParameterValues) -> str:
        name = {
            "expected_cost": tr("expected cost"),
            "free_energy": tr("free energy"),
            "survival": tr("survival probability"),
        }[inputs.choice("MEASURE")]
        has_unit = inputs.choice("MEASURE") != "survival" and inputs.choice("COST") == "inverse"
        return tr("{measure}, {unit}").format(measure=name, unit=cost_unit(inputs)) if has_unit else name

    def result_title(self, inputs: ParameterValues) -> str:
        measure = {
            "expected_cost": tr("Expected cost"),
            "free_energy": tr("Free energy"),
            "survival": tr("Survival probability"),
        }[inputs.choice("MEASURE")]
        return with_theta(measure, inputs)

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        log_distance_range(result, feedback, tr("Values of the map"))

    def unreachable_warning(self, inputs: ParameterValues) -> Text:
        if inputs.choice("MEASURE") != "survival":
            return super().unreachable_warning(inputs)
        return tr(
            "The survival probability of {count:# cell|# cells} is 0: barriers (nodata or zero permeability) separate "
            "them from all sources, or the costs to all sources are so high that the probability is too small to be "
            "computed. “Connected components” maps the connected parts of the landscape."
        )

    def style(self, inputs: ParameterValues, distance: np.ndarray) -> Style:
        if _is_probability(inputs):
            return survival_style(distance)
        return super().style(inputs, distance)

    def extra_task_parameters(self, inputs: ParameterValues) -> dict[str, Any]:
        return {
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "measure": inputs.choice("MEASURE"),
        }


def _is_probability(inputs: ParameterValues) -> bool:
    return inputs.choice("MEASURE") == "survival"
