"""Statistics that GDAL would store in files beside a raster that QGIS opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from .gdal_errors import collected_gdal_errors
from .gdal_options import gdal_option

# What QGIS must read from such a file: where the raster lies. The nodata value is read without QGIS, and the CRS can be
# set afterwards.
POSITION = re.compile(rb"<(GeoTransform|GCPList)\b")
CRS = re.compile(rb"<SRS\b")

# File with the statistics of a raster of ESRI's binary formats, whatever the option.
BINARY_STATISTICS = ".stx"


@contextmanager
def no_statistics_file(path: str | Path) -> Iterator[None]:
    """Open a raster in this block without leaving or changing a file with its statistics beside it.

    A file with auxiliary data (`.aux.xml`) that holds the position of the raster is read as always; QGIS then adds
    statistics to it if it has none. Of one that holds its CRS, pass the layer to `set_auxiliary_crs` after the block.

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


def set_auxiliary_crs(layer: QgsRasterLayer | None, path: str | Path) -> None:
    """Give a layer that was opened without its auxiliary data the CRS that these hold.

    Parameters
    ----------
    layer
        The layer; one that has a CRS keeps it.
    path
        The raster.
    """
    auxiliary = Path(f"{path}.aux.xml")
    if layer is None or not layer.isValid() or layer.crs().isValid() or not auxiliary.is_file():
        return
    if CRS.search(auxiliary.read_bytes()):
        with collected_gdal_errors():
            dataset = gdal.OpenEx(str(path), gdal.OF_RASTER | gdal.OF_READONLY)
            if dataset is not None:
                layer.setCrs(QgsCoordinateReferenceSystem.fromWkt(dataset.GetProjection()))


def _holds_position(auxiliary: Path) -> bool:
    return auxiliary.is_file() and POSITION.search(auxiliary.read_bytes()) is not None
