"""Grid of a raster, and a raster in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingFeedback, QgsUnitTypes

from ..i18n import tr

# Two grids coincide if their corners differ by at most this fraction of a pixel: far more than rounding errors in file
# headers, and far too little to matter for any cell.
SAME_GRID_TOLERANCE = 1e-3


@dataclass(frozen=True)
class RasterGrid:
    """Grid of a raster: size, geotransform, CRS and nodata value.

    Parameters
    ----------
    rows, columns
        Number of rows and columns.
    geotransform
        GDAL's six numbers, in map units: x of the left edge, pixel width, 0, y of the top edge, 0, −pixel height.
        North is up: the last number is negative.
    crs
        Coordinate reference system; invalid if the layer has none.
    nodata
        Nodata value of the file, or None.
    """

    rows: int
    columns: int
    geotransform: tuple[float, float, float, float, float, float]
    crs: QgsCoordinateReferenceSystem
    nodata: float | None

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Height and width of a pixel in map units, both positive."""
        return abs(self.geotransform[5]), abs(self.geotransform[1])

    def same_grid_as(self, other: RasterGrid) -> bool:
        """Return whether two grids coincide in size, corners and CRS; nodata is ignored.

        A grid without a CRS is assumed to have the CRS of the other.
        """
        if (self.rows, self.columns) != (other.rows, other.columns):
            return False
        if self.crs.isValid() and other.crs.isValid() and self.crs != other.crs:
            return False
        height, width = self.pixel_size
        difference = np.abs(np.subtract(self.corners(), other.corners()))
        return bool((difference <= SAME_GRID_TOLERANCE * np.array([width, height])).all())

    def corners(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the upper left and the lower right corner, each (x, y) in map units."""
        left, width, _, top, _, step_down = self.geotransform
        return (left, top), (left + self.columns * width, top + self.rows * step_down)

    def centres(self, cells: np.ndarray) -> np.ndarray:
        """Return the centres of cells, float64 (k, 2): x and y in map units.

        Parameters
        ----------
        cells
            (k, 2): row and column, counted from 0.
        """
        left, width, _, top, _, step_down = self.geotransform
        centres = np.asarray(cells, float).reshape(-1, 2) + 0.5
        return np.stack([left + width * centres[:, 1], top + step_down * centres[:, 0]], axis=1)

    @property
    def unit(self) -> str:
        """Unit of lengths, such as m; "map units" if the coordinate reference system is not known."""
        return QgsUnitTypes.toAbbreviatedString(self.crs.mapUnits()) if self.crs.isValid() else tr("map units")

    def __str__(self) -> str:
        height, width = self.pixel_size
        return tr("{rows} × {columns} cells of {height:g} × {width:g} {unit}, {crs}").format(
            rows=self.rows,
            columns=self.columns,
            height=height,
            width=width,
            unit=self.unit,
            crs=self.crs.authid() or self.crs.description() or tr("no CRS"),
        )


@dataclass(frozen=True, eq=False)
class Raster:
    """One band of a raster layer in memory.

    Parameters
    ----------
    name
        Name of the layer, for messages.
    values
        float64 (rows, columns), scale and offset applied. NaN where `valid` is False.
    valid
        bool (rows, columns): False where nodata.
    grid
        Grid of the raster.
    lost_labels
        Labels that were lost in resampling, and why; empty if none.
    """

    name: str
    values: np.ndarray
    valid: np.ndarray
    grid: RasterGrid
    lost_labels: str = ""

    @property
    def valid_cells(self) -> int:
        """Number of valid cells."""
        return int(np.count_nonzero(self.valid))

    def blocks(self, feedback: QgsProcessingFeedback | None = None) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield all rows as a single block: its first row, its values and its valid cells."""
        yield 0, self.values, self.valid
