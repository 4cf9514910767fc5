"""Pairs of focal nodes in tables, and in the log where no path connects them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from ..layers import FocalNodes, RasterGrid
from ..runner import Result
from .formatting import MAX_NAMES_IN_MESSAGE, join_names
from .parameter_values import ParameterValues
from .results import cost_unit, length_unit
from .styles import line_style
from .tables import Column, Table

# A message lists at most this many components of the landscape.
MAX_COMPONENTS_IN_MESSAGE = 10


def sources_and_targets(inputs: ParameterValues) -> tuple[FocalNodes, FocalNodes]:
    """Return the focal nodes and the targets, which are the focal nodes themselves if no targets are provided."""
    if not inputs.is_provided("TARGETS"):
        return inputs.focal, inputs.focal
    return inputs.focal_to_targets, inputs.targets


def pair_arrays(inputs: ParameterValues) -> dict[str, np.ndarray]:
    """Return the input arrays of a task about paths among focal nodes, or from focal nodes to targets."""
    sources, targets = sources_and_targets(inputs)
    arrays = {"focal_ids": sources.cell_ids, "focal_cells": sources.cells}
    if targets is sources:
        return arrays
    return arrays | {"target_ids": targets.cell_ids, "target_cells": targets.cells}


def pair_columns(sources: FocalNodes, targets: FocalNodes) -> tuple[Column, ...]:
    """Return the columns that identify a pair: ids and names of both focal nodes."""
    return (
        Column("from_id", id_kind(sources)),
        Column("to_id", id_kind(targets)),
        Column("from_name", "text"),
        Column("to_name", "text"),
    )


def pair_values(
    sources: FocalNodes, targets: FocalNodes, source: int, target: int | None
) -> tuple[int | str | None, ...]:
    """Return the values of those columns for a source and a target by index; a target of None leaves them empty."""
    if target is None:
        return sources.names[source], None, sources.labels[source], None
    return sources.names[source], targets.names[target], sources.labels[source], targets.labels[target]


def id_kind(focal: FocalNodes) -> str:
    """Return the kind of column that holds the ids of focal nodes."""
    return "integer" if all(isinstance(name, int) for name in focal.names) else "text"


def unreachable_pairs(
    connected: np.ndarray, sources: int, targets: int | None, which: str, *, directed: bool
) -> list[tuple[int, int | None]]:
    """Return the requested pairs that no path connects.

    Parameters
    ----------
    connected
        int64 (n, 2): source and target index of the pairs that a path connects.
    sources, targets
        Number of sources and of targets; None for paths among the sources.
    which
        Requested pairs: ``"all"``; ``"nearest"``, where the target of an isolated source is None; or
        ``"minimum_planar_graph"``, which holds connected pairs only.
    directed
        Whether (i, j) and (j, i) are two pairs.

    Examples
    --------
    >>> unreachable_pairs(np.array([[0, 1]]), 3, None, "all", directed=False)
    [(0, 2), (1, 2)]
    >>> unreachable_pairs(np.array([[0, 1]]), 2, 2, "nearest", directed=False)
    [(1, None)]
    """
    if which == "minimum_planar_graph":
        return []
    if which == "nearest":
        connected_sources = set(connected[:, 0].tolist())
        return [(i, None) for i in range(sources) if i not in connected_sources]
    if targets is not None:
        requested = [(i, j) for i in range(sources) for j in range(targets)]
    else:
        requested = [(i, j) for i in range(sources) for j in range(0 if directed else i + 1, sources) if i != j]
    connected_pairs = {(i, j) for i, j in connected.tolist()}
    return [pair for pair in requested if pair not in connected_pairs]


def path_table(output: str, inputs: ParameterValues, result: Result, which: str) -> Table:
    """Return least-cost paths as lines with length and cost; pairs without a path are rows without a geometry.

    Parameters
    ----------
    output
        Name of the output parameter.
    inputs, result
        Inputs and result of the engine's task.
    which
        As in `unreachable_pairs`.
    """
    sources, targets = sources_and_targets(inputs)
    pairs = result.outputs["pairs"]
    entries = []
    paths = zip(
        pairs.tolist(), result.outputs["lengths"], result.outputs["costs"], path_lines(result, inputs.landscape.grid)
    )
    for (i, j), length, cost, line in paths:
        entries.append(((i, j), (*pair_values(sources, targets, i, j), length, cost), line))
    directed = inputs.choice("EDGE_RULE") == "target"
    target_count = None if targets is sources else len(targets)
    for i, j in unreachable_pairs(pairs, len(sources), target_count, which, directed=directed):
        entries.append(((i, j), (*pair_values(sources, targets, i, j), None, None), None))
    entries.sort(key=lambda entry: (entry[0][0], -1 if entry[0][1] is None else entry[0][1]))
    unit = cost_unit(inputs)
    columns = (*pair_columns(sources, targets), Column("length", unit=length_unit(inputs)), Column("cost", unit=unit))
    rows, lines = [row for _, row, _ in entries], [line for *_, line in entries]
    return Table(output, columns, rows, lines, line_style("cost", result.outputs["costs"], unit))


def path_lines(result: Result, grid: RasterGrid) -> list[np.ndarray]:
    """Return the vertices of each path from source to target, (n, 2): x and y."""
    ends = result.outputs["path_ends"].tolist()
    lines = np.split(grid.centres(result.outputs["path_cells"]), ends[:-1]) if ends else []
    # A path within one cell has length 0, but a line needs two vertices.
    return [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in lines]


def representative_points(focal: FocalNodes, grid: RasterGrid) -> np.ndarray:
    """Return a point for each focal node, (n, 2): x and y of the cell nearest to the centroid of its cells."""
    points = []
    for number in range(len(focal)):
        centres = grid.centres(focal.cells[focal.owners == number])
        points.append(centres[np.argmin(((centres - centres.mean(0)) ** 2).sum(1))])
    return np.array(points)


def warn_about_components(connected: np.ndarray, focal: FocalNodes, feedback: QgsProcessingFeedback) -> None:
    """Warn if the focal nodes lie in several components of the landscape, and list them by component.

    Parameters
    ----------
    connected
        bool (n, n): whether a path connects the two focal nodes; connections through others are inferred.
    focal
        The focal nodes.
    feedback
        Receives the warning.
    """
    groups = connected_groups(connected)
    if len(groups) < 2:
        return
    lists = [f"({join_names([focal.labels[number] for number in group])})" for group in groups[:MAX_NAMES_IN_MESSAGE]]
    feedback.pushWarning(
        tr(
            "The focal nodes lie in {count:# connected component|# connected components} of the landscape, which "
            "barriers (nodata or zero permeability) separate: {components}. No path connects focal nodes of different "
            "components. “Connected components” maps them."
        ).format(count=len(groups), components=join_names(lists, MAX_NAMES_IN_MESSAGE, " · ", count=len(groups)))
    )


def warn_about_pairs(
    pairs: Sequence[tuple[int, int | None]], sources: FocalNodes, targets: FocalNodes, feedback: QgsProcessingFeedback
) -> None:
    """Warn about pairs of sources and targets that no path connects, if there are any.

    Parameters
    ----------
    pairs
        Indices of source and target; None where the source cannot reach any target.
    sources, targets
        Focal nodes.
    feedback
        Receives the warning.
    """
    isolated = [i for i, j in pairs if j is None]
    if isolated:
        text = tr(
            "No path leads from {count} of {all:# focal node|# focal nodes}: {names}. Barriers enclose {count:it|them}."
        )
        names = join_names([sources.labels[i] for i in isolated])
        feedback.pushWarning(text.format(count=len(isolated), all=len(sources), names=names))
    count = len(pairs) - len(isolated)
    first = islice(((i, j) for i, j in pairs if j is not None), MAX_NAMES_IN_MESSAGE)
    names = join_names([f"{sources.labels[i]} – {targets.labels[j]}" for i, j in first], count=count)
    if count:
        text = tr(
            "No path connects {count:,} of {all:# pair|# pairs}, because barriers (nodata or zero permeability) "
            "separate them: {pairs}. “Connected components” maps the connected parts of the landscape."
        )
        pair_count = len(sources) * len(targets)
        feedback.pushWarning(text.format(count=count, all=pair_count, pairs=names))


def warn_about_isolated(
    connected: np.ndarray, sources: FocalNodes, targets: FocalNodes, feedback: QgsProcessingFeedback
) -> None:
    """Warn about focal nodes that no path connects with any target, and about such targets, if there are any.

    Parameters
    ----------
    connected
        bool (sources, targets): whether a path connects the two.
    sources, targets
        Focal nodes and targets.
    feedback
        Receives the warning.
    """
    nodes = [sources.labels[i] for i in np.flatnonzero(~connected[:].any(1))]
    others = [targets.labels[j] for j in np.flatnonzero(~connected[:].any(0))]
    for names, text in (
        (nodes, tr("Focal nodes that no path connects with any target are left out: {names}.")),
        (others, tr("Targets that no path connects with any focal node are left out: {names}.")),
    ):
        if names:
            advice = tr("Barriers enclose them. “Connected components” maps the connected parts of the landscape.")
            feedback.pushWarning(f"{text.format(names=join_names(names))} {advice}")


def warn_about_excluded_pairs(count: int, feedback: QgsProcessingFeedback) -> None:
    """Warn about pairs that are excluded because no path connects them, if there are any."""
    if count:
        text = tr(
            "{count:# pair is|# pairs are} excluded because no path connects them: barriers (nodata or zero "
            "permeability) separate them. “Connected components” maps the connected parts of the landscape."
        )
        feedback.pushWarning(text.format(count=count))


def connected_groups(connected: np.ndarray) -> list[list[int]]:
    """Return groups of focal nodes that are connected, directly or through others.

    Examples
    --------
    >>> connected_groups(np.array([[True, False, True], [False, True, False], [True, False, True]]))
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    unassigned = np.ones(len(connected), bool)
    while unassigned.any():
        group = [int(np.argmax(unassigned))]
        unassigned[group] = False
        for i in group:
            reached = np.flatnonzero((connected[i] | connected[:, i]) & unassigned)
            unassigned[reached] = False
            group += reached.tolist()
        groups.append(sorted(group))
    return groups


