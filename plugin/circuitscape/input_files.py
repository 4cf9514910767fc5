"""Input rasters of a Circuitscape project, and the cells of points on them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import (
    ASCII_GRID_HEADER,
    ASCII_GRID_HEADER_BYTES,
    Raster,
    RasterGrid,
    align,
    describe_difference,
    gdal_option,
    in_main_thread,
    no_statistics_file,
    offset_in_cells,
    open_band,
    read_raster,
)
from ..runner import require_memory_for_landscape
from .grid_check import require_readable
from .streams import blocks, read_head, read_whole
from .text_files import without_mark

#: Circuitscape treats this value as nodata whatever the header says.
NODATA = -9999.0

#: Whole numbers above are not all represented in double precision.
LARGEST_INTEGER = 2.0**53

#: A raster of the habitat's size whose corners differ by less than this fraction of a cell has the same cells: headers
#: are often rounded.
SAME_CELL = 0.5

#: Without it GDAL writes a properties file next to a compressed file.
NO_PROPERTIES_FILE = ("CPL_VSIL_GZIP_WRITE_PROPERTIES", "NO")

_NOT_A_RASTER = tr("'{name}' cannot be read as an ESRI ASCII grid or a GeoTIFF: {reason}.")


def is_raster(path: Path) -> bool:
    """Return whether a file is a raster rather than a table of numbers."""
    return (
        ".tif" in path.name.lower()
        or ASCII_GRID_HEADER.match(without_mark(read_head(path, ASCII_GRID_HEADER_BYTES))) is not None
    )


def read_input_raster(
    path: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None = None, *, exact: bool = False
) -> Raster:
    """Read a raster, which may be compressed.

    Parameters
    ----------
    path
        An ESRI ASCII grid or a GeoTIFF; may end in `.gz`.
    feedback
        Receives progress and a warning if the raster is resampled.
    grid
        Grid of the habitat, to which the raster is aligned.
    exact
        Whether the raster must already be on that grid.

    Raises
    ------
    QgsProcessingException
        If the file cannot be read, or `exact` and the raster is not on the grid.
    """
    is_grid = ".tif" not in path.name.lower()
    content = b""
    if is_grid:
        head = read_head(path, ASCII_GRID_HEADER_BYTES)
        if without_mark(head).lstrip() == head:
            require_readable(path.name, head, lambda skip: blocks(path, skip, feedback))
        else:
            content = without_mark(read_whole(path)).lstrip()
            require_readable(path.name, content[:ASCII_GRID_HEADER_BYTES], lambda skip: [content[skip:]])
    # By default GDAL reads an ASCII grid in single precision.
    option = "|option:DATATYPE=Float64" if is_grid else ""
    with _readable_by_gdal(path, content) as name, gdal_option(*NO_PROPERTIES_FILE):
        source = f"{name}{option}"
        in_main_thread(lambda: _opened(source, path).crs().toWkt())
        layer = _opened(source, path)
        if not layer.isValid():
            raise QgsProcessingException(_NOT_A_RASTER.format(name=path.name, reason=layer.error().summary()))
        raster = _on_grid(layer, path, feedback, grid, exact)
        del layer
    valid = raster.valid & (raster.values != NODATA)
    return Raster(raster.name, np.where(valid, raster.values, np.nan), valid, raster.grid)


def _opened(source: str, path: Path) -> QgsRasterLayer:
    with no_statistics_file(path), gdal_option(*NO_PROPERTIES_FILE):
        return QgsRasterLayer(source, path.name)


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
        for name in (copy, copy.replace(".asc", ".prj")):
            gdal.Unlink(name)


def _on_grid(
    layer: QgsRasterLayer, path: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None, exact: bool
) -> Raster:
    if grid is None:
        require_memory_for_landscape(layer)
        return read_raster(layer, 1, feedback)
    raster_grid = open_band(layer, 1).grid
    offset = offset_in_cells(raster_grid, grid)
    is_same = raster_grid.same_grid_as(grid)
    if not is_same and offset is not None and offset < SAME_CELL:
        # As Circuitscape reads it, and as the nearest cell would.
        raster = read_raster(layer, 1, feedback)
        feedback.pushWarning(
            tr(
                "'{name}': its header differs from that of the habitat by up to {offset:.3g} of a cell: {difference}. "
                "It is read cell by cell."
            ).format(name=path.name, offset=offset, difference=describe_difference(raster_grid, grid))
        )
        return Raster(raster.name, raster.values, raster.valid, grid)
    if exact and not is_same:
        raise QgsProcessingException(
            tr(
                "'{name}' is not on the grid of the habitat: {difference}. Resampling would change the sum of source "
                "strengths or grounds. Align it to the habitat first (Align rasters)."
            ).format(name=path.name, difference=describe_difference(raster_grid, grid))
        )
    return align(layer, 1, grid, feedback, labels=not exact)


def as_integers(values: np.ndarray, valid: np.ndarray, name: str) -> np.ndarray:
    """Return the values as int64, 0 where they are not valid.

    Raises
    ------
    QgsProcessingException
        If a valid value is not a whole number; the message names the file, the value and its position.
    """
    invalid = valid & ~(np.isfinite(values) & (values == np.rint(values)))
    if invalid.any():
        raise QgsProcessingException(
            tr(
                "'{name}' must hold whole numbers, but {count:,} of its values are not; the first is {value:g} "
                "({position})."
            ).format(name=name, **describe_first(invalid, values))
        )
    too_large = valid & (np.abs(values) > LARGEST_INTEGER)
    if too_large.any():
        raise QgsProcessingException(
            tr("'{name}': {count:,} numbers are too large to be exact; the first is {value:g} ({position}).").format(
                name=name, **describe_first(too_large, values)
            )
        )
    return np.where(valid, values, 0).astype(np.int64)


def describe_first(invalid: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Return the number of invalid values, the first of them and its position, for a message."""
    first = tuple(np.argwhere(invalid)[0])
    row, column = first[0] + 1, first[-1] + 1
    position = tr("row {row}") if len(first) == 1 else tr("row {row}, column {column}")
    return {"count": int(invalid.sum()), "value": values[first], "position": position.format(row=row, column=column)}


def cells_at(coordinates: np.ndarray, grid: RasterGrid, name: str) -> np.ndarray:
    """Return the cells (row, column) of points by Circuitscape's rule, int64 (k, 2).

    Parameters
    ----------
    coordinates
        (k, 2): x and y.
    grid
        Grid of the habitat.
    name
        Name of the file, for messages.

    Raises
    ------
    QgsProcessingException
        If points lie outside the grid; the message gives their number and the first.
    """
    left, width, _, top, _, step_down = grid.geotransform
    bottom = top + grid.rows * step_down
    # A point on the edge between two cells belongs to the western or northern one.
    rows = np.ceil(grid.rows - (coordinates[:, 1] - bottom) / -step_down) - 1
    columns = np.ceil((coordinates[:, 0] - left) / width) - 1
    outside = (rows < 0) | (rows >= grid.rows) | (columns < 0) | (columns >= grid.columns)
    if outside.any():
        first = int(np.argmax(outside))
        raise QgsProcessingException(
            tr("'{name}': {count} of {all} points lie outside the habitat; the first is at x {x:g}, y {y:g}.").format(
                name=name,
                count=int(outside.sum()),
                all=len(coordinates),
                x=coordinates[first, 0],
                y=coordinates[first, 1],
            )
        )
    return np.stack([rows, columns], axis=1).astype(np.int64)
