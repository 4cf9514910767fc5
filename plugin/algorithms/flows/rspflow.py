"""Where randomized shortest paths pass."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
)

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..habitat.parameters import habitat, landmark_outputs, landmarks, log_landmarks
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..parameter_values import ParameterValues
from ..parameters import DEFAULT_DISPERSAL, choice, cost, graph, landscape, number, output, theta, theta_help, with_help
from ..styles import current_style


class RSPFlowAlgorithm(EngineAlgorithm):
    """How often movers between wandering and the cheapest way pass through every cell."""

    identifier = "rspflow"
    title = tr("Randomized shortest path flow")
    toolbox_group = FLOWS
    summary = tr("How often movers between wandering and the cheapest way pass through each cell.")
    help = Help(
        description=tr(
            "The expected number of passages through every cell of movers that prefer cheap ways more or less "
            "strongly: from source points to target points, or between all habitat (betweenness). A mover ends when "
            "it first reaches its target."
        ),
        when_to_use=tr(
            "Use it where current flow wanders too much and least-cost paths know too much: with a small θ the net "
            "passage is the current of circuit theory, with a large one it lies on the cheapest paths. Between all "
            "habitat it shows where a loss of ground would cut the most movement."
        ),
        outputs=tr(
            "A raster of passages: 1 at a place that every mover of one pair passes once. Total passages count every "
            "visit, to and fro; net passages only what is left of both directions. Of habitat, passages are weighted "
            "with the quality of both ends. Cells without data stay without data."
        ),
        references=(
            "Saerens, M., Achbany, Y., Fouss, F. & Yen, L. (2009). Randomized shortest-path problems: two related "
            "models. Neural Computation 21, 2363–2404.",
            "Kivimäki, I., Lebichot, B., Saramäki, J. & Saerens, M. (2016). Two betweenness centrality measures based "
            "on randomized shortest paths. Scientific Reports 6, 19668.",
            "Van Moorter, B., Kivimäki, I., Noack, A. et al. (2023). Accelerating advances in landscape connectivity "
            "modelling with the ConScape library. Methods in Ecology and Evolution 14, 133–145.",
        ),
        caption=tr(
            "The sample: net passages between nine habitat patches (rings) with θ = 0.001; bright where many pass."
        ),
    )
    number_outputs = (
        *common_outputs(),
        *landmark_outputs(),
        NumberOutput("steps", tr("Mean number of steps of a path")),
        NumberOutput("connectivity", tr("Connected habitat in all (by proximity only)")),
        NumberOutput("maximum", tr("Most passages through a cell")),
        NumberOutput(
            "flow_balance_error",
            tr("Largest difference of what enters and leaves a cell, beside the most visits"),
            output="IMBALANCE",
        ),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        points = [QgsProcessing.SourceType.TypeVectorPoint]
        return [
            *landscape(),
            with_help(
                QgsProcessingParameterFeatureSource("SOURCES", tr("Sources: points"), points, optional=True),
                tr(
                    "Where movers set out; each point stands for the cell it falls in. Any coordinate system. Points "
                    "outside the landscape or on barriers are left out and listed in the log. Give either sources or "
                    "habitat quality."
                ),
            ),
            with_help(
                QgsProcessingParameterFeatureSource("TARGETS", tr("Targets: points"), points, optional=True),
                tr("Where they go, each source to each target. Without targets, each source to all other sources."),
            ),
            *habitat(optional=True),
            theta(theta_help()),
            choice(
                "PASSAGE",
                tr("Passages counted"),
                ["net", "total"],
                tr(
                    "Net: what passes in one direction less what comes back, as a current; pair by pair between "
                    "points. Total: every visit, as in ConScape's betweenness; wandering movers come by often."
                ),
            ),
            choice(
                "WEIGHTING",
                tr("Movement between habitat is weighted by"),
                ["quality", "proximity"],
                tr(
                    "Quality: the quality of a cell times that of its target. Proximity: times exp(−expected cost / "
                    "dispersal distance), too, so that few go far. Only with habitat quality."
                ),
            ),
            number(
                "ALPHA",
                tr("Dispersal distance"),
                DEFAULT_DISPERSAL,
                tr(
                    "The expected cost at which exp(−cost / dispersal distance) has fallen to 37 %. Only with habitat "
                    "quality, weighted by proximity."
                ),
                minimum=1e-9,
            ),
            landmarks(),
            cost(),
            *graph(),
            output(tr("Passages"), tr("The expected passages through every cell.")),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if not provided & {"SOURCES", "QUALITY"}:
            return tr("Nobody moves: choose either source points or habitat quality.")
        if {"SOURCES", "QUALITY"} <= provided:
            return tr("Movement is given twice: choose either source points or habitat quality, not both.")
        if "TARGETS" in provided and "SOURCES" not in provided:
            return tr("There are targets but no sources: choose source points, too.")
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        walk = {
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "passage": inputs.choice("PASSAGE"),
        }
        if inputs.is_provided("QUALITY"):
            between = {
                "weighting": inputs.choice("WEIGHTING"),
                "alpha": inputs.number("ALPHA"),
                "landmarks": inputs.whole_number("LANDMARKS"),
            }
            arrays = {"quality": inputs.quality("QUALITY")}
            return inputs.task("rsp.flow", arrays, rasters=("passage",), **walk, **between)
        arrays = {"sources": inputs.points("SOURCES").cells}
        if inputs.is_provided("TARGETS"):
            arrays["targets"] = inputs.points("TARGETS").cells
        return inputs.task("rsp.flow", arrays, rasters=("passage",), **walk)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        passage = result.outputs["passage"]
        return [RasterOutput("OUTPUT", passage, current_style(passage), band_names=(tr("passages"),))]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        log_landmarks(result, feedback)
        text = tr("Paths have {steps} steps on average; what enters and what leaves a cell differ by {imbalance:.1e}.")
        steps, imbalance = format_number(result.metrics["steps"]), result.metrics["flow_balance_error"]
        feedback.pushInfo(text.format(steps=steps, imbalance=imbalance))
