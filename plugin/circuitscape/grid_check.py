"""Check of an ESRI ASCII grid, which GDAL would read with words and missing values and without an error."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..runner import format_bytes, free_memory
from .streams import blocks

#: Header of an ESRI ASCII grid.
HEADER = re.compile(rb"\s*((ncols|nrows|[xy]ll\w+|cellsize|dx|dy|nodata\w*)\s+\S+\s+)+", re.IGNORECASE)

#: Bytes at the beginning of a file that hold the header.
HEADER_BYTES = 1 << 12

#: A word that is no number; the letter e may be part of one.
NOT_A_NUMBER = re.compile(rb"(?<!\S)(?![+-]?(?:nan|inf|infinity)(?!\S))\S*[a-df-z,]\S*", re.IGNORECASE)

#: Longest word.
MAX_WORD_BYTES = 1000

#: Bytes of memory for each cell while a grid is read: values and mask, and copies of them.
BYTES_PER_CELL = 26


def require_well_formed(path: Path, head: bytes, skip: int, feedback: QgsProcessingFeedback) -> None:
    """Raise an error if an ESRI ASCII grid holds words or an invalid number of values, or does not fit in memory.

    Parameters
    ----------
    path
        The grid; may be compressed. It is read no further than its header declares.
    head
        The beginning of its text, with the header.
    skip
        Bytes before that text: a byte order mark.
    feedback
        Receives progress; can cancel.

    Raises
    ------
    QgsProcessingException
        Says what is invalid, and in which line.
    """
    header = HEADER.match(head)
    sizes = dict(re.findall(rb"(ncols|nrows)\s+(\d+)\s", header[0].lower())) if header else {}
    if len(sizes) < 2:
        raise QgsProcessingException(
            tr(
                "'{name}' cannot be read as an ESRI ASCII grid or a GeoTIFF: its header does not begin with ncols and "
                "nrows."
            ).format(name=path.name)
        )
    rows, columns = int(sizes[b"nrows"]), int(sizes[b"ncols"])
    _require_memory(path.name, rows, columns)
    count, line, rest = 0, header[0].count(b"\n") + 1, b" "
    for block in blocks(path, skip + header.end(), feedback):
        complete, rest = _split_at_last_space(rest + block)
        if len(rest) > MAX_WORD_BYTES:
            _raise_not_a_number(path.name, line + complete.count(b"\n"), rest)
        count += _count_numbers(path.name, complete, line)
        line += complete.count(b"\n")
        if count > rows * columns:
            break
    else:
        count += _count_numbers(path.name, rest, line)
    if count != rows * columns:
        text = tr("'{name}' holds {count} numbers, but its header declares {rows} rows of {columns}.")
        more = tr("more than {count:,}").format(count=rows * columns)
        raise QgsProcessingException(
            text.format(
                name=path.name, count=more if count > rows * columns else f"{count:,}", rows=rows, columns=columns
            )
        )


def _require_memory(name: str, rows: int, columns: int) -> None:
    needed, free = rows * columns * BYTES_PER_CELL, free_memory()
    if free is not None and needed > free:
        raise QgsProcessingException(
            tr(
                "'{name}' has {rows:,} rows of {columns:,} cells, which take about {needed} of memory; {free} are "
                "free. Use a smaller raster (clip it) or coarser cells."
            ).format(name=name, rows=rows, columns=columns, needed=format_bytes(needed), free=format_bytes(free))
        )


def _split_at_last_space(data: bytes) -> tuple[bytes, bytes]:
    """Split a text before its last word, which may go on in the next block; both parts begin with a space."""
    cut = max(data.rfind(space) for space in (b" ", b"\n", b"\t", b"\r"))
    return data[:cut], data[cut:]


def _count_numbers(name: str, data: bytes, line: int) -> int:
    """Return the number of words in a text that begins with a space, all of which must be numbers."""
    if not data:
        return 0
    text = np.frombuffer(data, np.uint8)
    lower = text | 32
    if ((lower >= ord("a")) & (lower <= ord("z")) & (lower != ord("e")) | (text == ord(","))).any():
        word = NOT_A_NUMBER.search(data)
        if word:
            _raise_not_a_number(name, line + data.count(b"\n", 0, word.start()), word[0])
    is_word = text > ord(" ")
    return int(np.count_nonzero(is_word[1:] & ~is_word[:-1]))


def _raise_not_a_number(name: str, line: int, word: bytes) -> None:
    raise QgsProcessingException(
        tr("'{name}', line {line}: '{word}' is not a number.").format(
            name=name, line=line, word=word[:60].decode("ascii", "replace").strip()
        )
    )
