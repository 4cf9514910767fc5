"""Notice what GDAL complains about, whoever has switched its exceptions on or off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal


@contextmanager
def collected_gdal_errors() -> Iterator[list[str]]:
    """Collect GDAL's errors of this thread in a list; the caller looks at it after the block.

    GDAL's exceptions are a switch for the whole process, which other plugins throw as they like. Instead of fighting
    over it, errors are taken from the thread's own error handler, and a RuntimeError of GDAL's ends the block and
    joins the list.
    """
    messages: list[str] = []

    def remember(level: int, _number: int, text: str) -> None:
        if level >= gdal.CE_Failure:
            messages.append(text)

    gdal.PushErrorHandler(remember)
    try:
        yield messages
    except RuntimeError as error:
        messages.append(str(error))
    finally:
        gdal.PopErrorHandler()
