"""The files that a project names: rasters, lists of numbers, pairs."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..layers import Frame, Raster, align, open_band, read_raster
from ..translation import tr

#: Marks missing values in Circuitscape whatever a file says.
NODATA = -9999.0


def is_raster(path: Path) -> bool:
    """Tell whether a file is a raster rather than a list of numbers."""
    return ".tif" in path.name.lower() or _content(path)[:5].lower() == b"ncols"


def raster_of(
    path: Path, feedback: QgsProcessingFeedback, frame: Frame | None = None, *, exact: bool = False
) -> Raster:
    """Read a raster, packed or not.

    Parameters
    ----------
    path
        An ESRI ASCII grid or a GeoTIFF; may end in `.gz`.
    feedback
        Hears what was done.
    frame
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
    try:
        layer = QgsRasterLayer(f"{packed}{path}{option}", path.name)
        raster = _on_frame(layer, path, feedback, frame, exact)
    finally:
        gdal.SetThreadLocalConfigOption("CPL_VSIL_GZIP_WRITE_PROPERTIES", None)
    valid = raster.valid & (raster.values != NODATA)
    return Raster(raster.name, np.where(valid, raster.values, np.nan), valid, raster.frame)


def _on_frame(
    layer: QgsRasterLayer, path: Path, feedback: QgsProcessingFeedback, frame: Frame | None, exact: bool
) -> Raster:
    if frame is None:
        return read_raster(layer, 1, feedback)
    if exact:
        found = open_band(layer, 1).frame
        if not found.same_grid_as(frame):
            raise QgsProcessingException(
                tr(
                    "'{name}' does not lie on the cells of the habitat ({found} instead of {wanted}, or elsewhere): "
                    "strengths and grounds cannot be moved to other cells without changing what they sum to. Bring "
                    "it onto those cells first (Align rasters)."
                ).format(name=path.name, found=found, wanted=frame)
            )
    return align(layer, 1, frame, feedback)


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
        if len(rows[-1]) != columns:
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


def cells_at(places: np.ndarray, frame: Frame, name: str) -> np.ndarray:
    """Return the cells (row, column) of places, as Circuitscape finds them, int64 (k, 2).

    Parameters
    ----------
    places
        (k, 2): x and y.
    frame
        The grid of the habitat.
    name
        Of the file, for messages.

    Raises
    ------
    QgsProcessingException
        Some lie outside: how many, and which is the first.
    """
    left, width, _, top, _, step_down = frame.geotransform
    bottom = top + frame.rows * step_down
    # A place on the line between two cells belongs to the one to its west, and to its north.
    rows = np.ceil(frame.rows - (places[:, 1] - bottom) / -step_down) - 1
    columns = np.ceil((places[:, 0] - left) / width) - 1
    outside = (rows < 0) | (rows >= frame.rows) | (columns < 0) | (columns >= frame.columns)
    if outside.any():
        first = int(np.argmax(outside))
        raise QgsProcessingException(
            tr("'{name}': {count} of {all} places lie outside the habitat, the first at x {x:g}, y {y:g}.").format(
                name=name, count=int(outside.sum()), all=len(places), x=places[first, 0], y=places[first, 1]
            )
        )
    return np.stack([rows, columns], axis=1).astype(np.int64)


@dataclass(frozen=True)
class Pairs:
    """Which pairs of focal nodes a file of pairs lists.

    Parameters
    ----------
    listed
        Pairs of ids, both ways round.
    mentioned
        All ids that occur.
    include
        Whether the listed ones alone count, rather than all others.
    """

    listed: set[tuple[int, int]]
    mentioned: set[int]
    include: bool


def pairs_of(path: Path) -> Pairs:
    """Read a file of pairs: a list headed `mode include` or `mode exclude`, or a matrix headed by `min` and `max`.

    Raises
    ------
    QgsProcessingException
        It is neither.
    """
    lines = [line.replace(",", " ") for line in lines_of(path) if line.strip()]
    try:
        word, value = lines[0].split()[:2]
        if word.lower() == "mode" and value.lower() in ("include", "exclude"):
            listed = {(int(float(one)), int(float(other))) for one, other in (line.split()[:2] for line in lines[1:])}
            listed |= {(other, one) for one, other in listed}
            mentioned = {identity for pair in listed for identity in pair}
            return Pairs(listed, mentioned, value.lower() == "include")
        if word.lower() == "min" and lines[1].split()[0].lower() == "max":
            least, most = float(value), float(lines[1].split()[1])
            table = np.array([[float(word) for word in line.split()] for line in lines[2:]])
            ids = table[0, 1:].astype(int)
            within = (table[1:, 1:] >= least) & (table[1:, 1:] <= most)
            rows, columns = np.nonzero(within | within.T)
            return Pairs({(int(ids[i]), int(ids[j])) for i, j in zip(rows, columns)}, set(ids.tolist()), True)
    except (ValueError, IndexError) as error:
        reason = str(error)
    else:
        reason = tr("its first line is '{line}'").format(line=lines[0][:60])
    raise QgsProcessingException(
        tr(
            "'{name}' is no file of pairs ({reason}): it must begin with 'mode include', 'mode exclude', or with "
            "a line 'min' and a line 'max' above a matrix."
        ).format(name=path.name, reason=reason)
    )


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix.lower() == ".gz" else data
    except (OSError, EOFError) as error:
        raise QgsProcessingException(
            tr("'{name}' cannot be read: {reason}").format(name=path.name, reason=error)
        ) from error
