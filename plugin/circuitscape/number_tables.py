"""Text files with a table of numbers, with the separators and decimal marks that programs write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from qgis.core import QgsProcessingException

from ..decimal_numbers import decimal_mark, parse_number
from ..i18n import tr
from .text_files import read_lines

#: Line number, from 1, and text.
Line = tuple[int, str]

#: The beginning and the rest of a number whose thousands are separated: "1 234,5", "1,234.5".
_BEFORE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}")
_THOUSANDS = re.compile(r"\d{3}([.,]\d+)?")


#: Spaces between columns, and those that programs write between thousands.
_SPACE, _FIXED_SPACE = re.compile(r"[ \t]+"), re.compile("[\u00a0\u2007\u2009\u202f]")


class _Notation(NamedTuple):
    """Separator of the columns (None for spaces and tabs) and decimal mark."""

    separator: str | None
    mark: str

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line."""
        if self.separator is None and _FIXED_SPACE.search(line) and _SPACE.search(line.strip()):
            fields = _SPACE.split(line.strip())  # fixed spaces are within numbers
        else:
            fields = line.strip("\t").split(self.separator)
        fields = [field.strip().strip('"').strip() for field in fields]
        while fields and not fields[-1]:
            fields.pop()
        return fields

    def numbers(self, line: str, columns: int, exact: bool) -> list[float] | None:
        """Return the first numbers of a line; None if it does not hold as many in this notation."""
        fields = self.fields(line)
        if len(fields) < columns or (exact and len(fields) > columns):
            return None
        # In "1,2,5" the last comma may be a decimal comma.
        if self.separator == "," and fields[columns : columns + 1] and fields[columns].isdigit() and "." not in line:
            return None
        numbers = [parse_number(field, self.mark) for field in fields[:columns]]
        return None if None in numbers else numbers


_NOTATIONS = tuple(
    _Notation(separator, mark) for separator, mark in ((None, "."), (None, ","), (",", "."), (";", "."), (";", ","))
)

_TABBED = tuple(_Notation("\t", mark) for mark in ".,")


def read_number_table(path: Path, columns: int) -> np.ndarray:
    """Read a table of numbers, float64 (rows, columns).

    Parameters
    ----------
    path
        Text file; the columns are separated by spaces, tabs, semicolons or commas, and the numbers may have decimal
        commas. Blank lines and lines that begin with # are ignored.
    columns
        Number of columns to read.

    Raises
    ------
    QgsProcessingException
        If a line does not hold as many numbers, if they can be read in several ways, or if the file holds none.
    """
    lines = list(enumerate(read_lines(path), 1))
    return parse_number_table(path.name, lines, columns, tr("{columns:# number|# numbers}").format(columns=columns))


def parse_number_table(
    name: str, lines: Sequence[Line], columns: int, expected: str, *, exact: bool = False
) -> np.ndarray:
    """Return the numbers in some lines of a file, float64 (rows, columns).

    Parameters
    ----------
    name
        Name of the file, for messages.
    lines
        Line numbers and texts.
    columns
        Number of columns to read.
    expected
        What a line must hold, for messages.
    exact
        Whether lines must not hold anything else.

    Raises
    ------
    QgsProcessingException
        As `read_number_table`.
    """
    rows = [(number, text) for number, text in lines if text.strip(' \t\r,;"') and not text.strip().startswith("#")]
    if not rows:
        raise QgsProcessingException(tr("'{name}' holds no numbers.").format(name=name))
    notations = _NOTATIONS if any("," in text or ";" in text for _, text in rows) else _NOTATIONS[:1]
    if columns > 1 and all(_has_columns_between_tabs(text, columns) for _, text in rows):
        notations = _TABBED
    readings = [[notation.numbers(text, columns, exact) for _, text in rows] for notation in notations]
    complete = [(notation, reading) for notation, reading in zip(notations, readings) if None not in reading]
    if not complete:
        _require_one_mark(name, (field for _, text in rows for field in text.replace(";", " ").split()))
        # The notation of most lines; the first line that does not follow it is the one to correct.
        best = max(readings, key=lambda reading: sum(row is not None for row in reading))
        number, text = rows[best.index(None)]
        raise QgsProcessingException(
            tr("'{name}', line {number}: expected {what}, not '{line}'.").format(
                name=name, number=number, what=expected, line=text.strip()[:60]
            )
        )
    notation, reading = complete[0]
    _require_one_reading(name, rows, [reading for _, reading in complete])
    _require_no_thousands(name, rows, notation, columns)
    _require_one_mark(name, (field for _, text in rows for field in notation.fields(text)[:columns]))
    return np.array(reading, float).reshape(len(rows), columns)


def _has_columns_between_tabs(text: str, columns: int) -> bool:
    fields = text.strip().split("\t")
    return len(fields) >= columns and all(field.strip() for field in fields[:columns])


def _require_one_mark(name: str, fields: Iterable[str]) -> None:
    try:
        decimal_mark(fields)
    except ValueError as error:
        raise QgsProcessingException(tr("'{name}': {reason}.").format(name=name, reason=error)) from error


def _require_no_thousands(name: str, rows: Sequence[Line], notation: _Notation, columns: int) -> None:
    """Raise an error if what follows the last column may be the rest of its number: "1 234,5".

    A further column of whole numbers in all rows is none.
    """
    if notation.separator in (";", "\t"):
        return
    longer = [(line, fields) for line in rows if len(fields := notation.fields(line[1])) > columns]
    may_be_rest = all(
        _BEFORE_THOUSANDS.fullmatch(fields[columns - 1]) and _THOUSANDS.fullmatch(fields[columns])
        for _, fields in longer
    )
    is_column = len(longer) == len(rows) and all(fields[columns].isdigit() for _, fields in longer)
    if longer and may_be_rest and not is_column:
        _raise_several_readings(name, longer[0][0])


def _require_one_reading(name: str, rows: Sequence[Line], readings: Sequence[list[list[float]]]) -> None:
    for line, *numbers in zip(rows, *readings):
        if any(other != numbers[0] for other in numbers):
            _raise_several_readings(name, line)


def _raise_several_readings(name: str, line: Line) -> None:
    number, text = line
    raise QgsProcessingException(
        tr(
            "'{name}', line {number}: '{line}' can be read in several ways. Separate the columns by tabs, and write "
            "numbers with a decimal point and without separators of thousands."
        ).format(name=name, number=number, line=text.strip()[:60])
    )
