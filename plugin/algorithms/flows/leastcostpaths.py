"""Least-cost paths between features."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

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
from ..parameter_types import choice, line_destination
from ..parameter_values import ParameterValues
from ..parameters import focal_nodes, graph, landscape, targets, validate_focal
from ..results import cost_unit
from ..tables import Table
from .shared_paths import shared_path_table


class LeastCostPaths(EngineAlgorithm):
    """Least-cost paths between focal nodes, or from focal nodes to targets, as lines."""

    identifier = "leastcostpaths"
    title = tr("Least-cost paths")
    search_words = (
        "corridor, linkage, stepping stones, habitat network, graph, patches, migration, friction, cost surface, "
        "Linkage Mapper, Graphab, UNICOR"
    )
    toolbox_group = FLOWS
    summary = tr("Least-cost paths between points, lines or polygons, as lines with their length and cost.")
    help = Help(
        description=tr(
            "Least-cost paths between all pairs of focal nodes, to the nearest focal node, between neighbours, or "
            "from focal nodes to targets, as lines through the cell centres. Paths between polygons lead from "
            "boundary to boundary."
        ),
        when_to_use=tr(
            "Use it to map the single optimal route, or to build a graph of habitat patches. A path says nothing "
            "about the quality of the alternatives: use “Least-cost corridor” for these."
        ),
        outputs=tr(
            "A line for each path, from source to target, with the ids of both, its length in map units and its cost "
            "in map units times resistance. Of several paths with the same cost one is drawn. Pairs without a path "
            "have a row without a line and with empty values, and the log lists them; so has a focal node without a "
            "nearest one."
        ),
        references=(
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
            "Fall, A., Fortin, M.-J., Manseau, M. & O'Brien, D. (2007). Spatial graphs: principles and applications "
            "for habitat connectivity. Ecosystems 10, 448–461.",
        ),
        caption=tr(
            "The sample: least-cost paths between neighbours among nine habitat patches (rings); darker paths are "
            "costlier."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("paths", tr("Paths found")),
        NumberOutput("minimum", tr("Smallest cost of a path"), unit=cost_unit),
        NumberOutput("maximum", tr("Largest cost of a path"), unit=cost_unit),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            *targets(),
            choice(
                "PAIRS",
                tr("Paths between"),
                {
                    "all": tr("All pairs"),
                    "nearest": tr("Nearest neighbours"),
                    "minimum_planar_graph": tr("Minimum planar graph"),
                },
                tr(
                    "All pairs: all pairs of focal nodes, or of a focal node and a target. Nearest neighbours: from "
                    "each focal node to the one (or the target) of least cost. Minimum planar graph: between "
                    "neighbouring focal nodes, that is those whose cost-weighted Voronoi regions share a boundary; "
                    "these are the links of a network of patches without those that pass through a third one."
                ),
            ),
            *graph(),
            line_destination(
                "OUTPUT",
                tr("Least-cost paths"),
                tr(
                    "Lines with from_id, to_id, from_name, to_name, length and cost; the line, length and cost are "
                    "empty if there is no path."
                ),
            ),
            line_destination(
                "SHARED",
                tr("Shared parts of paths"),
                tr(
                    "The same paths cut where others join or leave them, each part once, with the number of paths that "
                    "use it: wide, dark lines are the routes that most connections depend on."
                ),
                optional=True,
                by_default=True,
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        planar = choices["PAIRS"] == "minimum_planar_graph"
        if planar and "TARGETS" in provided:
            return tr("A minimum planar graph connects the focal nodes with each other: leave the targets empty.")
        if planar and choices["EDGE_RULE"] == "target":
            return tr(
                "A minimum planar graph is undirected, so the edge conductance rule cannot be the permeability of the "
                "target cell: choose mean permeability or mean resistance."
            )
        return validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        return inputs.task("leastcost.paths", pair_arrays(inputs), rasters=(), pairs=inputs.choice("PAIRS"))

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        return []

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        tables = [path_table("OUTPUT", inputs, result, inputs.choice("PAIRS"))]
        return [*tables, shared_path_table("SHARED", inputs, result)] if inputs.is_provided("SHARED") else tables

    def warn_about_result(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        sources, targets = sources_and_targets(inputs)
        pairs, which = result.outputs["pairs"], inputs.choice("PAIRS")
        if targets is sources and which != "nearest":
            connected = np.eye(len(sources), dtype=bool)
            connected[tuple(pairs.T)] = connected[tuple(pairs[:, ::-1].T)] = True
            warn_about_components(connected, sources, feedback)
        else:
            target_count = None if targets is sources else len(targets)
            unreachable = unreachable_pairs(pairs, len(sources), target_count, which, directed=True)
            warn_about_pairs(unreachable, sources, targets, feedback)

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["paths"]:
            text = tr("{count:# path|# paths} with costs from {minimum} to {maximum}.")
            costs = {key: format_number(numbers[key]) for key in ("minimum", "maximum")}
            feedback.pushInfo(text.format(count=numbers["paths"], **costs))
