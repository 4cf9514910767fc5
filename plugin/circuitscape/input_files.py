"""Input files of a Circuitscape project: rasters and tables of numbers."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import Raster, RasterGrid, align, in_main_thread, no_statistics_file, open_band, read_raster
from ..runner import require_memory_for_landscape

#: Circuitscape treats this value as nodata whatever the header says.
NODATA = -9999.0

#: Header of an ESRI ASCII grid.
HEADER = re.compile(rb"\s*((ncols|nrows|[xy]ll\w+|cellsize|dx|dy|nodata\w*)\s+\S+\s+)+", re.IGNORECASE)

#: Bytes of an ESRI ASCII grid checked at a time, to limit memory.
CHECK_BLOCK_BYTES = 1 << 24

_NOT_A_RASTER = tr("'{name}' cannot be read as an ESRI ASCII grid or a GeoTIFF: {reason}.")


def is_raster(path: Path) -> bool:
    """Return whether a file is a raster rather than a table of numbers."""
    return ".tif" in path.name.lower() or HEADER.match(_content(path)) is not None


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
    # By default GDAL reads an ASCII grid in single precision.
    option = "" if ".tif" in path.name.lower() else "|option:DATATYPE=Float64"
    prefix = "/vsigzip/" if path.suffix.lower() == ".gz" else ""
    # Without this, GDAL writes a properties file next to the compressed file.
    gdal.SetThreadLocalConfigOption("CPL_VSIL_GZIP_WRITE_PROPERTIES", "NO")
    if ".tif" not in path.name.lower():
        _require_well_formed(path)
    source = f"{prefix}{path}{option}"
    in_main_thread(lambda: _opened(source, path).crs().toWkt())
    try:
        layer = _opened(source, path)
        if not layer.isValid():
            raise QgsProcessingException(_NOT_A_RASTER.format(name=path.name, reason=layer.error().summary()))
        raster = _on_grid(layer, path, feedback, grid, exact)
    finally:
        gdal.SetThreadLocalConfigOption("CPL_VSIL_GZIP_WRITE_PROPERTIES", None)
    valid = raster.valid & (raster.values != NODATA)
    return Raster(raster.name, np.where(valid, raster.values, np.nan), valid, raster.grid)


def _opened(source: str, path: Path) -> QgsRasterLayer:
    with no_statistics_file(path):
        return QgsRasterLayer(source, path.name)


def _on_grid(
    layer: QgsRasterLayer, path: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None, exact: bool
) -> Raster:
    if grid is None:
        require_memory_for_landscape(layer)
        return read_raster(layer, 1, feedback)
    if exact:
        raster_grid = open_band(layer, 1).grid
        if not raster_grid.same_grid_as(grid):
            raise QgsProcessingException(
                tr(
                    "'{name}' is not on the grid of the habitat ({grid} with north-west corner x {x:g}, y {y:g} "
                    "instead of {habitat} with north-west corner x {left:g}, y {top:g}). Resampling would change the "
                    "sum of source strengths or grounds. Align it to the habitat first (Align rasters)."
                ).format(name=path.name, grid=raster_grid, habitat=grid, **_corners(raster_grid, grid))
            )
    return align(layer, 1, grid, feedback)


def _corners(raster: RasterGrid, habitat: RasterGrid) -> dict[str, float]:
    """Return the north-west corners of two grids, for a message."""
    (x, y), (left, top) = ((grid.geotransform[0], grid.geotransform[3]) for grid in (raster, habitat))
    return {"x": x, "y": y, "left": left, "top": top}


def _require_well_formed(path: Path) -> None:
    """Raise an error if an ESRI grid holds words or a invalid number of values, which GDAL would read without an error.

    Raises
    ------
    QgsProcessingException
        Says what is invalid, and in which line.
    """
    data = _content(path)
    header = HEADER.match(data)
    sizes = dict(re.findall(rb"(ncols|nrows)\s+(\d+)\s", header[0].lower())) if header else {}
    if len(sizes) < 2:
        reason = tr("its header does not begin with ncols and nrows")
        raise QgsProcessingException(_NOT_A_RASTER.format(name=path.name, reason=reason))
    text = np.frombuffer(data, np.uint8)
    count, inside_word = 0, False
    for start in range(header.end(), len(text), CHECK_BLOCK_BYTES):
        part = text[start : start + CHECK_BLOCK_BYTES]
        lower = part | 32
        for offset in np.flatnonzero((lower >= ord("a")) & (lower <= ord("z")) & (lower != ord("e"))).tolist():
            _require_number(path, data, start + offset)
        if (part == ord(",")).any():
            _require_number(path, data, start + int(np.argmax(part == ord(","))))
        is_word = part > ord(" ")
        count += int(np.count_nonzero(is_word[1:] & ~is_word[:-1])) + int(is_word[0] and not inside_word)
        inside_word = bool(is_word[-1])
    rows, columns = int(sizes[b"nrows"]), int(sizes[b"ncols"])
    if count != rows * columns:
        raise QgsProcessingException(
            tr("'{name}' holds {count:,} numbers, but its header declares {rows} rows of {columns}.").format(
                name=path.name, count=count, rows=rows, columns=columns
            )
        )


def _require_number(path: Path, data: bytes, offset: int) -> None:
    """Raise an error unless the word at a byte offset is a number such as nan or inf."""
    before, after = data[max(offset - 60, 0) : offset], data[offset : offset + 60]
    word = re.search(rb"\S*$", before)[0] + re.match(rb"\S*", after)[0]
    if word.lower().lstrip(b"+-") not in (b"nan", b"inf", b"infinity"):
        raise QgsProcessingException(
            tr("'{name}', line {line}: '{word}' is not a number.").format(
                name=path.name, line=data.count(b"\n", 0, offset) + 1, word=word.decode("ascii", "replace")
            )
        )


def read_number_table(path: Path, columns: int, *, skip: int = 0) -> np.ndarray:
    """Read a table of numbers, float64 (rows, columns).

    Parameters
    ----------
    path
        Text file; numbers are separated by spaces, tabs or commas.
    columns
        Required number of columns.
    skip
        Number of header lines.

    Raises
    ------
    QgsProcessingException
        If a line does not hold `columns` numbers, or the file holds none.
    """
    rows = []
    for number, line in enumerate(read_lines(path)[skip:], skip + 1):
        words = line.replace(",", " ").split()
        if not words or words[0].startswith("#"):
            continue
        try:
            rows.append([float(word) for word in words[:columns]])
        except ValueError:
            rows.append([])
        if len(rows[-1]) != columns or np.isnan(rows[-1]).any():
            raise QgsProcessingException(
                tr("'{name}', line {number}: expected {columns} numbers, not '{line}'.").format(
                    name=path.name, number=number, columns=columns, line=line.strip()[:60]
                )
            )
    if not rows:
        raise QgsProcessingException(tr("'{name}' holds no numbers.").format(name=path.name))
    return np.array(rows)


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, which may be compressed."""
    return decode_lines(_content(path))


def decode_lines(data: bytes) -> list[str]:
    """Decode the lines of a text in UTF-8 or, failing that, Windows-1252, in which paths may be written."""
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").splitlines()


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


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix.lower() == ".gz" else data
    except (OSError, EOFError) as error:
        raise QgsProcessingException(
            tr("'{name}' cannot be read: {reason}").format(name=path.name, reason=error)
        ) from error
