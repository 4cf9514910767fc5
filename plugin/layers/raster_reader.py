"""Read one band of any raster layer that QGIS opens, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from .gdal_band import GdalBand
from .provider_band import ProviderBand
from .raster_grid import Raster, RasterGrid

# Small enough that a cancel is noticed soon, large enough that a call costs nothing beside the reading.
CELLS_PER_BLOCK = 1 << 20

# A file stored in blocks larger than this is read in parts of them: some are stored as one block.
MOST_CELLS_PER_BLOCK = 4 * CELLS_PER_BLOCK


class Band(Protocol):
    """A band that has been opened."""

    name: str
    grid: RasterGrid
    block_rows: int

    def read(self, first_row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Values, float64, and mask, bool, of some rows."""


class Block(NamedTuple):
    """Some rows of a raster, all of their columns.

    Attributes
    ----------
    first_row
        Which row of the raster the first one is.
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

    What GDAL opens is read through GDAL, in the precision of the file; everything else through the layer's data
    provider.

    Parameters
    ----------
    layer
        Any raster layer that QGIS opens.
    band
        Counted from 1.

    Raises
    ------
    QgsProcessingException
        The layer cannot be read, the band does not exist or holds no real numbers, or the raster is rotated or
        south-up (the message says how to straighten it).
    """
    if layer is None or not layer.isValid() or layer.dataProvider() is None:
        name = layer.name() if layer is not None else ""
        raise QgsProcessingException(
            tr("The raster layer '{layer}' cannot be opened. Is its file still there?").format(layer=name)
        )
    if not 1 <= band <= layer.bandCount():
        raise QgsProcessingException(
            tr("'{layer}' has no band {band}: its bands are numbered from 1 to {count}.").format(
                layer=layer.name(), band=band, count=layer.bandCount()
            )
        )
    return GdalBand.of(layer, band) or ProviderBand(layer, band)


def blocks_of(band: Band, feedback: QgsProcessingFeedback) -> Iterator[Block]:
    """Read a band from top to bottom, a block of whole rows at a time.

    Parameters
    ----------
    band
        What `open_band` returned.
    feedback
        Hears about progress, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        The file is damaged or no longer there.
    Cancelled
        The user cancelled.
    """
    rows, step = band.grid.rows, _rows_at_a_time(band)
    for first in range(0, rows, step):
        stop_if_cancelled(feedback)
        values, valid = band.read(first, min(step, rows - first))
        values[~valid] = np.nan
        yield Block(first, values, valid)
        feedback.setProgress(100 * (first + len(values)) / rows)


def read_raster(layer: QgsRasterLayer, band: int, feedback: QgsProcessingFeedback) -> Raster:
    """Read one band into memory as float64, in blocks, with progress.

    Parameters
    ----------
    layer
        Any raster layer that QGIS opens.
    band
        Counted from 1.
    feedback
        Hears about progress, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        As `open_band` and `blocks_of`; or the raster does not fit into memory.
    Cancelled
        The user cancelled.
    """
    source = open_band(layer, band)
    return collected(source.name, source.grid, blocks_of(source, feedback))


def collected(name: str, grid: RasterGrid, blocks: Iterable[Block]) -> Raster:
    """Put the blocks of a raster together, in memory."""
    values = _allocate(name, (grid.rows, grid.columns), np.float64)
    valid = _allocate(name, (grid.rows, grid.columns), bool)
    for block in blocks:
        rows = slice(block.first_row, block.first_row + len(block.values))
        values[rows], valid[rows] = block.values, block.valid
    return Raster(name, values, valid, grid)


def _rows_at_a_time(band: Band) -> int:
    columns = band.grid.columns
    if columns * band.block_rows > MOST_CELLS_PER_BLOCK:
        return max(1, CELLS_PER_BLOCK // columns)
    return max(1, CELLS_PER_BLOCK // (columns * band.block_rows)) * band.block_rows


def _allocate(name: str, shape: tuple[int, int], dtype: type) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        raise QgsProcessingException(
            tr("'{layer}' ({rows} × {columns} cells) does not fit into memory. Clip it or use coarser cells.").format(
                layer=name, rows=shape[0], columns=shape[1]
            )
        ) from error
