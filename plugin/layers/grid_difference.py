"""In what two raster grids differ, for decisions and messages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..i18n import tr
from .raster_grid import RasterGrid

#: Digits of coordinates and cell sizes in messages: as few as tell two numbers apart.
_DIGITS = range(6, 18)

#: Error of the difference that these digits show, as a fraction of it.
MAX_ERROR = 0.1


def offset_in_cells(grid: RasterGrid, reference: RasterGrid) -> float | None:
    """Return the largest distance between equal corners of two grids, in cells of the second.

    None if they differ in their numbers of rows and columns or in their CRS. A grid without a CRS is assumed to have
    the CRS of the other.
    """
    if (grid.rows, grid.columns) != (reference.rows, reference.columns):
        return None
    if grid.crs.isValid() and reference.crs.isValid() and grid.crs != reference.crs:
        return None
    height, width = reference.pixel_size
    difference = np.abs(np.subtract(grid.corners(), reference.corners()))
    return float((difference / np.array([width, height])).max())


def describe_difference(grid: RasterGrid, reference: RasterGrid) -> str:
    """Return in what a grid differs from another, with as many digits as tell the numbers apart."""
    return "; ".join(_differences(grid, reference))


def _differences(grid: RasterGrid, reference: RasterGrid) -> Iterator[str]:
    instead = tr("{what} {first} instead of {second}")
    if (grid.rows, grid.columns) != (reference.rows, reference.columns):
        size = tr("{rows} × {columns} cells")
        first = size.format(rows=grid.rows, columns=grid.columns)
        second = size.format(rows=reference.rows, columns=reference.columns)
        yield tr("{first} instead of {second}").format(first=first, second=second)
    left, width, _, top, _, step_down = grid.geotransform
    other_left, other_width, _, other_top, _, other_step_down = reference.geotransform
    for what, first, second in (
        (tr("cell width"), width, other_width),
        (tr("cell height"), -step_down, -other_step_down),
        (tr("western edge"), left, other_left),
        (tr("northern edge"), top, other_top),
    ):
        if first != second:
            texts = _distinct(first, second)
            yield instead.format(what=what, first=texts[0], second=texts[1])
    if grid.crs.isValid() and reference.crs.isValid() and grid.crs != reference.crs:
        names = [each.crs.authid() or each.crs.description() for each in (grid, reference)]
        yield instead.format(what=tr("CRS"), first=names[0], second=names[1])


def _distinct(first: float, second: float) -> tuple[str, str]:
    """Return two numbers with as few digits as show their difference."""
    for digits in _DIGITS:
        texts = f"{first:.{digits}g}", f"{second:.{digits}g}"
        if abs(float(texts[0]) - float(texts[1]) - (first - second)) <= MAX_ERROR * abs(first - second):
            break
    return texts
