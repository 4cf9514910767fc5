"""Check of ESRI ASCII grids, in which GDAL reads words, missing values and some decimal commas without an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from qgis.core import QgsProcessingException

from ...decimal_numbers import decimal_mark
from ...i18n import tr

#: Header of an ESRI ASCII grid.
ASCII_GRID_HEADER = re.compile(rb"\s*((ncols|nrows|[xy]ll\w+|cellsize|dx|dy|nodata\w*)\s+\S+\s+)+", re.IGNORECASE)

#: Bytes at the beginning of a file that hold the header.
ASCII_GRID_HEADER_BYTES = 1 << 12

#: A word that is no number; the letter e may be part of one, commas are checked apart.
NOT_A_NUMBER = re.compile(rb"(?<!\S)(?![+-]?(?:nan|inf|infinity)(?!\S))\S*[a-df-z]\S*", re.IGNORECASE)

#: Numbers with a comma: a decimal comma, commas that may separate thousands, and one at the end.
DECIMAL, THOUSANDS, SEPARATED = rb"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", rb"[+-]?[1-9]\d{0,2}(?:,\d{3})+", rb"[^\s,]+,"

#: A word with a comma that is no number, one with a decimal comma that cannot separate thousands, one with a comma
#: between digits, one with a comma at its end, and one with a decimal point.
INVALID_COMMA = re.compile(rb"(?<!\S)(?!(?:" + DECIMAL + rb"|" + SEPARATED + rb")(?!\S))\S*,\S*")
NO_THOUSANDS = re.compile(rb"(?<!\S)(?!" + THOUSANDS + rb"(?!\S))\S*,\d\S*")
WITH_COMMA = re.compile(rb"(?<!\S)\S*,\d\S*")
BEFORE_COMMA = re.compile(rb"(?<!\S)\S+,(?!\S)")
WITH_POINT = re.compile(rb"(?<!\S)\S*\.\S*")

#: Longest word.
MAX_WORD_BYTES = 1000


class Word(NamedTuple):
    """A word of a grid, and its line."""

    text: str
    line: int


def ascii_grid_size(name: str, head: bytes) -> tuple[int, int]:
    """Return the number of rows and of columns that the header of a grid declares.

    Raises
    ------
    QgsProcessingException
        The file does not begin with such a header.
    """
    header = ASCII_GRID_HEADER.match(head)
    sizes = dict(re.findall(rb"(ncols|nrows)\s+(\d+)\s", header[0].lower())) if header else {}
    if len(sizes) < 2:
        raise QgsProcessingException(
            tr(
                "'{name}' cannot be read as an ESRI ASCII grid or a GeoTIFF: its header does not begin with ncols and "
                "nrows."
            ).format(name=name)
        )
    return int(sizes[b"nrows"]), int(sizes[b"ncols"])


def require_well_formed_grid(name: str, head: bytes, blocks_after: Callable[[int], Iterable[bytes]]) -> Word | None:
    """Raise an error if an ESRI ASCII grid holds words, an invalid number of values, or numbers with several readings.

    Parameters
    ----------
    name
        Name of the file, for messages.
    head
        The beginning of the grid, with its header.
    blocks_after
        Returns what follows a number of bytes, block by block. No more is read than the header declares.

    Returns
    -------
    Word or None
        The first number with a decimal comma; None if there is none.

    Raises
    ------
    QgsProcessingException
        Says what is invalid, and in which line.
    """
    rows, columns = ascii_grid_size(name, head)
    header = ASCII_GRID_HEADER.match(head)
    in_header = _comma_in_header(name, header[0])
    cells = _Cells(name, header[0].count(b"\n") + 1)
    rest, is_cut = b" ", False
    remaining = iter(blocks_after(header.end()))
    for block in remaining:
        complete, rest = _split_at_last_space(rest + block)
        cells.add(complete)
        if len(rest) > MAX_WORD_BYTES:
            _raise_not_a_number(name, cells.line, rest)
        if cells.count > rows * columns:
            is_cut = next(remaining, None) is not None
            break
    cells.add(rest)
    if cells.count != rows * columns:
        text = tr(
            "'{name}' holds {count:# number|# numbers}, but its header declares {rows:# row|# rows} of {columns}."
        )
        counted = tr("more than {count:,}").format(count=rows * columns) if is_cut else f"{cells.count:,}"
        raise QgsProcessingException(text.format(name=name, count=counted, rows=rows, columns=columns))
    return in_header or cells.decimal_comma()


class _Cells:
    """Counts the numbers of a grid, and collects what tells how they are written."""

    def __init__(self, name: str, line: int) -> None:
        self.count, self.line, self._name = 0, line, name
        self._with_comma: Word | None = None
        self._before_comma: Word | None = None
        self._with_point: Word | None = None
        self._may_be_thousands = True

    def add(self, data: bytes) -> None:
        """Add a text that begins with a space, all words of which must be numbers."""
        if not data:
            return
        text = np.frombuffer(data, np.uint8)
        lower = text | 32
        if ((lower >= ord("a")) & (lower <= ord("z")) & (lower != ord("e"))).any():
            word = NOT_A_NUMBER.search(data)
            if word:
                _raise_not_a_number(self._name, self.line + data.count(b"\n", 0, word.start()), word[0])
        if b"," in data:
            self._add_commas(data)
        if self._with_point is None and b"." in data:
            self._with_point = self._word(data, WITH_POINT)
        is_word = text > ord(" ")
        self.count += int(np.count_nonzero(is_word[1:] & ~is_word[:-1]))
        self.line += data.count(b"\n")

    def _add_commas(self, data: bytes) -> None:
        invalid = self._word(data, INVALID_COMMA)
        if invalid is not None:
            _raise_not_a_number(self._name, invalid.line, invalid.text.encode())
        self._with_comma = self._with_comma or self._word(data, WITH_COMMA)
        self._before_comma = self._before_comma or self._word(data, BEFORE_COMMA)
        if self._may_be_thousands:
            self._may_be_thousands = NO_THOUSANDS.search(data) is None

    def _word(self, data: bytes, pattern: re.Pattern[bytes]) -> Word | None:
        match = pattern.search(data)
        if match is None:
            return None
        return Word(match[0][:60].decode("ascii", "replace"), self.line + data.count(b"\n", 0, match.start()))

    def decimal_comma(self) -> Word | None:
        """Return the first number with a decimal comma; None if there is none.

        Raises
        ------
        QgsProcessingException
            Other numbers have a decimal point, or the commas may separate thousands or columns.
        """
        comma, point, separated = self._with_comma, self._with_point, self._before_comma
        if comma is not None and separated is not None:
            raise QgsProcessingException(
                tr(
                    "'{name}': the comma in '{comma}', line {line}, may be a decimal comma, but in '{separated}', line "
                    "{other_line}, it separates numbers. Separate numbers by spaces, and write them with a decimal "
                    "point."
                ).format(
                    name=self._name,
                    comma=comma.text,
                    line=comma.line,
                    separated=separated.text,
                    other_line=separated.line,
                )
            )
        if comma is not None and point is not None:
            raise QgsProcessingException(
                tr(
                    "'{name}': '{comma}' in line {line} has a decimal comma, but '{point}' in line {line_of_point} a "
                    "decimal point. Write all numbers of the cells with a decimal point."
                ).format(name=self._name, comma=comma.text, line=comma.line, point=point.text, line_of_point=point.line)
            )
        if comma is not None and self._may_be_thousands:
            raise QgsProcessingException(
                tr(
                    "'{name}', line {line}: the comma in '{comma}' may be a decimal comma or separate the thousands. "
                    "Write numbers with a decimal point and without separators of thousands."
                ).format(name=self._name, line=comma.line, comma=comma.text)
            )
        return comma


def _comma_in_header(name: str, header: bytes) -> Word | None:
    """Return the first number of a header with a decimal comma; None if there is none."""
    first, values = None, []
    for number, line in enumerate(header.splitlines(), 1):
        for value in line.split()[1::2]:
            values.append(value.decode("ascii", "replace"))
            if b"," in value and not re.fullmatch(DECIMAL, value):
                _raise_not_a_number(name, number, value)
            if b"," in value and first is None:
                first = Word(values[-1], number)
    if first is None:
        return None
    try:
        decimal_mark(values)
    except ValueError as error:
        raise QgsProcessingException(
            tr("'{name}', line {line}: {reason}.").format(name=name, line=first.line, reason=error)
        ) from error
    return first


def _split_at_last_space(data: bytes) -> tuple[bytes, bytes]:
    """Split a text before its last word, which may go on in the next block; both parts begin with a space."""
    cut = max(data.rfind(space) for space in (b" ", b"\n", b"\t", b"\r"))
    return data[:cut], data[cut:]


def _raise_not_a_number(name: str, line: int, word: bytes) -> None:
    raise QgsProcessingException(
        tr("'{name}', line {line}: '{word}' is not a number.").format(
            name=name, line=line, word=word[:60].decode("ascii", "replace").strip()
        )
    )
