"""Text files of a project: compressed or not, in the encodings that programs write."""

from __future__ import annotations

import codecs
from pathlib import Path

from .streams import read_whole

#: Encodings by the bytes that mark them at the beginning of a file.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, which may be compressed."""
    return decode_lines(read_whole(path))


def decode_lines(data: bytes) -> list[str]:
    """Decode the lines of a text.

    The encoding is that of its byte order mark, UTF-8, or Windows-1252, in which paths may be written.
    """
    try:
        return without_mark(data).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").splitlines()


def without_mark(data: bytes) -> bytes:
    """Return a text in UTF-8 without a byte order mark; one that has none is returned as it is."""
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    return data if encoding is None else data.decode(encoding, "ignore").encode("utf-8")
