"""Rasters of a project as layers of QGIS, also those that GDAL does not read as they are."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProcessingFeedback, QgsRasterLayer, QgsRasterRange

from ..detailed_exception import DetailedException
from ..i18n import tr
from ..layers import (
    ASCII_GRID_HEADER,
    ASCII_GRID_HEADER_BYTES,
    RasterGrid,
    collected_gdal_errors,
    gdal_option,
    in_main_thread,
    no_statistics_file,
    set_auxiliary_crs,
    warn_about_other_bands,
)
from .grid_check import require_readable
from .streams import blocks, read_head, read_whole
from .text_files import without_mark

#: Nodata of ESRI grids whose header names none; Circuitscape treats it as nodata whatever the header says.
NODATA = -9999.0

#: Without it GDAL writes a properties file next to a compressed file.
NO_PROPERTIES_FILE = ("CPL_VSIL_GZIP_WRITE_PROPERTIES", "NO")

#: A line of the header that GDAL reads at any place but the first.
_NODATA_LINE = re.compile(rb"\A\s*nodata\w*\s+\S+[ \t]*\r?\n?", re.IGNORECASE)


@contextmanager
def raster_layer(
    path: Path, feedback: QgsProcessingFeedback, *, is_habitat: bool = False, cells: RasterGrid | None = None
) -> Iterator[QgsRasterLayer]:
    """Open a raster, which may be compressed; it can be read until the end of the block.

    Parameters
    ----------
    path
        An ESRI ASCII grid or a GeoTIFF; may end in `.gz`.
    feedback
        Receives progress.
    is_habitat
        Whether the engine computes on the cells of the raster, and so must have the memory for them.
    cells
        A grid of as many rows and columns, on whose cells the raster lies instead of those that its header gives.

    Raises
    ------
    QgsProcessingException
        If the file cannot be read, or is an ESRI ASCII grid that holds words or another number of values than its
        header declares.
    """
    is_grid = ".tif" not in path.name.lower()
    content = _checked_content(path, feedback, is_habitat) if is_grid else b""
    # By default GDAL reads an ASCII grid in single precision.
    options = ["DATATYPE=Float64"] if is_grid else []
    with (
        _readable_by_gdal(path, content) as name,
        gdal_option(*NO_PROPERTIES_FILE),
        _on_cells(name, options, cells) as moved,
    ):
        source = moved or "|option:".join([name, *options])
        in_main_thread(lambda: _opened(source, path).crs().toWkt())
        layer = _opened(source, path)
        if not layer.isValid():
            text = tr(
                "'{name}' cannot be read as an ESRI ASCII grid or a GeoTIFF: it has another format, or is damaged or "
                "incomplete. If QGIS opens it, export it there to a GeoTIFF."
            )
            raise DetailedException(text.format(name=path.name), [layer.error().summary()])
        provider = layer.dataProvider()
        if is_grid and not (provider.sourceHasNoDataValue(1) and provider.sourceNoDataValue(1) == NODATA):
            provider.setUserNoDataValue(1, [QgsRasterRange(NODATA, NODATA)])
        warn_about_other_bands(layer, feedback)
        yield layer
        del layer


def _checked_content(path: Path, feedback: QgsProcessingFeedback, is_habitat: bool) -> bytes:
    """Check an ESRI ASCII grid, and return it where GDAL would not read it as it is, else nothing.

    GDAL reads no grid that begins with a byte order mark, a blank line, or its nodata value.
    """
    head = read_head(path, ASCII_GRID_HEADER_BYTES)
    if without_mark(head).lstrip() == head and not _NODATA_LINE.match(head):
        require_readable(path.name, head, lambda skip: blocks(path, skip, feedback), is_habitat=is_habitat)
        return b""
    content = without_mark(read_whole(path)).lstrip()
    first, header = _NODATA_LINE.match(content), ASCII_GRID_HEADER.match(content)
    if first and header:
        content = b"".join([content[first.end() : header.end()], first[0].strip(), b"\n", content[header.end() :]])
    require_readable(path.name, content[:ASCII_GRID_HEADER_BYTES], lambda skip: [content[skip:]], is_habitat=is_habitat)
    return content


def _opened(source: str, path: Path) -> QgsRasterLayer:
    with no_statistics_file(path), gdal_option(*NO_PROPERTIES_FILE):
        layer = QgsRasterLayer(source, path.name)
    set_auxiliary_crs(layer, path)
    return layer


@contextmanager
def _readable_by_gdal(path: Path, content: bytes) -> Iterator[str]:
    """Yield a name by which GDAL opens a raster.

    GDAL does not read grids that begin with a byte order mark or a blank line: `content` is what follows, empty if
    there is neither.
    """
    if not content:
        yield f"/vsigzip/{path}" if path.suffix.lower() == ".gz" else str(path)
        return
    copy = f"/vsimem/permea-{uuid.uuid4().hex}.asc"
    projection = path.with_suffix(".prj")
    try:
        gdal.FileFromMemBuffer(copy, content)
        if projection.is_file():
            gdal.FileFromMemBuffer(copy.replace(".asc", ".prj"), projection.read_bytes())
        yield copy
    finally:
        _delete(copy, copy.replace(".asc", ".prj"))


@contextmanager
def _on_cells(name: str, options: list[str], grid: RasterGrid | None) -> Iterator[str]:
    """Yield the name of a virtual raster with the values of a raster and the geotransform of a grid; empty without."""
    if grid is None:
        yield ""
        return
    moved = f"/vsimem/permea-{uuid.uuid4().hex}.vrt"
    try:
        with collected_gdal_errors():  # the layer says why it cannot be opened
            source = gdal.OpenEx(name, gdal.OF_RASTER | gdal.OF_READONLY, open_options=options)
            if source is not None:
                copy = gdal.GetDriverByName("VRT").CreateCopy(moved, source)
                copy.SetGeoTransform(grid.geotransform)
                del copy, source
        yield moved
    finally:
        _delete(moved)


def _delete(*names: str) -> None:
    """Delete files in memory, if they are there; without a file, GDAL may raise an exception."""
    for name in names:
        with collected_gdal_errors():
            gdal.Unlink(name)
