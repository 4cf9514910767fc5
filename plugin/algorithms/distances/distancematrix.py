"""Distances between features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)

from ...layers import FocalNodes
from ...runner import Result, Task
from ...translation import tr
from ..algorithm import DISTANCES, EngineAlgorithm
from ..documentation import Help
from ..inputs import Inputs
from ..pairs import middle_of, named_in_words, pair_columns, pair_values, warn_of_parts
from ..parameters import (
    choice,
    complaint_about_direction,
    cost,
    focal_complaint,
    focal_nodes,
    graph,
    landscape,
    lines,
    measure,
    table,
    theta,
    theta_help,
)
from ..results import Figure, Map, figures_of_every_run, in_digits
from ..styles import line_style
from ..tables import Column, Table

# A GeoPackage holds no more columns.
MOST_COLUMNS = 1_900


class DistanceMatrix(EngineAlgorithm):
    """Any of the distances between every two of some places."""

    identifier = "distancematrix"
    title = tr("Distance matrix")
    section = DISTANCES
    summary = tr("Any of the distances between every two points or polygons, as a table, a matrix or lines.")
    help = Help(
        what=tr(
            "Distances between every two focal nodes: least cost, effective resistance, randomized shortest paths, or "
            "the straight line. Polygons are met where it is cheapest to meet them; for resistance each is one node."
        ),
        when=tr(
            "Use it to compare places with what was measured between them, such as genetic differences, or for graphs "
            "of habitat patches in other programs. For maps of the distance of every cell use “Least-cost distance” "
            "and the other distances; for the ways themselves “Least-cost paths”."
        ),
        result=tr(
            "A table with a row for each pair and the ids of its features; both directions where going and coming "
            "back may differ (randomized shortest paths, and steps that take the target's value). Pairs that no way "
            "joins have an empty cell, and the log names them."
        ),
        reads=(
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
            "McRae, B. H. (2006). Isolation by resistance. Evolution 60, 1551–1561.",
            "Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths "
            "with a comparison of graph node distances. Physica A 393, 600–616.",
        ),
        picture=tr(
            "The sample: the table of least-cost distances between nine habitat patches (rings), drawn as lines; "
            "the darker, the costlier."
        ),
    )
    figures = (
        *figures_of_every_run(),
        Figure("focal_nodes", tr("Focal nodes")),
        Figure("unreachable_pairs", tr("Pairs that no way joins")),
        Figure("minimum", tr("Smallest distance between two")),
        Figure("maximum", tr("Largest finite distance")),
        Figure("mean", tr("Mean of the finite distances")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            choice(
                "DISTANCE",
                tr("Distance"),
                ["leastcost", "resistance", "rsp", "euclidean"],
                tr(
                    "Least cost (the one best way), resistance (all ways, without a plan), randomized shortest paths "
                    "(in between, see θ; only between points) or Euclidean (as the crow flies)."
                ),
            ),
            theta(theta_help() + " " + tr("Only for randomized shortest paths.")),
            measure(),
            cost(),
            *graph(),
            table(
                "OUTPUT",
                tr("Distances"),
                tr("A row for each pair: from_id, to_id, from_name, to_name, distance. Empty where there is no way."),
            ),
            table(
                "MATRIX",
                tr("Square matrix"),
                tr(
                    "A row and a column for each focal node, in the order of their ids; the first column holds the ids."
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

    def complaint(self, given: set[str], choices: dict[str, str]) -> str:
        return complaint_about_direction(choices) or focal_complaint(given)

    def task(self, inputs: Inputs) -> Task:
        focal, distance = inputs.focal, inputs.choice("DISTANCE")
        if distance == "rsp":
            _refuse_regions(focal)
        if inputs.is_given("MATRIX") and len(focal) > MOST_COLUMNS:
            raise QgsProcessingException(
                tr(
                    "A square matrix of {count:,} focal nodes has more columns than a table holds ({most:,}): leave it "
                    "out, the table of pairs says the same."
                ).format(count=len(focal), most=MOST_COLUMNS)
            )
        own = {"distance": distance}
        if distance == "rsp":
            own |= {
                "theta": inputs.number("THETA"),
                "cost": inputs.choice("COST"),
                "measure": inputs.choice("MEASURE"),
            }
        arrays = {"focal_ids": focal.cell_ids, "focal_cells": focal.cells}
        return inputs.task("distance.matrix", arrays, rasters=(), **own)

    def maps(self, inputs: Inputs, result: Result) -> list[Map]:
        return []

    def tables(self, inputs: Inputs, result: Result) -> list[Table]:
        focal, matrix = inputs.focal, result.outputs["matrix"]
        pairs = list(_pairs(len(focal), both_ways=_has_direction(inputs)))
        rows = [(*pair_values(focal, focal, one, other), matrix[one, other]) for one, other in pairs]
        columns = (*pair_columns(focal, focal), Column("distance"))
        found = [Table("OUTPUT", columns, rows)]
        if inputs.is_given("MATRIX"):
            heads = (Column("id", columns[0].kind), *(Column(name) for name in _column_names(focal)))
            found.append(Table("MATRIX", heads, [(name, *row) for name, row in zip(focal.names, matrix)]))
        if inputs.is_given("LINES"):
            places = middle_of(focal, inputs.landscape.frame)
            style = line_style("distance", matrix[~np.eye(len(matrix), dtype=bool)])
            found.append(Table("LINES", columns, rows, [places[list(pair)] for pair in pairs], style))
        return found

    def deliver(
        self,
        inputs: Inputs,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        outputs = super().deliver(inputs, result, paths, context, feedback)
        warn_of_parts(np.isfinite(result.outputs["matrix"]), inputs.focal, feedback)
        return outputs

    def remarks(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.numbers
        if numbers["mean"] is not None:
            text = tr("Distances run from {minimum} to {maximum}, on average {mean}.")
            feedback.pushInfo(text.format(**{key: in_digits(numbers[key]) for key in ("minimum", "maximum", "mean")}))
        if numbers["unreachable_pairs"]:
            text = tr("{unreachable_pairs:,} pairs have no distance.")
            feedback.pushInfo(text.format(**numbers))


def _has_direction(inputs: Inputs) -> bool:
    distance = inputs.choice("DISTANCE")
    return distance == "rsp" or (distance == "leastcost" and inputs.choice("EDGE_RULE") == "target")


def _pairs(count: int, *, both_ways: bool) -> Iterator[tuple[int, int]]:
    for one in range(count):
        for other in range(0 if both_ways else one + 1, count):
            if one != other:
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


def _refuse_regions(focal: FocalNodes) -> None:
    sizes = np.bincount(focal.owners, minlength=len(focal))
    wide = [label for label, size in zip(focal.labels, sizes) if size > 1]
    if wide:
        raise QgsProcessingException(
            tr(
                "Randomized shortest paths lead from cell to cell, but {count} of {all} focal nodes cover several "
                "cells: {names}. Use “Point on surface” to make points of them, or another distance."
            ).format(count=len(wide), all=len(focal), names=named_in_words(wide))
        )
