"""Flow of randomized shortest paths."""

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
from ..habitat import habitat, landmark_outputs, landmarks, log_landmarks
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..parameter_types import choice, either, number, only_with, with_help
from ..parameter_values import ParameterValues
from ..parameters import DEFAULT_DISPERSAL, cost, graph, landscape, raster_destination, theta
from ..results import with_theta
from ..styles import current_style


class RSPFlowAlgorithm(EngineAlgorithm):
    """Expected passages of randomized shortest paths through every cell."""

    identifier = "rspflow"
    title = tr("Randomized shortest path flow")
    search_words = (
        "corridor, stepping stones, betweenness, centrality, dispersal, migration, random walk, ConScape, gdistance"
    )
    toolbox_group = FLOWS
    summary = tr("Expected passages through each cell of movement between random walk and least-cost path.")
    help = Help(
        description=tr(
            "The expected number of passages through every cell by individuals that prefer low costs more or less "
            "strongly: from source points to target points, or between all habitat (betweenness). Movement ends when "
            "it first reaches its target."
        ),
        when_to_use=tr(
            "Use it if current flow spreads too widely and least-cost paths assume too much knowledge: with a small θ "
            "the net passage is the current of circuit theory, with a large one it concentrates on least-cost paths. "
            "Between all habitat it shows where habitat loss would interrupt most movement."
        ),
        outputs=tr(
            "A raster of passages: 1 in a cell that every individual of one pair passes once. Total passages count "
            "every visit; net passages subtract visits in opposite directions. Between habitat, passages are weighted "
            "by the quality of both ends. Cells without data remain nodata."
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
            "The sample: net passages between nine habitat patches (rings) with θ = 0.001; bright where many "
            "individuals pass."
        ),
    )
    number_outputs = (
        *common_outputs(),
        *landmark_outputs(),
        NumberOutput("steps", tr("Mean number of steps of a path")),
        NumberOutput(
            "connectivity",
            tr("Connected habitat of the landscape"),
            remark=tr("(with proximity weighting only)"),
        ),
        NumberOutput("maximum", tr("Largest number of passages through a cell")),
        NumberOutput(
            "flow_balance_error",
            tr("Largest flow balance error of a cell, relative to the largest number of visits"),
            output="IMBALANCE",
        ),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        points = [QgsProcessing.SourceType.TypeVectorPoint]
        sources, quality = either(
            with_help(
                QgsProcessingParameterFeatureSource("SOURCES", tr("Sources: points"), points, optional=True),
                tr(
                    "Starting points; each represents the cell that contains it. Any coordinate system. Points outside "
                    "the landscape or on barriers are ignored and listed in the log. Choose either sources or habitat "
                    "quality."
                ),
            ),
            *habitat(optional=True),
        )
        return [
            *landscape(),
            sources,
            only_with(
                with_help(
                    QgsProcessingParameterFeatureSource("TARGETS", tr("Targets: points"), points, optional=True),
                    tr("Destinations of all sources. Without targets, each source is connected to all other sources."),
                ),
                SOURCES=(),
            ),
            quality,
            theta(),
            choice(
                "PASSAGE",
                tr("Passages"),
                {"net": tr("Net"), "total": tr("Total")},
                tr(
                    "Net: passages in one direction minus those in the opposite one, like a current; between points, "
                    "for each pair separately. Total: every visit, as in ConScape's betweenness; random movement "
                    "visits cells repeatedly."
                ),
            ),
            only_with(
                choice(
                    "WEIGHTING",
                    tr("Weighting of movement between habitat"),
                    {"quality": tr("Quality"), "proximity": tr("Quality and proximity")},
                    tr(
                        "Quality: the quality of the source cell times that of the target. Quality and proximity: "
                        "additionally times exp(−expected cost / dispersal distance), which discounts distant pairs. "
                        "Only with habitat quality."
                    ),
                ),
                QUALITY=(),
            ),
            only_with(
                number(
                    "ALPHA",
                    tr("Dispersal distance"),
                    DEFAULT_DISPERSAL,
                    tr(
                        "The expected cost at which the weight exp(−cost / dispersal distance) of a pair falls to "
                        "37 %. Only with habitat quality weighted by proximity."
                    ),
                    minimum=1e-9,
                    unit="cost",
                ),
                QUALITY=(),
                WEIGHTING=("proximity",),
            ),
            only_with(landmarks(), QUALITY=()),
            cost(),
            *graph(),
            raster_destination(tr("Passages"), tr("The expected passages through every cell.")),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if not provided & {"SOURCES", "QUALITY"}:
            return tr("No sources: choose either source points or habitat quality.")
        if {"SOURCES", "QUALITY"} <= provided:
            return tr("Two sets of sources: choose either source points or habitat quality, not both.")
        if "TARGETS" in provided and "SOURCES" not in provided:
            return tr("There are targets but no sources: choose source points as well.")
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        task_parameters = {
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "passage": inputs.choice("PASSAGE"),
        }
        if inputs.is_provided("QUALITY"):
            arrays = {"quality": inputs.quality("QUALITY")}
            task_parameters |= {
                "weighting": inputs.choice("WEIGHTING"),
                "alpha": inputs.number("ALPHA"),
                "landmarks": inputs.whole_number("LANDMARKS"),
            }
        else:
            arrays = {"sources": inputs.points("SOURCES").cells}
            if inputs.is_provided("TARGETS"):
                arrays["targets"] = inputs.points("TARGETS").cells
        return inputs.task("rsp.flow", arrays, rasters=("passage",), **task_parameters)

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        passages = result.outputs["passage"]
        kind = tr("Net passages") if inputs.choice("PASSAGE") == "net" else tr("Total passages")
        title, names = with_theta(kind, inputs), (tr("passages"),)
        return [RasterOutput("OUTPUT", passages, current_style(passages), band_names=names, title=title)]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        log_landmarks(result, feedback)
        text = tr("Paths have {steps} steps on average.")
        feedback.pushInfo(text.format(steps=format_number(result.metrics["steps"])))
