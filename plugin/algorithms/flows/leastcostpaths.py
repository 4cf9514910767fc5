"""Least-cost paths between features."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...runner import Result, Task
from ...translation import tr
from ..algorithm import FLOWS, EngineAlgorithm
from ..documentation import Help
from ..inputs import Inputs
from ..pairs import (
    arrays_of_pairs,
    pairs_without_a_way,
    sources_and_targets,
    table_of_paths,
    warn_of_pairs,
    warn_of_parts,
)
from ..parameters import choice, focal_complaint, focal_nodes, graph, landscape, lines, targets
from ..results import Figure, Map, figures_of_every_run, in_digits
from ..tables import Table


class LeastCostPaths(EngineAlgorithm):
    """The cheapest ways between places, as lines."""

    identifier = "leastcostpaths"
    title = tr("Least-cost paths")
    section = FLOWS
    summary = tr("The cheapest ways between points or polygons, as lines with their length and cost.")
    help = Help(
        what=tr(
            "The cheapest path between every two focal nodes, to the nearest one, between neighbours, or from focal "
            "nodes to targets, as lines through the centres of cells. Paths of polygons lead from rim to rim."
        ),
        when=tr(
            "Use it to see the one best route, or to build a graph of habitat patches. A path says nothing of how "
            "good the second best is: see “Least-cost corridor” for that."
        ),
        result=tr(
            "A line for each path, from the focal node to the other, with the ids of both, its length in map units and "
            "its cost, in map units times resistance. Where several paths are equally cheap one of them is drawn. "
            "Pairs that no way joins have a row without a line and with empty cells, and the log names them; so has a "
            "feature without a nearest one."
        ),
        reads=(
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
            "Fall, A., Fortin, M.-J., Manseau, M. & O'Brien, D. (2007). Spatial graphs: principles and applications "
            "for habitat connectivity. Ecosystems 10, 448–461.",
        ),
        picture=tr(
            "The sample: cheapest paths between neighbours among nine habitat patches (rings); the darker, the "
            "costlier."
        ),
    )
    figures = (
        *figures_of_every_run(),
        Figure("paths", tr("Paths found")),
        Figure("minimum", tr("Cost of the cheapest path")),
        Figure("maximum", tr("Cost of the costliest path")),
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

    def complaint(self, given: set[str], choices: dict[str, str]) -> str:
        planar = choices["PAIRS"] == "minimum_planar_graph"
        if planar and "TARGETS" in given:
            return tr("A minimum planar graph joins the focal nodes with each other: leave the targets out.")
        if planar and choices["EDGE_RULE"] == "target":
            return tr(
                "A minimum planar graph has no direction, so the step between two cells cannot take the value of the "
                "target alone: choose mean or resistance."
            )
        return focal_complaint(given)

    def task(self, inputs: Inputs) -> Task:
        return inputs.task("leastcost.paths", arrays_of_pairs(inputs), rasters=(), pairs=inputs.choice("PAIRS"))

    def maps(self, inputs: Inputs, result: Result) -> list[Map]:
        return []

    def tables(self, inputs: Inputs, result: Result) -> list[Table]:
        return [table_of_paths("OUTPUT", inputs, result, inputs.choice("PAIRS"))]

    def deliver(
        self,
        inputs: Inputs,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        outputs = super().deliver(inputs, result, paths, context, feedback)
        focal, ends = sources_and_targets(inputs)
        pairs, which = result.outputs["pairs"], inputs.choice("PAIRS")
        if ends is focal and which != "nearest":
            joined = np.eye(len(focal), dtype=bool)
            joined[tuple(pairs.T)] = joined[tuple(pairs[:, ::-1].T)] = True
            warn_of_parts(joined, focal, feedback)
        else:
            targets = None if ends is focal else len(ends)
            lacking = pairs_without_a_way(pairs, len(focal), targets, which, both_ways=True)
            warn_of_pairs(lacking, focal, ends, feedback)
        return outputs

    def remarks(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.numbers
        if numbers["paths"]:
            text = tr("{count:,} paths cost from {minimum} to {maximum}.")
            range_ = {key: in_digits(numbers[key]) for key in ("minimum", "maximum")}
            feedback.pushInfo(text.format(count=numbers["paths"], **range_))
