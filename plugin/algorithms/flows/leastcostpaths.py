"""Least-cost paths between features."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..pair_tables import (
    pair_arrays,
    path_table,
    sources_and_targets,
    unreachable_pairs,
    warn_about_components,
    warn_about_pairs,
)
from ..parameter_values import ParameterValues
from ..parameters import choice, focal_nodes, graph, landscape, lines, targets, validate_focal
from ..tables import Table


class LeastCostPaths(EngineAlgorithm):
    """The cheapest ways between places, as lines."""

    identifier = "leastcostpaths"
    title = tr("Least-cost paths")
    toolbox_group = FLOWS
    summary = tr("The cheapest ways between points or polygons, as lines with their length and cost.")
    help = Help(
        description=tr(
            "The cheapest path between every two focal nodes, to the nearest one, between neighbours, or from focal "
            "nodes to targets, as lines through the centres of cells. Paths of polygons lead from rim to rim."
        ),
        when_to_use=tr(
            "Use it to see the one best route, or to build a graph of habitat patches. A path says nothing of how "
            "good the second best is: see “Least-cost corridor” for that."
        ),
        outputs=tr(
            "A line for each path, from the focal node to the other, with the ids of both, its length in map units and "
            "its cost, in map units times resistance. Where several paths are equally cheap one of them is drawn. "
            "Pairs that no way joins have a row without a line and with empty cells, and the log names them; so has a "
            "feature without a nearest one."
        ),
        references=(
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
            "Fall, A., Fortin, M.-J., Manseau, M. & O'Brien, D. (2007). Spatial graphs: principles and applications "
            "for habitat connectivity. Ecosystems 10, 448–461.",
        ),
        caption=tr(
            "The sample: cheapest paths between neighbours among nine habitat patches (rings); the darker, the "
            "costlier."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("paths", tr("Paths found")),
        NumberOutput("minimum", tr("Cost of the cheapest path")),
        NumberOutput("maximum", tr("Cost of the costliest path")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            *targets(),
            choice(
                "PAIRS",
                tr("Paths between"),
                ["all", "nearest", "minimum_planar_graph"],
                tr(
                    "All: every two focal nodes, or every focal node and every target. Nearest: from each focal node "
                    "to the one (or the target) that costs least. Minimum planar graph: between focal nodes that are "
                    "neighbours, that is whose ground meets when every cell belongs to the focal node that reaches it "
                    "most cheaply; the links of a network of patches, without those that lead past a third one."
                ),
            ),
            *graph(),
            lines(
                "OUTPUT",
                tr("Least-cost paths"),
                tr(
                    "Lines with from_id, to_id, from_name, to_name, length and cost; the line, length and cost are "
                    "empty where there is no way."
                ),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        planar = choices["PAIRS"] == "minimum_planar_graph"
        if planar and "TARGETS" in provided:
            return tr("A minimum planar graph joins the focal nodes with each other: leave the targets out.")
        if planar and choices["EDGE_RULE"] == "target":
            return tr(
                "A minimum planar graph has no direction, so the step between two cells cannot take the value of the "
                "target alone: choose mean or resistance."
            )
        return validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        return inputs.task("leastcost.paths", pair_arrays(inputs), rasters=(), pairs=inputs.choice("PAIRS"))

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        return []

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        return [path_table("OUTPUT", inputs, result, inputs.choice("PAIRS"))]

    def write_outputs(
        self,
        inputs: ParameterValues,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        outputs = super().write_outputs(inputs, result, paths, context, feedback)
        focal, ends = sources_and_targets(inputs)
        pairs, which = result.outputs["pairs"], inputs.choice("PAIRS")
        if ends is focal and which != "nearest":
            joined = np.eye(len(focal), dtype=bool)
            joined[tuple(pairs.T)] = joined[tuple(pairs[:, ::-1].T)] = True
            warn_about_components(joined, focal, feedback)
        else:
            targets = None if ends is focal else len(ends)
            lacking = unreachable_pairs(pairs, len(focal), targets, which, directed=True)
            warn_about_pairs(lacking, focal, ends, feedback)
        return outputs

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["paths"]:
            text = tr("{count:,} paths cost from {minimum} to {maximum}.")
            range_ = {key: format_number(numbers[key]) for key in ("minimum", "maximum")}
            feedback.pushInfo(text.format(count=numbers["paths"], **range_))
