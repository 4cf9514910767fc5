"""Errors of GDAL and SQLite: collected whether or not GDAL exceptions are enabled, and put into words for the user."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from osgeo import gdal

from ..i18n import tr

# A disk with less free space is full: writing a block of a file has failed.
FULL_BYTES = 1 << 20


@contextmanager
def collected_gdal_errors() -> Iterator[list[str]]:
    """Collect the GDAL errors of this thread in a list, for the caller to inspect after the block.

    GDAL exceptions are enabled per process, and other plugins may change that. Therefore errors are collected by an
    error handler of the thread; a RuntimeError of GDAL ends the block and is added to the list.
    """
    messages: list[str] = []

    def collect(level: int, _number: int, text: str) -> None:
        if level >= gdal.CE_Failure:
            messages.append(text)

    gdal.PushErrorHandler(collect)
    try:
        yield messages
    except RuntimeError as error:
        messages.append(str(error))
    finally:
        gdal.PopErrorHandler()


def reading_reason(errors: Iterable[str]) -> str:
    """Return why a file could not be read, as part of a sentence, by what GDAL or SQLite reported.

    Examples
    --------
    >>> reading_reason(["TIFFReadEncodedTile() failed."])
    'its data are damaged or incomplete'
    """
    causes = (
        (r"no such file|does not exist|not found", tr("a file that it is read from does not exist")),
        (r"permission denied", tr("there is no permission to read it")),
        (
            r"\bhttps?\b|\bcurl\b|could(n't| not) (connect|resolve)|connection (refused|reset|closed|timed out)",
            tr("its server does not answer"),
        ),
        (
            r"out of memory|not enough memory|malloc|bad_alloc|allocation (failed|failure)"
            r"|(cannot|can't|could not|failed to|unable to) allocate",
            tr("it does not fit in memory"),
        ),
        (r"\bis (locked|busy)\b|resource busy", tr("another program is writing to it")),
    )
    return _first_cause(errors, causes) or tr("its data are damaged or incomplete")


def writing_reason(errors: Iterable[str], folder: Path) -> str:
    """Return why a file could not be written, as part of a sentence, by what GDAL or SQLite reported.

    Parameters
    ----------
    errors
        What was reported.
    folder
        Where the file was to be written; GDAL often does not know that its disk is full.
    """
    causes = (
        (r"no space left|disk (is )?full", tr("the disk is full")),
        (r"quota exceeded", tr("the space that you may use on this disk is full")),
        (r"\bis (locked|busy)\b|resource busy", tr("another program is using the file")),
        (r"permission denied|\bread[- ]?only\b", tr("it is write-protected")),
        (r"\bmalformed\b|not a database|\bcorrupt(ed)?\b", tr("the file is damaged")),
    )
    if known := _first_cause(errors, causes):
        return known
    if not folder.is_dir():
        return tr("the folder no longer exists")
    if shutil.disk_usage(folder).free < FULL_BYTES:
        return tr("the disk is full")
    return tr("the disk is full, its use is limited, or it can no longer be reached")


def _first_cause(errors: Iterable[str], causes: Iterable[tuple[str, str]]) -> str:
    """Return the first cause whose pattern is found; the patterns are phrases, because reports hold names of files."""
    text = " ".join(errors).lower()
    return next((reason for pattern, reason in causes if re.search(pattern, text)), "")
