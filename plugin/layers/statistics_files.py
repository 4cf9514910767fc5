"""Statistics that GDAL would store in files beside a raster that QGIS opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from .gdal_options import gdal_option

# What QGIS must know of such a file: where the raster lies. The nodata value is read without QGIS.
POSITION = re.compile(rb"<(SRS|GeoTransform|GCPList)\b")

# File with the statistics of a raster of ESRI's binary formats, whatever the option.
BINARY_STATISTICS = ".stx"


@contextmanager
def no_statistics_file(path: str | Path) -> Iterator[None]:
    """Open a raster in this block without leaving or changing a file with its statistics beside it.

    A file with auxiliary data (`.aux.xml`) that holds the position of the raster is read as always; QGIS then adds
    statistics to it if it has none.

    Parameters
    ----------
    path
        The raster.
    """
    path = Path(path)
    if not path.is_file():
        yield
        return
    statistics = path.with_suffix(BINARY_STATISTICS)
    existed = statistics.exists()
    try:
        with nullcontext() if _holds_position(Path(f"{path}.aux.xml")) else gdal_option("GDAL_PAM_ENABLED", "NO"):
            yield
    finally:
        if not existed:
            statistics.unlink(missing_ok=True)


def _holds_position(auxiliary: Path) -> bool:
    return auxiliary.is_file() and POSITION.search(auxiliary.read_bytes()) is not None
