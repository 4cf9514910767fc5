"""Collection of GDAL errors, whether or not GDAL exceptions are enabled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal


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
