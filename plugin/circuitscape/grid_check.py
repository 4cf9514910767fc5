"""Check of an ESRI ASCII grid, which GDAL would read with words and missing values and without an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
from qgis.core import QgsProcessingException

from ..i18n import tr
from ..runner import format_bytes, free_memory

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


def require_well_formed(name: str, head: bytes, blocks_after: Callable[[int], Iterable[bytes]]) -> None:
    """Raise an error if an ESRI ASCII grid holds words or an invalid number of values, or does not fit in memory.

    Parameters
    ----------
    name
        Name of the file, for messages.
    head
        The beginning of the grid, with its header.
    blocks_after
        Returns what follows a number of bytes, block by block. No more is read than the header declares.

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
            ).format(name=name)
        )
    rows, columns = int(sizes[b"nrows"]), int(sizes[b"ncols"])
    _require_memory(name, rows, columns)
    count, line, rest, is_cut = 0, header[0].count(b"\n") + 1, b" ", False
    remaining = iter(blocks_after(header.end()))
    for block in remaining:
        complete, rest = _split_at_last_space(rest + block)
        if len(rest) > MAX_WORD_BYTES:
            _raise_not_a_number(name, line + complete.count(b"\n"), rest)
        count += _count_numbers(name, complete, line)
        line += complete.count(b"\n")
        if count > rows * columns:
            is_cut = next(remaining, None) is not None
            break
    count += _count_numbers(name, rest, line)
    if count != rows * columns:
        text = tr("'{name}' holds {count} numbers, but its header declares {rows} rows of {columns}.")
        counted = tr("more than {count:,}").format(count=rows * columns) if is_cut else f"{count:,}"
        raise QgsProcessingException(text.format(name=name, count=counted, rows=rows, columns=columns))


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
