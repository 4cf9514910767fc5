"""Least-cost paths between features."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...layers import FocalNodes
from ...runner import Result, Task
from ...translation import tr
from ..algorithm import FLOWS, EngineAlgorithm
from ..documentation import Help
from ..inputs import Inputs
from ..pairs import named_in_words, pair_columns, pair_values, paths_of, warn_of_parts
from ..parameters import choice, focal_complaint, focal_nodes, graph, landscape, lines, targets
from ..results import Figure, Map, figures_of_every_run, in_digits
from ..styles import line_style
from ..tables import Column, Table


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
            "Features that no way joins get no path, and the log names them."
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
                tr("Lines with from_id, to_id, from_name, to_name, length and cost."),
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
        focal, ends = sources_and_targets(inputs)
        arrays = {"focal_ids": focal.cell_ids, "focal_cells": focal.cells}
        if ends is not focal:
            arrays |= {"target_ids": ends.cell_ids, "target_cells": ends.cells}
        return inputs.task("leastcost.paths", arrays, rasters=(), pairs=inputs.choice("PAIRS"))

    def maps(self, inputs: Inputs, result: Result) -> list[Map]:
        return []

    def tables(self, inputs: Inputs, result: Result) -> list[Table]:
        return [table_of_paths("OUTPUT", inputs, result)]

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
        pairs = result.outputs["pairs"]
        if ends is focal and inputs.choice("PAIRS") != "nearest":
            joined = np.eye(len(focal), dtype=bool)
            joined[tuple(pairs.T)] = joined[tuple(pairs[:, ::-1].T)] = True
            warn_of_parts(joined, focal, feedback)
            return outputs
        alone = np.setdiff1d(np.arange(len(focal)), pairs if ends is focal else pairs[:, 0])
        if alone.size:
            feedback.pushWarning(
                tr("No path leads from {count} of {all} focal nodes: {names}. Barriers enclose them.").format(
                    count=alone.size, all=len(focal), names=named_in_words([focal.labels[number] for number in alone])
                )
            )
        return outputs

    def remarks(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.numbers
        if numbers["paths"]:
            text = tr("{count:,} paths cost from {minimum} to {maximum}.")
            range_ = {key: in_digits(numbers[key]) for key in ("minimum", "maximum")}
            feedback.pushInfo(text.format(count=numbers["paths"], **range_))


def sources_and_targets(inputs: Inputs) -> tuple[FocalNodes, FocalNodes]:
    """Return where paths begin and where they lead to: the targets, or the focal nodes themselves."""
    if not inputs.is_given("TARGETS"):
        return inputs.focal, inputs.focal
    return inputs.focal_to_targets, inputs.targets


def table_of_paths(output: str, inputs: Inputs, result: Result) -> Table:
    """Return the paths of a result as lines with their length and cost."""
    focal, ends = sources_and_targets(inputs)
    numbers = zip(result.outputs["pairs"].tolist(), result.outputs["lengths"], result.outputs["costs"])
    rows = [(*pair_values(focal, ends, *pair), length, cost) for pair, length, cost in numbers]
    columns = (*pair_columns(focal, ends), Column("length"), Column("cost"))
    lines_ = paths_of(result, inputs.landscape.frame)
    return Table(output, columns, rows, lines_, line_style("cost", result.outputs["costs"]))
