"""Rasters of a project as layers of QGIS, including those that GDAL does not read as they are."""

from __future__ import annotations

import itertools
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer, QgsRasterRange

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
from ..system_errors import system_reason
from ..temporary_folder import temporary_folder
from .grid_check import require_readable
from .streams import blocks, read_head
from .text_files import blocks_without_mark, without_mark

#: Nodata of ESRI grids whose header names none; Circuitscape treats it as nodata whatever the header says.
NODATA = -9999.0

#: Without it GDAL writes a properties file next to a compressed file.
NO_PROPERTIES_FILE = ("CPL_VSIL_GZIP_WRITE_PROPERTIES", "NO")

#: A line of the header that GDAL reads anywhere but at the beginning.
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
    # By default GDAL reads an ASCII grid in single precision.
    options = ["DATATYPE=Float64"] if is_grid else []
    with (
        _checked_grid(path, feedback, is_habitat) if is_grid else nullcontext(_name_for_gdal(path)) as name,
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


@contextmanager
def _checked_grid(path: Path, feedback: QgsProcessingFeedback, is_habitat: bool) -> Iterator[str]:
    """Check an ESRI ASCII grid, and yield a name by which GDAL opens it.

    GDAL reads no grid that begins with a byte order mark, a blank line, or its nodata value; a copy is yielded in its
    place.
    """
    head = read_head(path, ASCII_GRID_HEADER_BYTES)
    if without_mark(head).lstrip() == head and not _NODATA_LINE.match(head):
        require_readable(path.name, head, lambda skip: blocks(path, skip, feedback), is_habitat=is_habitat)
        yield _name_for_gdal(path)
        return
    folder = Path(tempfile.mkdtemp(dir=temporary_folder()))
    try:
        yield str(_readable_copy(path, folder, feedback, is_habitat))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # on Windows a file that is still open stays


def _readable_copy(path: Path, folder: Path, feedback: QgsProcessingFeedback, is_habitat: bool) -> Path:
    """Check a grid that GDAL does not read as it is, and copy it block by block to a file that GDAL reads."""
    copy, projection = folder / "grid.asc", path.with_suffix(".prj")
    content = blocks_without_mark(blocks(path, 0, feedback))
    beginning = _readable_beginning(content)

    def blocks_after(skip: int) -> Iterator[bytes]:
        return itertools.chain([beginning[skip:]], _saved(content, file))

    try:
        with copy.open("wb") as file:
            file.write(beginning)
            require_readable(path.name, beginning, blocks_after, is_habitat=is_habitat)
        if projection.is_file():
            shutil.copyfile(projection, copy.with_suffix(".prj"))
    except OSError as error:
        raise QgsProcessingException(
            tr(
                "'{name}' cannot be copied to '{folder}': {reason}. Free disk space, or write the grid without a byte "
                "order mark and with ncols in its first line."
            ).format(name=path.name, folder=folder.parent, reason=system_reason(error))
        ) from error
    return copy


def _readable_beginning(content: Iterator[bytes]) -> bytes:
    """Return the beginning of a grid, with the whole header, its nodata value last and no blank line before it."""
    beginning = b""
    while len(beginning) < ASCII_GRID_HEADER_BYTES and (block := next(content, None)) is not None:
        beginning = (beginning + block).lstrip()
    first, header = _NODATA_LINE.match(beginning), ASCII_GRID_HEADER.match(beginning)
    if not first or not header:
        return beginning
    return b"".join([beginning[first.end() : header.end()], first[0].strip(), b"\n", beginning[header.end() :]])


def _saved(content: Iterator[bytes], file: BinaryIO) -> Iterator[bytes]:
    """Yield blocks, each after it has been written to a file."""
    for block in content:
        file.write(block)
        yield block


def _name_for_gdal(path: Path) -> str:
    return f"/vsigzip/{path}" if path.suffix.lower() == ".gz" else str(path)


def _opened(source: str, path: Path) -> QgsRasterLayer:
    with no_statistics_file(path), gdal_option(*NO_PROPERTIES_FILE):
        layer = QgsRasterLayer(source, path.name)
    set_auxiliary_crs(layer, path)
    return layer


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
        with collected_gdal_errors():  # without a file, GDAL may raise an exception
            gdal.Unlink(moved)
