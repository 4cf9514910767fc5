"""Reading of raster layers, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ...cancelled import stop_if_cancelled
from ...i18n import tr
from ..raster_grid import Raster, RasterGrid
from .far_values import FarValues
from .gdal_band import GdalBand
from .orientation import north_up
from .provider_band import ProviderBand

# Small enough to cancel promptly, large enough that the overhead per call is negligible.
CELLS_PER_BLOCK = 1 << 20

# Larger blocks of a file are read in parts: some files are stored as a single block.
MAX_CELLS_PER_BLOCK = 4 * CELLS_PER_BLOCK

# Larger coordinates are wrong in any unit, and areas of cells would overflow.
MAX_COORDINATE = 1e100


class Band(Protocol):
    """An open raster band."""

    name: str
    grid: RasterGrid
    block_rows: int
    # Data type of the stored values, None if they are computed; and the scale and offset of the band.
    stored_type: np.dtype | None
    scaling: tuple[float, float]

    @property
    def notes(self) -> list[str]:
        """What the user must know about the rows read until now."""

    def read(self, first_row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Read values (float64) and mask (bool) of a block of rows."""


class Block(NamedTuple):
    """A block of full rows of a raster.

    Attributes
    ----------
    first_row
        Row of the raster at which the block begins.
    values
        float64; NaN where `valid` is False.
    valid
        bool; False where nodata.
    """

    first_row: int
    values: np.ndarray
    valid: np.ndarray


def open_band(layer: QgsRasterLayer, band: int) -> Band:
    """Open one band for reading.

    Layers that GDAL can open are read through GDAL, in the precision of the file; others through their data provider.

    Parameters
    ----------
    layer
        Raster layer.
    band
        Band number, from 1.

    Raises
    ------
    QgsProcessingException
        If the layer cannot be read, its file was replaced since it was loaded, the band does not exist or does not
        hold real numbers, its cells have no size, or the raster is rotated (the message says how to rectify it).
    """
    if layer is None or not layer.isValid() or layer.dataProvider() is None:
        name = layer.name() if layer is not None else ""
        raise QgsProcessingException(
            tr("The raster layer '{layer}' cannot be opened. Does its file still exist?").format(layer=name)
        )
    if not 1 <= band <= layer.bandCount():
        raise QgsProcessingException(
            tr("'{layer}' has no band {band}: its bands are numbered from 1 to {count}.").format(
                layer=layer.name(), band=band, count=layer.bandCount()
            )
        )
    opened = north_up(GdalBand.of(layer, band) or ProviderBand(layer, band))
    _require_cells(opened.name, opened.grid)
    return opened


def blocks_of(band: Band, feedback: QgsProcessingFeedback, *, measured: bool = True) -> Iterator[Block]:
    """Read a band from top to bottom, a block of whole rows at a time.

    Parameters
    ----------
    band
        Band opened by `open_band`.
    feedback
        Receives progress, and warnings about cells that were taken as nodata and about values far outside the rest;
        can cancel.
    measured
        Whether the values are quantities, or ids, of which one far outside the rest is probably missing data.

    Raises
    ------
    QgsProcessingException
        If the file is damaged or missing.
    Cancelled
        If the user cancelled.
    """
    rows, step = band.grid.rows, _rows_per_read(band)
    far_values = FarValues(band.name, band.stored_type, band.scaling)
    for first in range(0, rows, step):
        stop_if_cancelled(feedback)
        values, valid = band.read(first, min(step, rows - first))
        values[~valid] = np.nan
        if measured:
            far_values.add(values, valid)
        yield Block(first, values, valid)
        feedback.setProgress(100 * (first + len(values)) / rows)
    for note in band.notes:
        feedback.pushWarning(note)
    far_values.warn(feedback)


def read_raster(layer: QgsRasterLayer, band: int, feedback: QgsProcessingFeedback) -> Raster:
    """Read one band into memory as float64, in blocks, with progress.

    Parameters
    ----------
    layer
        Raster layer.
    band
        Band number, from 1.
    feedback
        Receives progress; can cancel.

    Raises
    ------
    QgsProcessingException
        As `open_band` and `blocks_of`; or if the raster does not fit in memory.
    Cancelled
        If the user cancelled.
    """
    source = open_band(layer, band)
    return collected(source.name, source.grid, blocks_of(source, feedback))


def collected(name: str, grid: RasterGrid, blocks: Iterable[Block]) -> Raster:
    """Assemble the blocks of a raster in memory."""
    values = _allocate(name, (grid.rows, grid.columns), np.float64)
    valid = _allocate(name, (grid.rows, grid.columns), bool)
    for block in blocks:
        rows = slice(block.first_row, block.first_row + len(block.values))
        values[rows], valid[rows] = block.values, block.valid
    return Raster(name, values, valid, grid)


def _require_cells(name: str, grid: RasterGrid) -> None:
    """Raise an error if the coordinates of neighbouring cells are not numbers that differ."""
    (left, top), (right, bottom) = grid.corners()
    height, width = grid.pixel_size
    largest = np.abs([left, top, right, bottom]).max()
    if np.isfinite(largest) and largest <= MAX_COORDINATE and min(height, width) > 16 * np.spacing(largest):
        return
    text = tr(
        "'{layer}': its cells are {width:g} wide and {height:g} high, and its north-west corner lies at x {x:g}, y "
        "{y:g}: with such coordinates its cells cannot be told apart. Correct its georeference."
    )
    raise QgsProcessingException(text.format(layer=name, width=width, height=height, x=left, y=top))


def _rows_per_read(band: Band) -> int:
    columns = band.grid.columns
    if columns * band.block_rows > MAX_CELLS_PER_BLOCK:
        return max(1, CELLS_PER_BLOCK // columns)
    return max(1, CELLS_PER_BLOCK // (columns * band.block_rows)) * band.block_rows


def _allocate(name: str, shape: tuple[int, int], dtype: type) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        raise QgsProcessingException(
            tr("'{layer}' ({rows} × {columns} cells) does not fit in memory. Clip it or use larger cells.").format(
                layer=name, rows=shape[0], columns=shape[1]
            )
        ) from error
