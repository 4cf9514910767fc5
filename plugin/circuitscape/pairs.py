"""Files of included or excluded pairs of focal nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from .number_tables import Line, parse_number_table
from .text_files import read_lines
from .whole_numbers import as_integers

#: Most ids that a message lists.
MAX_LISTED_IDS = 20

_SEPARATORS = " \t,;"


@dataclass(frozen=True)
class Pairs:
    """Pairs of focal nodes in a file of included or excluded pairs.

    Parameters
    ----------
    listed
        Pairs of ids, in both orders.
    mentioned
        All ids in the file.
    include
        Whether the listed pairs are included rather than excluded.
    """

    listed: set[tuple[int, int]]
    mentioned: set[int]
    include: bool


def read_pairs(path: Path) -> Pairs:
    """Read a file of pairs: a list headed `mode include` or `mode exclude`, or a matrix headed by `min` and `max`.

    Raises
    ------
    QgsProcessingException
        If the file has neither form, or a line is invalid.
    """
    lines = [(number, line) for number, line in enumerate(read_lines(path), 1) if line.strip(_SEPARATORS)]
    heads = [_words(line)[:2] for _, line in lines[:2]]
    if heads and heads[0] in (["mode", "include"], ["mode", "exclude"]):
        return _listed(path, lines[1:], include=heads[0][1] == "include")
    if [head[0] for head in heads] == ["min", "max"] and len(lines) > 2:
        return _within(path, lines)
    raise QgsProcessingException(
        tr(
            "'{name}' is not a file of pairs (its first line is '{line}'). It must begin with 'mode include', 'mode "
            "exclude', or with a line 'min' and a line 'max' above a matrix."
        ).format(name=path.name, line=lines[0][1].strip()[:60] if lines else "")
    )


def warn_about_unknown_ids(pairs: Pairs, known: list[int], name: str, feedback: QgsProcessingFeedback) -> None:
    """Warn about the ids in a file of pairs that are not those of focal nodes, if there are any.

    Parameters
    ----------
    pairs, name
        The pairs, and the name of their file.
    known
        Ids of the focal nodes.
    feedback
        Receives the warning.
    """
    alone = sorted(first for first, second in pairs.listed if first == second)
    if alone:
        text = tr("'{name}': {count:# pair|# pairs} of a focal node with itself {count:is|are} left out: {ids}.")
        listed = ", ".join(map(str, alone[:MAX_LISTED_IDS])) + ", …" * (len(alone) > MAX_LISTED_IDS)
        feedback.pushWarning(text.format(name=name, count=len(alone), ids=listed))
    unknown = sorted(pairs.mentioned - set(known))
    if unknown:
        text = tr(
            "'{name}': {count:# id is not that of a focal node|# ids are not those of focal nodes}, and their pairs "
            "are left out: {ids}."
        )
        listed = ", ".join(map(str, unknown[:MAX_LISTED_IDS])) + ", …" * (len(unknown) > MAX_LISTED_IDS)
        feedback.pushWarning(text.format(name=name, count=len(unknown), ids=listed))


def _words(line: str) -> list[str]:
    return [word.strip('"').lower() for word in re.split(r"[\s,;]+", line.strip(_SEPARATORS))]


def _listed(path: Path, lines: list[Line], *, include: bool) -> Pairs:
    if not lines:
        return Pairs(set(), set(), include)
    table = parse_number_table(path.name, lines, 2, tr("the ids of two focal nodes"))
    pairs = as_integers(table, np.ones(table.shape, bool), path.name).tolist()
    listed = {pair for first, second in pairs for pair in ((first, second), (second, first))}
    return Pairs(listed, {identity for pair in listed for identity in pair}, include)


def _within(path: Path, lines: list[Line]) -> Pairs:
    """Read the pairs whose value in the matrix, in either half, lies between the given minimum and maximum."""
    # What follows the word, in whatever notation.
    limits = [(number, re.sub(r"^\W*\w+[\s,;]*", "", line)) for number, line in lines[:2]]
    minimum, maximum = (
        float(parse_number_table(path.name, [limit], 1, tr("a number"), exact=True)[0, 0]) for limit in limits
    )
    count = len(_words(lines[2][1]))
    expected = tr("an id and {count:# number|# numbers}").format(count=count - 1)
    parse_number_table(path.name, lines[2:3], count, tr("0 and the ids of focal nodes"), exact=True)
    table = parse_number_table(path.name, lines[2:], count, expected, exact=True)
    is_id = np.zeros(table.shape, bool)
    is_id[0, 1:] = is_id[1:, 0] = True
    ids = as_integers(table, is_id, path.name)
    columns = ids[0, 1:].tolist()
    rows = ids[1:, 0].tolist()
    if sorted(rows) != sorted(columns) or len(set(rows)) < len(rows):
        differing = sorted(set(rows) ^ set(columns)) or sorted(id for id in set(rows) if rows.count(id) > 1)
        raise QgsProcessingException(
            tr("'{name}': the rows and columns of the matrix must have the same ids, each once; {id} does not.").format(
                name=path.name, id=differing[0] if differing else rows[0]
            )
        )
    listed = set()
    for first, values in zip(ids[1:, 0].tolist(), table[1:, 1:].tolist()):
        for second, value in zip(columns, values):
            if minimum <= value <= maximum and first != second:
                listed |= {(first, second), (second, first)}
    return Pairs(listed, set(columns), True)
