"""The grid that a raster lies on, and a raster as the rest of the plugin sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem

from ..i18n import tr

# Two grids are the same when none of their corners is further apart than this part of a pixel:
# far below anything that moves a cell, far above what rounding in file headers does.
SAME_GRID_TOLERANCE = 1e-3


@dataclass(frozen=True)
class RasterGrid:
    """Where the cells of a raster are: size, geotransform, CRS, and the value that marks nodata.

    Parameters
    ----------
    rows, columns
        Number of cells.
    geotransform
        GDAL's six numbers, in map units: x of the left edge, pixel width, 0, y of the top edge, 0, −pixel height.
        North is up: the fifth step is negative.
    crs
        Coordinate reference system; may be invalid where the layer has none.
    nodata
        The value that stands for nodata in the file, or None where there is none.
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
        """Whether the cells of the two grids coincide: size, corners and CRS; nodata does not matter.

        A grid without a CRS is assumed to have the CRS of the other.
        """
        if (self.rows, self.columns) != (other.rows, other.columns):
            return False
        if self.crs.isValid() and other.crs.isValid() and self.crs != other.crs:
            return False
        height, width = self.pixel_size
        apart = np.abs(np.subtract(self.corners(), other.corners()))
        return bool((apart <= SAME_GRID_TOLERANCE * np.array([width, height])).all())

    def corners(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The upper left and the lower right corner, (x, y) each, in map units."""
        left, width, _, top, _, step_down = self.geotransform
        return (left, top), (left + self.columns * width, top + self.rows * step_down)

    def centres(self, cells: np.ndarray) -> np.ndarray:
        """The centres of cells, float64 (k, 2): x and y in map units.

        Parameters
        ----------
        cells
            (k, 2): row and column, counted from 0.
        """
        left, width, _, top, _, step_down = self.geotransform
        middles = np.asarray(cells, float).reshape(-1, 2) + 0.5
        return np.stack([left + width * middles[:, 1], top + step_down * middles[:, 0]], axis=1)

    def __str__(self) -> str:
        height, width = self.pixel_size
        return tr("{rows} × {columns} cells of {height:g} × {width:g}, {crs}").format(
            rows=self.rows,
            columns=self.columns,
            height=height,
            width=width,
            crs=self.crs.authid() or self.crs.description() or tr("no CRS"),
        )


@dataclass(frozen=True, eq=False)
class Raster:
    """One band of a raster layer, read.

    Parameters
    ----------
    name
        The layer's name, for messages.
    values
        float64 (rows, columns), scale and offset applied. NaN where `valid` is False.
    valid
        bool (rows, columns): False where nodata.
    grid
        The grid.
    """

    name: str
    values: np.ndarray
    valid: np.ndarray
    grid: RasterGrid

    @property
    def valid_cells(self) -> int:
        """How many cells hold data."""
        return int(np.count_nonzero(self.valid))
