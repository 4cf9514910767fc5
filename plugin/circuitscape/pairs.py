"""Files that say which pairs of focal nodes to solve, and which to leave out."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from qgis.core import QgsProcessingException

from ..i18n import tr
from .input_files import lines_of


@dataclass(frozen=True)
class Pairs:
    """Which pairs of focal nodes a file of pairs lists.

    Parameters
    ----------
    listed
        Pairs of ids, both ways round.
    mentioned
        All ids that occur.
    include
        Whether the listed ones alone count, rather than all others.
    """

    listed: set[tuple[int, int]]
    mentioned: set[int]
    include: bool


def pairs_of(path: Path) -> Pairs:
    """Read a file of pairs: a list headed `mode include` or `mode exclude`, or a matrix headed by `min` and `max`.

    Raises
    ------
    QgsProcessingException
        It is neither, or a line holds something else than it should.
    """
    numbered = ((number, line.replace(",", " ").split()) for number, line in enumerate(lines_of(path), 1))
    lines = [(number, words) for number, words in numbered if words]
    heads = [[word.lower() for word in words[:2]] for _, words in lines[:2]]
    if heads and heads[0] in (["mode", "include"], ["mode", "exclude"]):
        return _listed(path, lines[1:], include=heads[0][1] == "include")
    if [head[0] for head in heads] == ["min", "max"] and len(lines) > 2:
        return _within(path, lines)
    raise QgsProcessingException(
        tr(
            "'{name}' is no file of pairs (its first line is '{line}'): it must begin with 'mode include', 'mode "
            "exclude', or with a line 'min' and a line 'max' above a matrix."
        ).format(name=path.name, line=" ".join(lines[0][1])[:60] if lines else "")
    )


def _listed(path: Path, lines: list[tuple[int, list[str]]], *, include: bool) -> Pairs:
    listed = set()
    for number, words in lines:
        one, other = _numbers(path, number, words[:2], 2, tr("the ids of two focal nodes"))
        listed |= {(int(one), int(other)), (int(other), int(one))}
    return Pairs(listed, {identity for pair in listed for identity in pair}, include)


def _within(path: Path, lines: list[tuple[int, list[str]]]) -> Pairs:
    """Pairs whose value in a matrix, in either half of it, is neither less than its first line says nor more."""
    (least,), (most,) = (_numbers(path, number, words[1:2], 1, tr("a number")) for number, words in lines[:2])
    number, words = lines[2]
    _, *ids = _numbers(path, number, words, len(words), tr("0 and the ids of focal nodes"))
    listed = set()
    for number, words in lines[3:]:
        what = tr("an id and {count} numbers").format(count=len(ids))
        one, *values = _numbers(path, number, words, len(ids) + 1, what)
        for other, value in zip(ids, values):
            if least <= value <= most:
                listed |= {(int(one), int(other)), (int(other), int(one))}
    return Pairs(listed, set(map(int, ids)), True)


def _numbers(path: Path, line: int, words: list[str], count: int, what: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(isfinite, numbers)):
        raise QgsProcessingException(
            tr("'{name}', line {line}: {what} were expected, not '{words}'.").format(
                name=path.name, line=line, what=what, words=" ".join(words)[:60]
            )
        )
    return numbers
