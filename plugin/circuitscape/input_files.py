"""The files that a project names: rasters and lists of numbers."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import Raster, RasterGrid, align, open_band, read_raster

#: Marks missing values in Circuitscape whatever a file says.
NODATA = -9999.0

#: How an ESRI ASCII grid begins.
HEADER = re.compile(rb"\s*((ncols|nrows|[xy]ll\w+|cellsize|dx|dy|nodata\w*)\s+\S+\s+)+", re.IGNORECASE)

#: Bytes of such a grid that are looked at together.
BYTES_AT_ONCE = 1 << 24

_NO_RASTER = tr("'{name}' cannot be read as an ESRI ASCII grid or a GeoTIFF: {reason}.")


def is_raster(path: Path) -> bool:
    """Tell whether a file is a raster rather than a list of numbers."""
    return ".tif" in path.name.lower() or HEADER.match(_content(path)) is not None


def raster_of(
    path: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None = None, *, exact: bool = False
) -> Raster:
    """Read a raster, packed or not.

    Parameters
    ----------
    path
        An ESRI ASCII grid or a GeoTIFF; may end in `.gz`.
    feedback
        Hears what was done.
    grid
        The grid of the habitat, onto which others are brought.
    exact
        Whether it must lie on that grid already.

    Raises
    ------
    QgsProcessingException
        It cannot be read, or does not lie where it must.
    """
    # GDAL takes numbers of an ASCII grid for single precision unless told otherwise.
    option = "" if ".tif" in path.name.lower() else "|option:DATATYPE=Float64"
    packed = "/vsigzip/" if path.suffix.lower() == ".gz" else ""
    # The length of what is packed is not to be noted beside the user's file.
    gdal.SetThreadLocalConfigOption("CPL_VSIL_GZIP_WRITE_PROPERTIES", "NO")
    if ".tif" not in path.name.lower():
        _require_well_formed(path)
    try:
        layer = QgsRasterLayer(f"{packed}{path}{option}", path.name)
        if not layer.isValid():
            raise QgsProcessingException(_NO_RASTER.format(name=path.name, reason=layer.error().summary()))
        raster = _on_frame(layer, path, feedback, grid, exact)
    finally:
        gdal.SetThreadLocalConfigOption("CPL_VSIL_GZIP_WRITE_PROPERTIES", None)
    valid = raster.valid & (raster.values != NODATA)
    return Raster(raster.name, np.where(valid, raster.values, np.nan), valid, raster.grid)


def _on_frame(
    layer: QgsRasterLayer, path: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None, exact: bool
) -> Raster:
    if grid is None:
        return read_raster(layer, 1, feedback)
    if exact:
        found = open_band(layer, 1).grid
        if not found.same_grid_as(grid):
            raise QgsProcessingException(
                tr(
                    "'{name}' does not lie on the cells of the habitat ({found} from x {x:g}, y {y:g} on, instead of "
                    "{wanted} from x {left:g}, y {top:g} on): strengths and grounds cannot be moved to other cells "
                    "without changing what they sum to. Bring it onto those cells first (Align rasters)."
                ).format(name=path.name, found=found, wanted=grid, **_corners(found, grid))
            )
    return align(layer, 1, grid, feedback)


def _corners(found: RasterGrid, wanted: RasterGrid) -> dict[str, float]:
    """The north-western corners of two grids, for a message."""
    (x, y), (left, top) = ((grid.geotransform[0], grid.geotransform[3]) for grid in (found, wanted))
    return {"x": x, "y": y, "left": left, "top": top}


def _require_well_formed(path: Path) -> None:
    """Refuse an ESRI grid in which there are words, or not as many numbers as its header says: GDAL reads on.

    Raises
    ------
    QgsProcessingException
        Says what is where.
    """
    data = _content(path)
    header = HEADER.match(data)
    sizes = dict(re.findall(rb"(ncols|nrows)\s+(\d+)\s", header[0].lower())) if header else {}
    if len(sizes) < 2:
        reason = tr("it does not begin with ncols and nrows")
        raise QgsProcessingException(_NO_RASTER.format(name=path.name, reason=reason))
    text = np.frombuffer(data, np.uint8)
    count, within = 0, False
    for start in range(header.end(), len(text), BYTES_AT_ONCE):
        part = text[start : start + BYTES_AT_ONCE]
        lower = part | 32
        for place in np.flatnonzero((lower >= ord("a")) & (lower <= ord("z")) & (lower != ord("e"))).tolist():
            _require_number(path, data, start + place)
        if (part == ord(",")).any():
            _require_number(path, data, start + int(np.argmax(part == ord(","))))
        is_word = part > ord(" ")
        count += int(np.count_nonzero(is_word[1:] & ~is_word[:-1])) + int(is_word[0] and not within)
        within = bool(is_word[-1])
    rows, columns = int(sizes[b"nrows"]), int(sizes[b"ncols"])
    if count != rows * columns:
        raise QgsProcessingException(
            tr("'{name}' holds {count:,} numbers, but its header says {rows} rows of {columns}.").format(
                name=path.name, count=count, rows=rows, columns=columns
            )
        )


def _require_number(path: Path, data: bytes, place: int) -> None:
    """Refuse what stands at a place, unless it is a number after all."""
    word = re.search(rb"\S*$", data[max(place - 60, 0) : place])[0] + re.match(rb"\S*", data[place : place + 60])[0]
    if word.lower().lstrip(b"+-") not in (b"nan", b"inf", b"infinity"):
        raise QgsProcessingException(
            tr("'{name}', line {line}: '{word}' is not a number.").format(
                name=path.name, line=data.count(b"\n", 0, place) + 1, word=word.decode("ascii", "replace")
            )
        )


def numbers_of(path: Path, columns: int, *, skip: int = 0) -> np.ndarray:
    """Read a list of numbers, float64 (rows, columns).

    Parameters
    ----------
    path
        Text; numbers are parted by spaces, tabs or commas.
    columns
        How many there must be.
    skip
        Lines to leave out at the top.

    Raises
    ------
    QgsProcessingException
        A line holds something else, or another number of columns.
    """
    rows = []
    for number, line in enumerate(lines_of(path)[skip:], skip + 1):
        words = line.replace(",", " ").split()
        if not words or words[0].startswith("#"):
            continue
        try:
            rows.append([float(word) for word in words[:columns]])
        except ValueError:
            rows.append([])
        if len(rows[-1]) != columns or np.isnan(rows[-1]).any():
            raise QgsProcessingException(
                tr("'{name}', line {number}: {columns} numbers were expected, not '{line}'.").format(
                    name=path.name, number=number, columns=columns, line=line.strip()[:60]
                )
            )
    if not rows:
        raise QgsProcessingException(tr("'{name}' holds no numbers.").format(name=path.name))
    return np.array(rows)


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text, packed or not."""
    return lines_of_text(_content(path))


