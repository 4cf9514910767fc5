"""Input rasters of a Circuitscape project, and the cells of points on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import (
    ASCII_GRID_HEADER,
    ASCII_GRID_HEADER_BYTES,
    Raster,
    RasterGrid,
    align,
    describe_difference,
    offset_in_cells,
    open_band,
    read_raster,
)
from ..runner import require_memory_for_landscape
from .raster_layers import NODATA, raster_layer
from .streams import read_head
from .text_files import without_mark

#: Whole numbers above are not all represented in double precision.
LARGEST_INTEGER = 2.0**53

#: A raster of the habitat's size whose corners differ by less than this fraction of a cell has the same cells: headers
#: are often rounded.
SAME_CELL = 0.5


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
    with raster_layer(path, feedback) as layer:
        raster = _on_grid(layer, path, feedback, grid, exact)
    # In GeoTIFFs, too, Circuitscape treats it as nodata whatever the file declares.
    valid = raster.valid & (raster.values != NODATA)
    return Raster(raster.name, np.where(valid, raster.values, np.nan), valid, raster.grid)


def _on_grid(
    layer: QgsRasterLayer, path: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None, exact: bool
) -> Raster:
    if grid is None:
        require_memory_for_landscape(layer)
        return read_raster(layer, 1, feedback)
    raster_grid = open_band(layer, 1).grid
    if warn_if_header_is_rounded(path.name, raster_grid, grid, feedback):
        # As Circuitscape reads it, and as the nearest cell would.
        raster = read_raster(layer, 1, feedback)
        return Raster(raster.name, raster.values, raster.valid, grid)
    is_same = raster_grid.same_grid_as(grid)
    if exact and not is_same:
        raise QgsProcessingException(
            tr(
                "'{name}' is not on the grid of the habitat: {difference}. Resampling would change the sum of source "
                "strengths or grounds. Align it to the habitat first (Align rasters)."
            ).format(name=path.name, difference=describe_difference(raster_grid, grid))
        )
    return align(layer, 1, grid, feedback, labels=not exact)


def warn_if_header_is_rounded(name: str, raster: RasterGrid, grid: RasterGrid, feedback: QgsProcessingFeedback) -> bool:
    """Return whether a raster has the cells of a grid although its header gives slightly others; warn if so."""
    offset = offset_in_cells(raster, grid)
    if raster.same_grid_as(grid) or offset is None or offset >= SAME_CELL:
        return False
    feedback.pushWarning(
        tr(
            "'{name}': its header differs from that of the habitat by up to {offset:.3g} of a cell: {difference}. "
            "It is read cell by cell."
        ).format(name=name, offset=offset, difference=describe_difference(raster, grid))
    )
    return True


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
                "'{name}' must hold whole numbers, but {count:,} of its values are not; the first is {value!s} "
                "({position})."
            ).format(name=name, **describe_first(invalid, values))
        )
    too_large = valid & (np.abs(values) > LARGEST_INTEGER)
    if too_large.any():
        raise QgsProcessingException(
            tr("'{name}': {count:,} numbers are too large to be exact; the first is {value!s} ({position}).").format(
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
