"""Input files read part by part: what a compressed file holds may be larger than the memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..byte_sizes import format_bytes
from ..cancelled import stop_if_cancelled
from ..i18n import tr
from ..system_errors import system_reason

#: Bytes read at a time.
BLOCK_BYTES = 1 << 24

#: Largest text that is read as a whole: tables of points, pairs, classes, or edges of a network.
MAX_TEXT_BYTES = 1 << 28


def read_head(path: Path, count: int) -> bytes:
    """Return the first bytes of a file, decompressed if its name ends in ``.gz``."""
    with opened(path) as file:
        return file.read(count)


def read_whole(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of a file, decompressed if its name ends in ``.gz``.

    Raises
    ------
    QgsProcessingException
        If the file cannot be read, or holds more than `limit` bytes.
    """
    with opened(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise QgsProcessingException(
            tr(
                "'{name}' holds more than {limit} of text. Use a smaller file; a grid may be larger if it "
                "begins with its header, without a byte order mark."
            ).format(name=path.name, limit=format_bytes(limit))
        )
    return data


def blocks(path: Path, skip: int, feedback: QgsProcessingFeedback) -> Iterator[bytes]:
    """Yield the content of a file block by block, decompressed if its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.
    skip
        Number of bytes at its beginning to skip.
    feedback
        Receives progress of long files; can cancel.
    """
    with opened(path) as file:
        file.read(skip)
        count = 0
        while block := file.read(BLOCK_BYTES):
            stop_if_cancelled(feedback)
            yield block
            count += len(block)
            if count % (BLOCK_BYTES << 4) == 0:
                text = tr("Checking '{name}': {size}")
                feedback.setProgressText(text.format(name=path.name, size=format_bytes(count)))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed if its name ends in ``.gz``.

    Raises
    ------
    QgsProcessingException
        If it cannot be read, also later.
    """
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        has_number = isinstance(error, OSError) and error.errno is not None
        reason = system_reason(error) if has_number else tr("the compressed file is damaged or incomplete")
        raise QgsProcessingException(
            tr("'{name}' cannot be read: {reason}.").format(name=path.name, reason=reason)
        ) from error
