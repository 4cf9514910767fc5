"""Grid of a raster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem

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

    def __str__(self) -> str:
        height, width = self.pixel_size
        return tr("{rows} × {columns} cells of {height:g} × {width:g}, {crs}").format(
            rows=self.rows,
            columns=self.columns,
            height=height,
            width=width,
            crs=self.crs.authid() or self.crs.description() or tr("no CRS"),
        )
