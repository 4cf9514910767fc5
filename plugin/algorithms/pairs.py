"""Pairs of focal nodes in tables, and in the log where nothing joins them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qgis.core import QgsProcessingFeedback

from ..layers import FocalNodes, Frame
from ..runner import Result
from ..translation import tr
from .tables import Column

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


def pair_values(sources: FocalNodes, targets: FocalNodes, one: int, other: int) -> tuple[int | str, ...]:
    """Return what stands in those columns, for two focal nodes by their places in the lists."""
    return sources.names[one], targets.names[other], sources.labels[one], targets.labels[other]


def paths_of(result: Result, frame: Frame) -> list[np.ndarray]:
    """Return the corners of the paths of a result, (n, 2) each: x and y, from source to target."""
    ends = result.outputs["path_ends"].tolist()
    lines = np.split(frame.centres(result.outputs["path_cells"]), ends[:-1]) if ends else []
    # From a place to itself a line has no length, but still two ends.
    return [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in lines]


def middle_of(focal: FocalNodes, frame: Frame) -> np.ndarray:
    """Return a place for each focal node, (n, 2): x and y of its cell that is nearest to the mean of its cells."""
    middles = []
    for number in range(len(focal)):
        centres = frame.centres(focal.cells[focal.owners == number])
        middles.append(centres[np.argmin(((centres - centres.mean(0)) ** 2).sum(1))])
    return np.array(middles)


def warn_of_parts(joined: np.ndarray, focal: FocalNodes, feedback: QgsProcessingFeedback) -> None:
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
    named = [f"({named_in_words([focal.labels[number] for number in part])})" for part in parts]
    shown = " · ".join(named[:NAMES_IN_A_MESSAGE])
    if len(named) > NAMES_IN_A_MESSAGE:
        shown = tr("{shown} and {more} more").format(shown=shown, more=len(named) - NAMES_IN_A_MESSAGE)
    feedback.pushWarning(
        tr(
            "The focal nodes lie in {count} parts of the landscape that barriers (no data or zero permeability) cut "
            "off from each other: {parts}. Between them there is no way. “Connected components” shows the parts."
        ).format(count=len(parts), parts=shown)
    )


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


def named_in_words(names: Sequence[str]) -> str:
    """Return names as a list for people, the first ones of many."""
    shown = ", ".join(names[:NAMES_IN_A_MESSAGE])
    if len(names) <= NAMES_IN_A_MESSAGE:
        return shown
    return tr("{shown} and {more} more").format(shown=shown, more=len(names) - NAMES_IN_A_MESSAGE)


def _kind(focal: FocalNodes) -> str:
    return "integer" if all(isinstance(name, int) for name in focal.names) else "text"
