"""Distance matrix between features."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)

from ...distance_registry import DistanceInfo, distance_info
from ...i18n import tr
from ...layers import FocalNodes
from ...runner import Result, Task, open_job
from ..base import DISTANCES, EngineAlgorithm
from ..formatting import join_names
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs, with_captions
from ..pair_tables import (
    pair_arrays,
    pair_columns,
    pair_values,
    representative_points,
    sources_and_targets,
    warn_about_components,
    warn_about_pairs,
)
from ..parameter_types import line_destination, table_destination
from ..parameter_values import ParameterValues
from ..parameters import (
    cost,
    distance_choice,
    focal_nodes,
    graph,
    landscape,
    measure,
    only_rsp,
    targets,
    theta,
    validate_direction,
    validate_focal,
)
from ..results import distance_unit, with_distance
from ..resume import (
    MAX_PENDING_RESULTS,
    PartialTable,
    checkpoint_folder,
    checkpoint_parameter,
    log_checkpoint_done,
    resumable,
)
from ..row_sequences import RowSequence
from ..step_feedback import StepFeedback
from ..styles import line_style
from ..table_size import check_rows
from ..tables import Column, Table
from .base import PROBABILITY_CAPTIONS, log_distance_range

# A GeoPackage table holds at most 2,000 columns.
MAX_COLUMNS = 1_900

# Table of the pairs computed so far, in the checkpoint folder.
TABLE_NAME = "distances.csv"


class DistanceMatrix(EngineAlgorithm):
    """Pairwise distances between focal nodes, or from focal nodes to targets."""

    identifier = "distancematrix"
    title = tr("Distance matrix")
    search_words = (
        "stepping stones, habitat network, graph, isolation, patches, gene flow, genetics, isolation by resistance, "
        "dispersal, cost distance, effective resistance, Circuitscape, Conefor, Graphab, gdistance"
    )
    toolbox_group = DISTANCES
    summary = tr(
        "Pairwise distances between points, lines or polygons, or to other features, as a table, matrix or lines."
    )
    help = Help(
        description=tr(
            "Distances between all pairs of focal nodes, or from each focal node to each target: least cost, effective "
            "resistance, randomized shortest paths, or Euclidean distance. The least cost between polygons is that "
            "between their nearest cells; for the resistance each polygon is one node."
        ),
        when_to_use=tr(
            "Use it to compare landscape distances with measured ones, such as genetic differentiation, or to build "
            "graphs of habitat patches in other programs. For maps of the distance of every cell use “Least-cost "
            "distance” and the other distances; for the paths themselves “Least-cost paths”."
        ),
        outputs=tr(
            "A table with one row for each pair and the ids of its features; with both directions where they may "
            "differ (randomized shortest paths, or edge conductances of the target cell). Pairs without a path have "
            "an empty distance, and the log lists them. From focal nodes to targets there is one row for each focal "
            "node and each target, in that direction."
        ),
        references=(
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
            "McRae, B. H. (2006). Isolation by resistance. Evolution 60, 1551–1561.",
            "Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths "
            "with a comparison of graph node distances. Physica A 393, 600–616.",
        ),
        caption=tr(
            "The sample: the table of least-cost distances between nine habitat patches (rings), drawn as lines; "
            "darker lines are costlier."
        ),
    )
    number_outputs = with_captions(
        (
            *common_outputs(),
            NumberOutput("focal_nodes", tr("Focal nodes")),
            NumberOutput("unreachable_pairs", tr("Pairs without a path")),
            NumberOutput("minimum", tr("Smallest distance"), unit=lambda inputs: _unit(inputs)),
            NumberOutput("maximum", tr("Largest finite distance"), unit=lambda inputs: _unit(inputs)),
            NumberOutput("mean", tr("Mean of the finite distances"), unit=lambda inputs: _unit(inputs)),
        ),
        PROBABILITY_CAPTIONS,
        lambda inputs: _is_probability(inputs),
    )
    files_in_folders = {"CHECKPOINT": (TABLE_NAME,)}

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            *targets(),
            distance_choice("distance.matrix", between_nodes=True),
            theta(only_rsp()),
            measure(),
            cost(),
            *graph(),
            checkpoint_parameter(
                tr(
                    "An empty folder in which the distances of each focal node are saved as they are computed, with a "
                    "table distances.csv of the pairs computed so far. It may be deleted after the run."
                ),
            ),
            table_destination(
                "OUTPUT",
                tr("Distances"),
                tr(
                    "One row for each pair: from_id, to_id, from_name, to_name and distance, which is empty if there "
                    "is no path."
                ),
            ),
            table_destination(
                "MATRIX",
                tr("Matrix"),
                tr(
                    "One row for each focal node and one column for each focal node, or target, in the order of their "
                    "ids; the first column holds the ids."
                ),
                optional=True,
                by_default=True,
            ),
            line_destination(
                "LINES",
                tr("Lines between focal nodes"),
                tr("A straight line for each row of the table, with the same columns."),
                optional=True,
                by_default=True,
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_direction(choices) or validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        (sources, targets), distance = sources_and_targets(inputs), inputs.choice("DISTANCE")
        info = distance_info(distance)
        if not info.regions:
            for nodes in (sources, targets):
                _require_single_cells(nodes, info)
        rows = count_pairs(len(sources), len(targets), among_sources=targets is sources, directed=_is_directed(inputs))
        for output in ("OUTPUT", "LINES"):
            check_rows(self, inputs.parameters, output, rows, inputs.feedback)
        if inputs.is_provided("MATRIX") and len(targets) > MAX_COLUMNS:
            raise QgsProcessingException(
                tr(
                    "A matrix with {count:# column|# columns} exceeds the limit of a table ({limit:,}): switch it off, "
                    "because the table of pairs holds the same distances."
                ).format(count=len(targets), limit=MAX_COLUMNS)
            )
        task_parameters: dict[str, Any] = {"distance": distance}
        if "theta" in info.parameters:
            task_parameters["theta"] = inputs.number("THETA")
        for name in ("cost", "measure"):
            if name in info.parameters:
                task_parameters[name] = inputs.choice(name.upper())
        if folder := checkpoint_folder(inputs):
            task_parameters |= {"checkpoint": folder, "max_pending": MAX_PENDING_RESULTS}
        return inputs.task("distance.matrix", pair_arrays(inputs), rasters=(), **task_parameters)

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        with open_job(feedback) as job:
            inputs = ParameterValues(self, parameters, context, StepFeedback(feedback, 0, 10), job.folder)
            task, folder = self.task(inputs), checkpoint_folder(inputs)
            table = PartialTable(
                Path(folder) / TABLE_NAME,
                lambda arrays: self.table_outputs(inputs, Result(arrays, {}))[0],
                inputs.landscape.grid.crs,
                context,
                StepFeedback(feedback, 90, 90),
            )
            with resumable(folder, feedback):
                write_partial_result = (lambda partial: table.update(partial.arrays)) if folder else None
                result = job.run(task, StepFeedback(feedback, 10, 90), write_partial_result)
                if folder:
                    table.update(result.outputs, final=True)
            outputs = self.write_outputs(inputs, result, paths, context, feedback)
        log_checkpoint_done(folder, feedback)
        return outputs

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        return []

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        (sources, targets), matrix = sources_and_targets(inputs), result.outputs["matrix"]
        kind = {"among_sources": targets is sources, "directed": _is_directed(inputs)}

        def pairs() -> Iterator[tuple[int, int]]:
            return _pairs(*matrix.shape, **kind)

        rows = RowSequence(
            count_pairs(*matrix.shape, **kind),
            lambda: ((*pair_values(sources, targets, i, j), matrix.item(i, j)) for i, j in pairs()),
        )
        unit = _unit(inputs)
        columns = (*pair_columns(sources, targets), Column("distance", unit=unit))
        tables = [Table("OUTPUT", columns, rows, title=with_distance(tr("Distances"), inputs))]
        if inputs.is_provided("MATRIX"):
            matrix_columns = (Column("id", columns[0].kind), *(Column(name) for name in _column_names(targets)))
            matrix_rows = [(name, *row) for name, row in zip(sources.names, matrix)]
            title = with_distance(tr("Matrix of distances"), inputs)
            tables.append(Table("MATRIX", matrix_columns, matrix_rows, title=title, lists_largest=False))
        if inputs.is_provided("LINES"):
            grid = inputs.landscape.grid
            starts, ends = representative_points(sources, grid), representative_points(targets, grid)
            style = line_style("distance", _distances(matrix, **kind), unit)
            lines = RowSequence(len(rows), lambda: (np.stack([starts[i], ends[j]]) for i, j in pairs()))
            title = with_distance(tr("Lines of distances"), inputs)
            tables.append(Table("LINES", columns, rows, lines, style, title=title))
        return tables

    def warn_about_result(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        (sources, targets), connected = sources_and_targets(inputs), np.isfinite(result.outputs["matrix"])
        if targets is sources:
            warn_about_components(connected, sources, feedback)
        else:
            missing = np.argwhere(~connected)
            pairs = RowSequence(len(missing), lambda: ((int(i), int(j)) for i, j in missing))
            warn_about_pairs(pairs, sources, targets, feedback)

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        log_distance_range(result, feedback)
        if result.metrics["unreachable_pairs"]:
            feedback.pushInfo(tr("{unreachable_pairs:# pair has|# pairs have} no path.").format(**result.metrics))


def _unit(inputs: ParameterValues) -> str:
    """Return the unit of the distances; empty for probabilities."""
    return "" if _is_probability(inputs) else distance_unit(inputs)


def _is_probability(inputs: ParameterValues) -> bool:
    return inputs.choice("DISTANCE") == "rsp" and inputs.choice("MEASURE") == "survival"


def _is_directed(inputs: ParameterValues) -> bool:
    return not distance_info(inputs.choice("DISTANCE")).is_symmetric(inputs.choice("EDGE_RULE"))


def _pairs(sources: int, targets: int, *, among_sources: bool, directed: bool) -> Iterator[tuple[int, int]]:
    """Yield the index pairs of the table; among the same focal nodes without pairs of a node with itself."""
    for i in range(sources):
        for j in range(0 if directed or not among_sources else i + 1, targets):
            if i != j or not among_sources:
                yield i, j


def _distances(matrix: np.ndarray, *, among_sources: bool, directed: bool) -> np.ndarray:
    """Return the distances of the table, in the order of its rows."""
    if not among_sources:
        return matrix.ravel()
    return matrix[~np.eye(len(matrix), dtype=bool)] if directed else matrix[np.triu(np.ones(matrix.shape, bool), 1)]


def count_pairs(sources: int, targets: int, *, among_sources: bool, directed: bool) -> int:
    """Return the number of pairs of a table.

    Examples
    --------
    >>> count_pairs(3, 3, among_sources=True, directed=False)
    3
    """
    if not among_sources:
        return sources * targets
    return sources * (sources - 1) // (1 if directed else 2)


def _column_names(focal: FocalNodes) -> list[str]:
    """Return column names that differ even if case is ignored; CSV holds neither quotes nor line breaks in them."""
    names: list[str] = []
    used = {"id", "fid"}
    for name in focal.names:
        name = re.sub(r'["\s]+', " ", str(name)).strip()
        column, number = f"to_{name}", 1
        while column.lower() in used:
            number += 1
            column = f"to_{name}_{number}"
        used.add(column.lower())
        names.append(column)
    return names


def _require_single_cells(focal: FocalNodes, info: DistanceInfo) -> None:
    sizes = np.bincount(focal.owners, minlength=len(focal))
    regions = [label for label, size in zip(focal.labels, sizes) if size > 1]
    if regions:
        raise QgsProcessingException(
            tr(
                "The distance “{distance}” is defined between single cells, but {count} of "
                "{all:# focal node|# focal nodes} {count:covers|cover} several cells: {names}. Use “Point on surface” "
                "to turn them into points, or choose another distance."
            ).format(distance=tr(info.label), count=len(regions), all=len(focal), names=join_names(regions))
        )
