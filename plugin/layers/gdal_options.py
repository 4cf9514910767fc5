"""Configuration options of GDAL, set for a block of code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal


@contextmanager
def gdal_option(name: str, value: str) -> Iterator[None]:
    """Set an option of GDAL in this thread, and restore its earlier value at the end.

    Parameters
    ----------
    name, value
        The option, and its value in the block.
    """
    before = gdal.GetThreadLocalConfigOption(name)
    gdal.SetThreadLocalConfigOption(name, value)
    try:
        yield
    finally:
        gdal.SetThreadLocalConfigOption(name, before)