def lines_of_text(data: bytes) -> list[str]:
    """Return the lines of a text in UTF-8, or in the encoding of western Windows, in which paths may be written."""
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").splitlines()


def whole(values: np.ndarray, valid: np.ndarray, name: str) -> np.ndarray:
    """Return values as whole numbers, 0 where they are not valid.

    Raises
    ------
    QgsProcessingException
        One is no whole number: which, and where, in the file of the name that is given.
    """
    wrong = valid & ~(np.isfinite(values) & (values == np.rint(values)))
    if wrong.any():
        raise QgsProcessingException(
            tr(
                "'{name}' must hold whole numbers, but {count:,} of its values are none, the first is {value:g} "
                "({place})."
            ).format(name=name, **first_of(wrong, values))
        )
    return np.where(valid, values, 0).astype(np.int64)


def first_of(wrong: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Return how many values are wrong, the first of them, and where that is, for a message."""
    first = tuple(np.argwhere(wrong)[0])
    row, column = first[0] + 1, first[-1] + 1
    place = tr("row {row}") if len(first) == 1 else tr("row {row}, column {column}")
    return {"count": int(wrong.sum()), "value": values[first], "place": place.format(row=row, column=column)}


def cells_at(places: np.ndarray, grid: RasterGrid, name: str) -> np.ndarray:
    """Return the cells (row, column) of places, as Circuitscape finds them, int64 (k, 2).

    Parameters
    ----------
    places
        (k, 2): x and y.
    grid
        The grid of the habitat.
    name
        Of the file, for messages.

    Raises
    ------
    QgsProcessingException
        Some lie outside: how many, and which is the first.
    """
    left, width, _, top, _, step_down = grid.geotransform
    bottom = top + grid.rows * step_down
    # A place on the line between two cells belongs to the one to its west, and to its north.
    rows = np.ceil(grid.rows - (places[:, 1] - bottom) / -step_down) - 1
    columns = np.ceil((places[:, 0] - left) / width) - 1
    outside = (rows < 0) | (rows >= grid.rows) | (columns < 0) | (columns >= grid.columns)
    if outside.any():
        first = int(np.argmax(outside))
        raise QgsProcessingException(
            tr("'{name}': {count} of {all} places lie outside the habitat, the first at x {x:g}, y {y:g}.").format(
                name=name, count=int(outside.sum()), all=len(places), x=places[first, 0], y=places[first, 1]
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
