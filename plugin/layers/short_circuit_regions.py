"""Short-circuit regions from polygons; polygons that share a cell form one region."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback, QgsWkbTypes

from ..i18n import tr
from ..npy_file import CELLS_PER_BLOCK, row_blocks
from .computed_raster import ComputedRaster, RasterRows
from .features import CellList, CellLocator, FeatureReader, PolygonCells, listed
from .raster_grid import RasterGrid


def read_short_circuit_regions(
    reader: FeatureReader, grid: RasterGrid, context: QgsProcessingContext, feedback: QgsProcessingFeedback
) -> ComputedRaster:
    """Return the regions as a raster of positive labels, int64 (rows, columns), 0 outside the regions.

    It takes 4 bytes of memory per cell.

    Parameters
    ----------
    reader
        Features of a polygon layer; features that share a cell form one region.
    grid
        Grid of the landscape.
    context, feedback
        Provides the project's coordinate operations; receives warnings about a missing CRS, repaired polygons and
        features that are left out.

    Raises
    ------
    QgsProcessingException
        If the layer is not a polygon layer, if it is unclear what lies inside a polygon, or if no polygon contains a
        cell centre.
    """
    name = reader.name
    if reader.geometry_type != QgsWkbTypes.GeometryType.PolygonGeometry:
        raise QgsProcessingException(tr("'{layer}' is not a polygon layer.").format(layer=name))
    locator = CellLocator(reader, grid, context, feedback)
    polygons = PolygonCells(locator)
    regions = np.zeros((grid.rows, grid.columns), np.int32)
    omitted: dict[str, list[int]] = {}
    later: dict[int, int] = {}  # a region by the number of an earlier one that it includes
    number = 0
    for number, feature in enumerate(reader.features(), 1):
        covered = polygons.of(feature)
        cells = CellList.of(covered.cells).inside_cells()
        if covered.is_small or not len(cells):
            reason = tr("too small to contain a cell centre") if covered.is_small else covered.reason
            omitted.setdefault(reason or tr("outside the raster"), []).append(feature.id())
            continue
        index = tuple(cells.T)
        for earlier in np.unique(regions[index]).tolist():
            earlier = _last(later, earlier)
            if earlier not in (0, number):
                later[earlier] = number
        regions[index] = number
    labels = np.array([_last(later, label) for label in range(number + 1)], np.int64)
    polygons.finish(feedback)
    left_out = "; ".join(listed(reason, features) for reason, features in omitted.items())
    if not regions.any():
        message = tr("No polygon of '{layer}' contains a cell centre of the raster{reasons}. Check its CRS.").format(
            layer=name, reasons=f" ({left_out})" if left_out else ""
        )
        raise QgsProcessingException(f"{message} {locator.extents()}".rstrip())
    if left_out:
        feedback.pushWarning(
            tr("Short-circuit regions of '{layer}' left out: {reasons}.").format(layer=name, reasons=left_out)
        )
    return ComputedRaster(lambda numbers: labels[numbers], regions, dtype=np.int64)


def _last(later: dict[int, int], number: int) -> int:
    """Return the number of the region that includes another, in the end."""
    first = number
    while number in later:
        number = later[number]
    while first != number:
        later[first], first = number, later[first]
    return number


def circuit_cells(
    passable: RasterRows, regions: RasterRows | None, *, cells_per_block: int = CELLS_PER_BLOCK
) -> RasterRows:
    """Return the cells of a circuit, bool (rows, columns): the passable ones, and all of regions that overlap them.

    Parameters
    ----------
    passable
        Passable cells, bool (rows, columns), in memory or on disk.
    regions
        Number of the short-circuit region of each cell, 0 elsewhere; None if there are none.
    cells_per_block
        The most cells read at a time, of at least one row.
    """
    if regions is None:
        return passable
    overlapping: set[int] = set()
    for rows in row_blocks(regions.shape, cells_per_block):
        overlapping.update(np.unique(regions[rows][passable[rows]]).tolist())
    numbers = np.array(sorted(overlapping), np.int64)

    def is_in_circuit(passable: np.ndarray, regions: np.ndarray) -> np.ndarray:
        return passable | ((regions > 0) & np.isin(regions, numbers))

    return ComputedRaster(is_in_circuit, passable, regions, dtype=bool, cells_per_block=cells_per_block)
