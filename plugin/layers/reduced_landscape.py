"""Landscapes to look at: read block by block, at a resolution of at most a given number of cells, and painted."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..temporary_folder import temporary_folder
from .bands import Band, blocks_of, open_band
from .computed_raster import ComputedRaster
from .outputs import write_raster
from .raster_grid import RasterGrid
from .streaming import write_rows
from .validation import LandscapeValidator


@dataclass(frozen=True, eq=False)
class ReducedLandscape:
    """A landscape whose cells are k × k cells of the layer.

    Parameters
    ----------
    values
        float64 (rows, columns), in the quantity of the layer; meaningless where `valid` is False. Larger cells have
        the mean permeability of their cells, those without data counted as barriers.
    valid
        bool (rows, columns): False where all cells are nodata or barriers.
    grid
        Grid of the layer itself.
    factor
        k; 1 if the layer is small enough.
    """

    values: np.ndarray
    valid: np.ndarray
    grid: RasterGrid
    factor: int

    def quantile(self, fraction: float) -> float:
        """Return the value below which a fraction of the passable cells lies."""
        return float(np.quantile(self.values[self.valid], fraction))

    def spread_cells(self, count: int) -> np.ndarray:
        """Return about `count` passable cells, spread evenly: int (k, 2), rows and columns."""
        rows, columns = self.valid.shape
        step = max(1, round(math.sqrt(np.count_nonzero(self.valid) / count)))
        lattice = np.zeros_like(self.valid)
        lattice[min(step // 2, rows - 1) :: step, min(step // 2, columns - 1) :: step] = True
        cells = np.argwhere(lattice & self.valid)
        return cells if cells.size else np.argwhere(self.valid)[:count]


def reduction_factor(rows: int, columns: int, max_cells: int) -> int:
    """Return the smallest k such that k × k cells make at most `max_cells` larger ones."""
    factor = max(1, math.isqrt(rows * columns // max_cells))
    while -(-rows // factor) * -(-columns // factor) > max_cells:
        factor += 1
    return factor


def read_reduced(band: Band, quantity: str, max_cells: int, feedback: QgsProcessingFeedback) -> ReducedLandscape:
    """Read a landscape.

    Parameters
    ----------
    band
        Band opened by `open_band`.
    quantity
        ``"permeability"`` or ``"resistance"``.
    max_cells
        Most cells of the result.
    feedback
        Receives progress; can cancel.

    Raises
    ------
    QgsProcessingException
        As `open_band`, `blocks_of` and `LandscapeValidator`.
    Cancelled
        If the user cancelled.
    """
    rows, columns = band.grid.rows, band.grid.columns
    factor = reduction_factor(rows, columns, max_cells)
    shape = (-(-rows // factor), -(-columns // factor))
    sums = np.zeros(shape)
    validator = LandscapeValidator(band.name, quantity)
    for block in blocks_of(band, feedback):
        validator.add(block.values, block.valid, block.first_row)
        permeability = _permeability(block.values, block.valid, quantity)
        across = np.add.reduceat(permeability, np.arange(0, columns, factor), axis=1)
        np.add.at(sums, (block.first_row + np.arange(len(across))) // factor, across)
    validator.require_valid()
    height = np.minimum(rows - factor * np.arange(shape[0]), factor)
    width = np.minimum(columns - factor * np.arange(shape[1]), factor)
    mean = sums / (height[:, None] * width)
    passable = mean > 0
    safe = np.where(passable, mean, 1.0)
    values = np.where(passable, safe if quantity == "permeability" else 1 / safe, np.nan)
    return ReducedLandscape(values, passable, band.grid, factor)


def _permeability(values: np.ndarray, valid: np.ndarray, quantity: str) -> np.ndarray:
    positive = valid & (values > 0) & np.isfinite(values)
    safe = np.where(positive, values, 1.0)
    return np.where(positive, safe if quantity == "permeability" else 1 / safe, 0.0)


def write_painted(
    path: str, layer: QgsRasterLayer, band: int, painted: np.ndarray, factor: int, feedback: QgsProcessingFeedback
) -> None:
    """Write a raster layer with painted cells to a new GeoTIFF.

    Parameters
    ----------
    path
        The new file.
    layer, band
        The landscape; it is not changed.
    painted
        New value of each cell of a `ReducedLandscape`: 0 for a barrier, which becomes nodata; NaN where the cell is
        not painted.
    factor
        That of the `ReducedLandscape`.
    feedback
        Receives progress; can cancel.

    Raises
    ------
    QgsProcessingException
        The layer cannot be read, or the file cannot be written.
    """
    source = open_band(layer, band)
    grid = source.grid
    enlarged = _Enlarged(painted, factor, (grid.rows, grid.columns))
    if painted.shape[0] * factor < grid.rows or painted.shape[1] * factor < grid.columns:
        text = tr("'{layer}' has another size than the landscape that was painted. Choose it again in the explorer.")
        raise QgsProcessingException(text.format(layer=source.name))
    with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
        blocks = (block.values for block in blocks_of(source, feedback))
        values = write_rows(blocks, Path(folder) / "landscape.npy", enlarged.shape, np.float64)
        write_raster(path, ComputedRaster(_painted, values, enlarged, dtype=np.float64), grid, feedback=feedback)


class _Enlarged:
    """An array of which each cell stands for k × k cells of a raster; indexing gives rows of the raster."""

    def __init__(self, array: np.ndarray, factor: int, shape: tuple[int, int]) -> None:
        self._array, self._factor, self.shape = array, factor, shape

    def __getitem__(self, rows: slice) -> np.ndarray:
        of_row = np.arange(*rows.indices(self.shape[0])) // self._factor
        return self._array[of_row].repeat(self._factor, 1)[:, : self.shape[1]]


def _painted(values: np.ndarray, new: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(new), np.where(new > 0, new, np.nan), values)
