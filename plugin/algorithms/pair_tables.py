"""Pairs of focal nodes in tables, and in the log where nothing joins them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from ..layers import FocalNodes, RasterGrid
from ..runner import Result
from .parameter_values import ParameterValues
from .styles import line_style
from .tables import Column, Table

# A warning that lists a thousand names helps nobody.
NAMES_IN_A_MESSAGE = 20


def pair_columns(sources: FocalNodes, targets: FocalNodes) -> tuple[Column, ...]:
    """Return the columns that say which two focal nodes a row is about: their ids, and what people call them."""
    return (
        Column("from_id", _kind(sources)),
        Column("to_id", _kind(targets)),
        Column("from_name", "text"),
        Column("to_name", "text"),
    )


def pair_values(sources: FocalNodes, targets: FocalNodes, one: int, other: int | None) -> tuple[int | str | None, ...]:
    """Return what stands in those columns, for two focal nodes by their places in the lists; None for no other."""
    if other is None:
        return sources.names[one], None, sources.labels[one], None
    return sources.names[one], targets.names[other], sources.labels[one], targets.labels[other]


def sources_and_targets(inputs: ParameterValues) -> tuple[FocalNodes, FocalNodes]:
    """Return where ways begin and where they lead to: the targets, or the focal nodes themselves."""
    if not inputs.is_given("TARGETS"):
        return inputs.focal, inputs.focal
    return inputs.focal_to_targets, inputs.targets


def pair_arrays(inputs: ParameterValues) -> dict[str, np.ndarray]:
    """Return the arrays of a task about ways between focal nodes, or from them to targets."""
    focal, ends = sources_and_targets(inputs)
    arrays = {"focal_ids": focal.cell_ids, "focal_cells": focal.cells}
    return arrays if ends is focal else arrays | {"target_ids": ends.cell_ids, "target_cells": ends.cells}


def unreachable_pairs(
    found: np.ndarray, sources: int, targets: int | None, which: str, *, both_ways: bool
) -> list[tuple[int, int | None]]:
    """Return the pairs that were asked for and that no path joins.

    Parameters
    ----------
    found
        int64 (p, 2): places of the pairs that a path joins.
    sources, targets
        How many there are; None for ways among the sources.
    which
        ``"all"``; ``"nearest"``, of which a source that reaches nothing has no other; ``"minimum_planar_graph"``, which
        asks for pairs that are joined only.
    both_ways
        Whether going and coming back are two pairs.

    Examples
    --------
    >>> unreachable_pairs(np.array([[0, 1]]), 3, None, "all", both_ways=False)
    [(0, 2), (1, 2)]
    >>> unreachable_pairs(np.array([[0, 1]]), 2, 2, "nearest", both_ways=False)
    [(1, None)]
    """
    if which == "minimum_planar_graph":
        return []
    if which == "nearest":
        return [(one, None) for one in range(sources) if one not in set(found[:, 0].tolist())]
    if targets is not None:
        asked = [(one, other) for one in range(sources) for other in range(targets)]
    else:
        asked = [(i, j) for i in range(sources) for j in range(0 if both_ways else i + 1, sources) if i != j]
    there = {(one, other) for one, other in found.tolist()}
    return [pair for pair in asked if pair not in there]


def path_table(output: str, inputs: ParameterValues, result: Result, which: str) -> Table:
    """Return the paths of a result as lines with their length and cost, and pairs without one as rows without a line.

    Parameters
    ----------
    output
        Name of the output parameter.
    inputs, result
        What the engine was given, and what it returned.
    which
        As of `unreachable_pairs`.
    """
    focal, ends = sources_and_targets(inputs)
    pairs, lines = result.outputs["pairs"], paths_of(result, inputs.landscape.frame)
    numbers = zip(pairs.tolist(), result.outputs["lengths"], result.outputs["costs"], lines)
    found = [((one, other), (*pair_values(focal, ends, one, other), *of), line) for (one, other), *of, line in numbers]
    both_ways = inputs.choice("EDGE_RULE") == "target"
    lacking = unreachable_pairs(pairs, len(focal), None if ends is focal else len(ends), which, both_ways=both_ways)
    found += [(pair, (*pair_values(focal, ends, *pair), None, None), None) for pair in lacking]
    found.sort(key=lambda each: (each[0][0], -1 if each[0][1] is None else each[0][1]))
    columns = (*pair_columns(focal, ends), Column("length"), Column("cost"))
    rows, drawn = [row for _, row, _ in found], [line for *_, line in found]
    return Table(output, columns, rows, drawn, line_style("cost", result.outputs["costs"]))


def paths_of(result: Result, frame: RasterGrid) -> list[np.ndarray]:
    """Return the corners of the paths of a result, (n, 2) each: x and y, from source to target."""
    ends = result.outputs["path_ends"].tolist()
    lines = np.split(frame.centres(result.outputs["path_cells"]), ends[:-1]) if ends else []
    # From a place to itself a line has no length, but still two ends.
    return [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in lines]


def centroid_cell(focal: FocalNodes, frame: RasterGrid) -> np.ndarray:
    """Return a place for each focal node, (n, 2): x and y of its cell that is nearest to the mean of its cells."""
    middles = []
    for number in range(len(focal)):
        centres = frame.centres(focal.cells[focal.owners == number])
        middles.append(centres[np.argmin(((centres - centres.mean(0)) ** 2).sum(1))])
    return np.array(middles)


def warn_about_components(joined: np.ndarray, focal: FocalNodes, feedback: QgsProcessingFeedback) -> None:
    """Name in the log which focal nodes can reach each other, if not all can.

    Parameters
    ----------
    joined
        bool (n, n): whether there is a way from one to the other; one through others counts, too.
    focal
        The focal nodes.
    feedback
        Hears it.
    """
    parts = parts_of(joined)
    if len(parts) < 2:
        return
    named = [f"({join_names([focal.labels[number] for number in part])})" for part in parts]
    shown = " · ".join(named[:NAMES_IN_A_MESSAGE])
    if len(named) > NAMES_IN_A_MESSAGE:
        shown = tr("{shown} and {more} more").format(shown=shown, more=len(named) - NAMES_IN_A_MESSAGE)
    feedback.pushWarning(
        tr(
            "The focal nodes lie in {count} parts of the landscape that barriers (no data or zero permeability) cut "
            "off from each other: {parts}. Between them there is no way. “Connected components” shows the parts."
        ).format(count=len(parts), parts=shown)
    )


def warn_about_pairs(
    lacking: Sequence[tuple[int, int | None]], sources: FocalNodes, targets: FocalNodes, feedback: QgsProcessingFeedback
) -> None:
    """Name in the log the pairs of sources and targets that no way joins, if there are any.

    Parameters
    ----------
    lacking
        Places of source and target; None where a source reaches no target.
    sources, targets
        Focal nodes.
    feedback
        Hears it.
    """
    alone = [one for one, other in lacking if other is None]
    if alone:
        text = tr("No path leads from {count} of {all} focal nodes: {names}. Barriers enclose them.")
        names = join_names([sources.labels[one] for one in alone])
        feedback.pushWarning(text.format(count=len(alone), all=len(sources), names=names))
    pairs = [f"{sources.labels[one]} – {targets.labels[other]}" for one, other in lacking if other is not None]
    if pairs:
        text = tr(
            "Barriers (no data or zero permeability) part {count:,} of {all:,} pairs, between which there is no way: "
            "{pairs}. “Connected components” shows the parts of the landscape."
        )
        all_ = len(sources) * len(targets)
        feedback.pushWarning(text.format(count=len(pairs), all=all_, pairs=join_names(pairs)))


def parts_of(joined: np.ndarray) -> list[list[int]]:
    """Return groups of focal nodes that can reach each other, directly or through others.

    Examples
    --------
    >>> parts_of(np.array([[True, False, True], [False, True, False], [True, False, True]]))
    [[0, 2], [1]]
    """
    parts: list[list[int]] = []
    left = list(range(len(joined)))
    while left:
        part = [left.pop(0)]
        for one in part:
            reached = [other for other in left if joined[one, other] or joined[other, one]]
            part += reached
            left = [other for other in left if other not in reached]
        parts.append(sorted(part))
    return parts


def join_names(names: Sequence[str]) -> str:
    """Return names as a list for people, the first ones of many."""
    shown = ", ".join(names[:NAMES_IN_A_MESSAGE])
    if len(names) <= NAMES_IN_A_MESSAGE:
        return shown
    return tr("{shown} and {more} more").format(shown=shown, more=len(names) - NAMES_IN_A_MESSAGE)


def _kind(focal: FocalNodes) -> str:
    return "integer" if all(isinstance(name, int) for name in focal.names) else "text"
