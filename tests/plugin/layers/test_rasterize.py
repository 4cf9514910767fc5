"""Cells of polygons and lines are the same whether they are rasterized as a whole or in blocks of rows."""

import tracemalloc

import numpy as np
import pytest
from qgis.core import QgsGeometry, QgsPointXY

from permea.plugin.layers.features.rasterize import cells_inside

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30
SHAPE = (40, 50)


def points(cells):
    """Return points from rows and columns, which may lie between cells and outside the raster."""
    return [QgsPointXY(WEST + column * PIXEL, NORTH - row * PIXEL) for row, column in cells]


def star(seed, corners=9):
    numbers = np.random.default_rng(seed)
    angles, radii = np.sort(numbers.uniform(0, 2 * np.pi, corners)), numbers.uniform(3, 30, corners)
    return QgsGeometry.fromPolygonXY(
        [points(zip(20 + radii * np.sin(angles), 25 + radii * np.cos(angles), strict=True))]
    )


def zigzag(seed, corners=9):
    return QgsGeometry.fromPolylineXY(points(np.random.default_rng(seed).uniform((-5, -5), (45, 55), (corners, 2))))


def steps(line):
    """Polygons and lines along boundaries and through centres of cells."""
    corners = [(3, 3), (3, 20.5), (11.5, 20.5), (11.5, 41), (28, 41), (28, 3), (3, 3)]
    return QgsGeometry.fromPolylineXY(points(corners)) if line else QgsGeometry.fromPolygonXY([points(corners)])


GEOMETRIES = [*map(star, range(8)), *map(zigzag, range(8)), steps(False), steps(True)]


@pytest.mark.parametrize("cells", [1, 70, 333])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_cells_do_not_depend_on_the_blocks(grid, geometry, cells):
    whole = cells_inside(geometry, grid(*SHAPE))
    in_blocks = cells_inside(geometry, grid(*SHAPE), cells_per_block=cells)
    assert len(whole) and list(in_blocks) == list(whole)


def test_polygon_across_a_large_raster_takes_memory_for_its_cells_only(grid):
    side = 6000
    strip = QgsGeometry.fromPolygonXY([points([(0, 0), (0, 9), (side, side), (side, side - 9), (0, 0)])])
    tracemalloc.start()
    try:
        cells = cells_inside(strip, grid(side, side))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cells) == pytest.approx(9 * side, rel=0.01)
    assert peak < side**2 / 2  # the whole bounding box takes two bytes per cell
