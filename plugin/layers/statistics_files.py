"""Statistics that GDAL would store in a file beside a raster that QGIS opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .gdal_options import gdal_option


@contextmanager
def no_statistics_file(path: str | Path) -> Iterator[None]:
    """Open a raster in this block without leaving a file with its statistics (`.aux.xml`) beside it.

    A file that exists already is read as always: it may hold the nodata value.

    Parameters
    ----------
    path
        The raster.
    """
    if not Path(path).is_file() or Path(f"{path}.aux.xml").exists():
        yield
        return
    with gdal_option("GDAL_PAM_ENABLED", "NO"):
        yield
