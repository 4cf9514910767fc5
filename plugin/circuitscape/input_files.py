"""Input rasters of a Circuitscape project, and the cells of points on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import (
    ASCII_GRID_HEADER,
    ASCII_GRID_HEADER_BYTES,
    AlignedBand,
    RasterGrid,
    describe_difference,
    offset_in_cells,
    open_band,
    write_rows,
)
from ..npy_file import NpyFile
from ..runner import require_disk_space, require_memory_for_landscape
from .raster_layers import NODATA, raster_layer
from .streams import read_head
from .text_files import without_mark

#: Bytes on disk for each cell of the habitat: its values as read and as conductance, the passable cells, and a result.
BYTES_ON_DISK = 25

#: First row, values (float64) and valid cells (bool) of a block of rows.
Block = tuple[int, np.ndarray, np.ndarray]

#: A raster of the habitat's size whose corners differ by less than this fraction of a cell has the same cells: headers
#: are often rounded.
SAME_CELL = 0.5


def is_raster(path: Path) -> bool:
    """Return whether a file is a raster rather than a table of numbers."""
    return (
        ".tif" in path.name.lower()
        or ASCII_GRID_HEADER.match(without_mark(read_head(path, ASCII_GRID_HEADER_BYTES))) is not None
    )


@dataclass(frozen=True, eq=False)
class InputRaster:
    """A raster of a project on disk.

    Parameters
    ----------
    name
        Name of the file, for messages.
    values
        float64 (rows, columns); NaN where nodata.
    grid
        Grid of the raster.
    """

    name: str
    values: NpyFile
    grid: RasterGrid


def read_input_raster(
    path: Path, target: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None = None, *, exact: bool = False
) -> InputRaster:
    """Copy a raster, which may be compressed, to an `.npy` file, block by block.

    Parameters
    ----------
    path, feedback, grid, exact
        As for `input_blocks`.
    target
        Output file.

    Raises
    ------
    QgsProcessingException
        As `input_blocks`; or if the disk is full.
    """
    with input_blocks(path, target.parent, feedback, grid, exact=exact) as (name, grid, blocks):
        known = (np.where(valid, values, np.nan) for _, values, valid in blocks)
        return InputRaster(name, write_rows(known, target, (grid.rows, grid.columns), np.float64), grid)


@contextmanager
def input_blocks(
    path: Path, folder: Path, feedback: QgsProcessingFeedback, grid: RasterGrid | None = None, *, exact: bool = False
) -> Iterator[tuple[str, RasterGrid, Iterator[Block]]]:
    """Open a raster, which may be compressed, and yield its name, its grid and its blocks.

    Parameters
    ----------
    path
        An ESRI ASCII grid or a GeoTIFF; may end in `.gz`.
    folder
        Folder for the temporary copy of a raster that must be resampled.
    feedback
        Receives progress and a warning if the raster is resampled.
    grid
        Grid of the habitat, to which the raster is aligned; None for the habitat itself.
    exact
        Whether the raster must already be on that grid.

    Raises
    ------
    QgsProcessingException
        If the file cannot be read, or `exact` and the raster is not on the grid.
    """
    with raster_layer(path, feedback, is_habitat=grid is None) as layer:
        source, grid = _on_grid(layer, path, folder, feedback, grid, exact)
        # In GeoTIFFs, too, Circuitscape treats it as nodata whatever the file declares.
        blocks = ((first, values, valid & (values != NODATA)) for first, values, valid in source.blocks(feedback))
        yield source.name, grid, blocks


def _on_grid(
    layer: QgsRasterLayer,
    path: Path,
    folder: Path,
    feedback: QgsProcessingFeedback,
    grid: RasterGrid | None,
    exact: bool,
) -> tuple[AlignedBand, RasterGrid]:
    band = open_band(layer, 1)
    if grid is None:
        require_memory_for_landscape(layer)
        require_disk_space(band.grid.rows * band.grid.columns * BYTES_ON_DISK)
        return AlignedBand(band, band.grid, folder), band.grid
    if warn_if_header_is_rounded(path.name, band.grid, grid, feedback):
        # As Circuitscape reads it, and as the nearest cell would.
        return AlignedBand(band, band.grid, folder), grid
    if exact and not band.grid.same_grid_as(grid):
        raise QgsProcessingException(
            tr(
                "'{name}' is not on the grid of the habitat: {difference}. Resampling would change the sum of source "
                "strengths or grounds. Align it to the habitat first (Align rasters)."
            ).format(name=path.name, difference=describe_difference(band.grid, grid))
        )
    return AlignedBand(band, grid, folder, labels=not exact), grid


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
            tr(
                "'{name}': {count} of {all:# point|# points} {count:lies|lie} outside the habitat; the first is at x "
                "{x:g}, y {y:g}."
            ).format(
                name=name,
                count=int(outside.sum()),
                all=len(coordinates),
                x=coordinates[first, 0],
                y=coordinates[first, 1],
            )
        )
    return np.stack([rows, columns], axis=1).astype(np.int64)
