"""Randomized shortest path distance."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingParameterDefinition

from ...i18n import tr
from ..help import Help
from ..parameter_values import ParameterValues
from ..parameters import cost, measure, theta, theta_help
from ..renderers import Style
from ..styles import distance_style, survival_style
from .base import DistanceAlgorithm


class RSPDistanceAlgorithm(DistanceAlgorithm):
    """Distance of movers that know the landscape more or less, from wandering to the least-cost path."""

    identifier = "rspdistance"
    title = tr("Randomized shortest path distance")
    summary = tr("Cost from every cell to the sources for movers between wandering and the cheapest way.")
    help = Help(
        description=tr(
            "Expected cost of going from every cell to the nearest source, or to each source, for movers that prefer "
            "cheap ways more or less strongly. One parameter, θ, leads from random wandering (close to 0) to the "
            "least-cost path (large)."
        ),
        when_to_use=tr(
            "Use it when animals neither know the whole landscape nor wander blindly, which is most of the time. "
            "Compare a few values of θ, ten times apart each; results that hold for all of them can be trusted. For "
            "movers that know the one best way use the least-cost distance, for those that wander without a plan the "
            "resistance distance: neither needs a θ."
        ),
        outputs=tr(
            "A raster of costs from each cell to the source (the way back may cost something else). With the expected "
            "cost it is never below the least-cost distance and approaches it as θ grows. Sources are 0. Cells from "
            "which no source can be reached are infinite, cells without data stay without data."
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
            "The sample: expected cost to the nearest of nine habitat patches (rings) with θ = 0.001, higher than"
            " the least cost, as movers stray."
        ),
    )
    task_name = "rsp.distance"
    output_title = tr("RSP distance")
    output_help = tr("Cost to the nearest source, or one band for each source.")

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            theta(theta_help()),
            measure(),
            cost(),
        ]

    def single_band_name(self, inputs: ParameterValues) -> str:
        measure_ = {
            "expected_cost": tr("expected cost"),
            "free_energy": tr("free energy"),
            "survival": tr("chance to arrive"),
        }[inputs.choice("MEASURE")]
        has_unit = inputs.choice("MEASURE") != "survival" and inputs.choice("COST") == "inverse"
        return tr("{measure}, map units × resistance").format(measure=measure_) if has_unit else measure_

    def style(self, inputs: ParameterValues, distance: np.ndarray) -> Style:
        return (survival_style if inputs.choice("MEASURE") == "survival" else distance_style)(distance)

    def extra_task_parameters(self, inputs: ParameterValues) -> dict:
        return {
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "measure": inputs.choice("MEASURE"),
        }
