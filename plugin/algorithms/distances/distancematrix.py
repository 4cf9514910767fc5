"""Distances between features."""

from __future__ import annotations

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

from ...distance_registry import DistanceInfo, distance_help, distance_info, distance_names
from ...i18n import tr
from ...layers import FocalNodes
from ...runner import Result, Task, open_job
from ..base import DISTANCES, EngineAlgorithm
from ..formatting import format_number, join_names
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..pair_tables import (
    pair_arrays,
    pair_columns,
    pair_values,
    representative_points,
    sources_and_targets,
    warn_about_components,
    warn_about_pairs,
)
from ..parameter_values import ParameterValues
from ..parameters import (
    choice,
    cost,
    focal_nodes,
    graph,
    landscape,
    lines,
    measure,
    table,
    targets,
    theta,
    theta_help,
    validate_direction,
    validate_focal,
)
from ..resume import PartialTable, checkpoint_folder, checkpoint_parameter, log_checkpoint_done, resume_hint
from ..step_feedback import StepFeedback
from ..styles import line_style
from ..tables import Column, Table

# A GeoPackage holds no more columns.
MOST_COLUMNS = 1_900

#: Parts of the result that the engine is ahead of what is written.
AHEAD = 4


class DistanceMatrix(EngineAlgorithm):
    """Any of the distances between every two of some places."""

    identifier = "distancematrix"
    title = tr("Distance matrix")
    toolbox_group = DISTANCES
    summary = tr(
        "Any of the distances between points or polygons, or from them to others, as a table, matrix or lines."
    )
    help = Help(
        description=tr(
            "Distances between every two focal nodes, or from each focal node to each target: least cost, effective "
            "resistance, randomized shortest paths, or the straight line. Polygons are met where it is cheapest to "
            "meet them; for resistance each is one node."
        ),
        when_to_use=tr(
            "Use it to compare places with what was measured between them, such as genetic differences, or for graphs "
            "of habitat patches in other programs. For maps of the distance of every cell use “Least-cost distance” "
            "and the other distances; for the ways themselves “Least-cost paths”."
        ),
        outputs=tr(
            "A table with a row for each pair and the ids of its features; both directions where going and coming "
            "back may differ (randomized shortest paths, and steps that take the target's value). Pairs that no way "
            "joins have an empty cell, and the log names them. From focal nodes to targets there is a row for each "
            "focal node and each target, in that direction."
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
            "the darker, the costlier."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("focal_nodes", tr("Focal nodes")),
        NumberOutput("unreachable_pairs", tr("Pairs that no way joins")),
        NumberOutput("minimum", tr("Smallest distance between two")),
        NumberOutput("maximum", tr("Largest finite distance")),
        NumberOutput("mean", tr("Mean of the finite distances")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            *targets(),
            choice(
                "DISTANCE",
                tr("Distance"),
                distance_names("distance.matrix"),
                distance_help("distance.matrix", between_nodes=True),
            ),
            theta(theta_help() + " " + tr("Only for randomized shortest paths.")),
            measure(),
            cost(),
            *graph(),
            checkpoint_parameter(
                tr("Folder of an unfinished run, to continue it"),
                tr(
                    "An empty folder in which the distances of each focal node are kept as they come, and a table "
                    "distances.csv of the pairs that are known. It may be deleted afterwards."
                ),
            ),
            table(
                "OUTPUT",
                tr("Distances"),
                tr("A row for each pair: from_id, to_id, from_name, to_name, distance. Empty where there is no way."),
            ),
            table(
                "MATRIX",
                tr("Matrix"),
                tr(
                    "A row for each focal node and a column for each focal node, or target, in the order of their ids; "
                    "the first column holds the ids."
                ),
                optional=True,
            ),
            lines(
                "LINES",
                tr("Lines between focal nodes"),
                tr("A straight line for each row of the table, with the same columns."),
                optional=True,
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_direction(choices) or validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        (focal, ends), distance = sources_and_targets(inputs), inputs.choice("DISTANCE")
        info = distance_info(distance)
        if not info.regions:
            for nodes in (focal, ends):
                _refuse_regions(nodes, info)
        if inputs.is_provided("MATRIX") and len(ends) > MOST_COLUMNS:
            raise QgsProcessingException(
                tr(
                    "A matrix to {count:,} focal nodes or targets has more columns than a table holds ({most:,}): "
                    "leave it out, the table of pairs says the same."
                ).format(count=len(ends), most=MOST_COLUMNS)
            )
        own = {"distance": distance}
        if "theta" in info.parameters:
            own["theta"] = inputs.number("THETA")
        own |= {name: inputs.choice(name.upper()) for name in ("cost", "measure") if name in info.parameters}
        if folder := checkpoint_folder(inputs):
            own |= {"checkpoint": folder, "max_pending": AHEAD}
        return inputs.task("distance.matrix", pair_arrays(inputs), rasters=(), **own)

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        inputs = ParameterValues(self, parameters, context, StepFeedback(feedback, 0, 10))
        task, folder = self.task(inputs), checkpoint_folder(inputs)
        table = PartialTable(
            Path(folder) / "distances.csv",
            lambda arrays: self.table_outputs(inputs, Result(arrays, {}))[0],
            inputs.landscape.frame.crs,
            context,
        )
        with open_job(feedback) as job, resume_hint(folder, feedback):
            on_partial_result = (lambda piece: table.take(piece.arrays)) if folder else None
            result = job.run(task, StepFeedback(feedback, 10, 90), on_partial_result)
            if folder:
                table.take(result.outputs, whole=True)
        outputs = self.write_outputs(inputs, result, paths, context, feedback)
        log_checkpoint_done(folder, feedback)
        return outputs

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        return []

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        (focal, ends), matrix = sources_and_targets(inputs), result.outputs["matrix"]
        pairs = list(_pairs(*matrix.shape, ends is focal, both_ways=_has_direction(inputs)))
        rows = [(*pair_values(focal, ends, one, other), matrix[one, other]) for one, other in pairs]
        columns = (*pair_columns(focal, ends), Column("distance"))
        found = [Table("OUTPUT", columns, rows)]
        if inputs.is_provided("MATRIX"):
            heads = (Column("id", columns[0].kind), *(Column(name) for name in _column_names(ends)))
            found.append(Table("MATRIX", heads, [(name, *row) for name, row in zip(focal.names, matrix)]))
        if inputs.is_provided("LINES"):
            frame = inputs.landscape.frame
            here, there = representative_points(focal, frame), representative_points(ends, frame)
            style = line_style("distance", np.array([row[-1] for row in rows]))
            drawn = [np.stack([here[one], there[other]]) for one, other in pairs]
            found.append(Table("LINES", columns, rows, drawn, style))
        return found

    def write_outputs(
        self,
        inputs: ParameterValues,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        outputs = super().write_outputs(inputs, result, paths, context, feedback)
        (focal, ends), joined = sources_and_targets(inputs), np.isfinite(result.outputs["matrix"])
        if ends is focal:
            warn_about_components(joined, focal, feedback)
        else:
            warn_about_pairs([(int(one), int(other)) for one, other in np.argwhere(~joined)], focal, ends, feedback)
        return outputs

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["mean"] is not None:
            text = tr("Distances run from {minimum} to {maximum}, on average {mean}.")
            feedback.pushInfo(
                text.format(**{key: format_number(numbers[key]) for key in ("minimum", "maximum", "mean")})
            )
        if numbers["unreachable_pairs"]:
            text = tr("{unreachable_pairs:,} pairs have no distance.")
            feedback.pushInfo(text.format(**numbers))


def _has_direction(inputs: ParameterValues) -> bool:
    return not distance_info(inputs.choice("DISTANCE")).is_symmetric(inputs.choice("EDGE_RULE"))


def _pairs(count: int, others: int, among: bool, *, both_ways: bool) -> Iterator[tuple[int, int]]:
    """Give the pairs of a table; among the same focal nodes none of one with itself."""
    for one in range(count):
        for other in range(0 if both_ways or not among else one + 1, others):
            if one != other or not among:
                yield one, other


def _column_names(focal: FocalNodes) -> list[str]:
    """Names that differ also for who does not tell capitals from small letters."""
    names: list[str] = []
    taken: set[str] = {"id", "fid"}
    for name in focal.names:
        column, number = f"to_{name}", 1
        while column.lower() in taken:
            number += 1
            column = f"to_{name}_{number}"
        taken.add(column.lower())
        names.append(column)
    return names


def _refuse_regions(focal: FocalNodes, info: DistanceInfo) -> None:
    sizes = np.bincount(focal.owners, minlength=len(focal))
    wide = [label for label, size in zip(focal.labels, sizes) if size > 1]
    if wide:
        raise QgsProcessingException(
            tr(
                "The distance {distance} is defined between single cells, but {count} of {all} focal nodes cover "
                "several cells: {names}. Use “Point on surface” to make points of them, or another distance."
            ).format(distance=tr(info.label), count=len(wide), all=len(focal), names=join_names(wide))
        )