def describe_components(focal: FocalNodes, result: Result) -> str:
    """Return a message that lists which focal nodes current connects.

    Parameters
    ----------
    focal
        The focal nodes.
    result
        Result with the ids of the focal nodes included, and their resistances: one value each, or a matrix with NaN
        for excluded pairs.
    """
    names, ids = focal.named(), result.outputs["ids"].tolist()
    resistances = result.outputs["resistances"]
    if resistances.ndim == 1:
        isolated = [str(names[id]) for id, value in zip(ids, resistances.tolist()) if np.isinf(value)]
        text = tr(
            "{count:# focal node is|# focal nodes are} not connected with any other, because barriers separate them: "
            "{names}."
        )
        return text.format(count=len(isolated), names=join_names(isolated))
    groups = connected_groups(np.isfinite(resistances))
    lists = [
        join_names([str(names[ids[index]]) for index in group[:MAX_NAMES_IN_MESSAGE]], count=len(group))
        for group in groups[:MAX_COMPONENTS_IN_MESSAGE]
    ]
    text = tr(
        "{count:# pair is|# pairs are} not connected, because barriers separate them; their resistance is left empty. "
        "Focal nodes that are connected with each other: {components}."
    )
    components = join_names(lists, MAX_COMPONENTS_IN_MESSAGE, "; ", count=len(groups))
    return text.format(count=result.metrics["unconnected"], components=components)
