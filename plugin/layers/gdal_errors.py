"""Errors of GDAL and SQLite: collected whether or not GDAL exceptions are enabled, and told in words for the user."""

from __future__ import annotations

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
    text = " ".join(errors).lower()
    causes = (
        (("no such file", "does not exist", "not found"), tr("a file that it is read from does not exist")),
        (("permission denied",), tr("there is no permission to read it")),
        (("http", "curl", "connection", "host"), tr("its server does not answer")),
        (("memory", "alloc"), tr("it does not fit in memory")),
        (("locked", "busy"), tr("another program is writing to it")),
    )
    return next(
        (reason for words, reason in causes if any(word in text for word in words)),
        tr("its data are damaged or incomplete"),
    )


def writing_reason(errors: Iterable[str], folder: Path) -> str:
    """Return why a file could not be written, as part of a sentence, by what GDAL or SQLite reported.

    Parameters
    ----------
    errors
        What was reported.
    folder
        Where the file was to be written; GDAL often does not know that its disk is full.
    """
    text = " ".join(errors).lower()
    causes = (
        (("no space left", "disk is full", "disk full"), tr("the disk is full")),
        (("quota",), tr("the space that you may use on this disk is full")),
        (("locked", "busy"), tr("another program is using the file")),
        (("permission denied", "readonly", "read-only", "read only"), tr("it is write-protected")),
        (("malformed", "not a database", "corrupt"), tr("the file is damaged")),
    )
    known = next((reason for words, reason in causes if any(word in text for word in words)), "")
    if known:
        return known
    if not folder.is_dir():
        return tr("the folder no longer exists")
    if shutil.disk_usage(folder).free < FULL_BYTES:
        return tr("the disk is full")
    return tr("the disk is full, its use is limited, or it can no longer be reached")
