"""Files of included or excluded pairs of focal nodes."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from qgis.core import QgsProcessingException

from ..i18n import tr
from .input_files import read_lines


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
    numbered = ((number, line.replace(",", " ").split()) for number, line in enumerate(read_lines(path), 1))
    lines = [(number, words) for number, words in numbered if words]
    heads = [[word.lower() for word in words[:2]] for _, words in lines[:2]]
    if heads and heads[0] in (["mode", "include"], ["mode", "exclude"]):
        return _listed(path, lines[1:], include=heads[0][1] == "include")
    if [head[0] for head in heads] == ["min", "max"] and len(lines) > 2:
        return _within(path, lines)
    raise QgsProcessingException(
        tr(
            "'{name}' is not a file of pairs (its first line is '{line}'). It must begin with 'mode include', 'mode "
            "exclude', or with a line 'min' and a line 'max' above a matrix."
        ).format(name=path.name, line=" ".join(lines[0][1])[:60] if lines else "")
    )


def _listed(path: Path, lines: list[tuple[int, list[str]]], *, include: bool) -> Pairs:
    listed = set()
    for number, words in lines:
        first, second = _numbers(path, number, words[:2], 2, tr("the ids of two focal nodes"))
        listed |= {(int(first), int(second)), (int(second), int(first))}
    return Pairs(listed, {identity for pair in listed for identity in pair}, include)


def _within(path: Path, lines: list[tuple[int, list[str]]]) -> Pairs:
    """Read the pairs whose value in the matrix, in either half, lies between the given minimum and maximum."""
    (minimum,), (maximum,) = (_numbers(path, number, words[1:2], 1, tr("a number")) for number, words in lines[:2])
    number, words = lines[2]
    _, *ids = _numbers(path, number, words, len(words), tr("0 and the ids of focal nodes"))
    listed = set()
    for number, words in lines[3:]:
        expected = tr("an id and {count} numbers").format(count=len(ids))
        first, *values = _numbers(path, number, words, len(ids) + 1, expected)
        for second, value in zip(ids, values):
            if minimum <= value <= maximum:
                listed |= {(int(first), int(second)), (int(second), int(first))}
    return Pairs(listed, set(map(int, ids)), True)


def _numbers(path: Path, line: int, words: list[str], count: int, expected: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(isfinite, numbers)):
        raise QgsProcessingException(
            tr("'{name}', line {line}: expected {what}, not '{words}'.").format(
                name=path.name, line=line, what=expected, words=" ".join(words)[:60]
            )
        )
    return numbers
