"""The cells of a raster under the features of a layer in any CRS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsRectangle,
    QgsWkbTypes,
)

from ...i18n import tr
from ..raster_grid import SAME_GRID_TOLERANCE, RasterGrid
from ..transformation import require_transformation
from .reader import FeatureReader

Cell = tuple[int, int]


@dataclass(frozen=True)
class CoveredCells:
    """The cells of a feature.

    Parameters
    ----------
    cells
        Row and column of each, None outside the raster; a `CellList` for lines and polygons.
    reason
        Why the feature has no cells; empty if it has some.
    is_small
        Whether the feature is a polygon that contains no cell centre, so that its only cell is the one under it.
    """

    cells: Sequence[Cell | None] = field(default_factory=list)
    reason: str = ""
    is_small: bool = False


class CellLocator:
    """Finds the cells of a raster under the features of a layer.

    Parameters
    ----------
    reader
        The layer.
    grid
        Grid of the raster.
    context, feedback
        Provides the project's coordinate operations; receives a warning if a CRS is missing.

    Attributes
    ----------
    reader, grid
        As above.

    Raises
    ------
    QgsProcessingException
        If there is no transformation between the two coordinate reference systems.
    """

    def __init__(
        self, reader: FeatureReader, grid: RasterGrid, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        crs = reader.source.sourceCrs()
        if crs.isValid() != grid.crs.isValid():
            feedback.pushWarning(
                tr(
                    "'{layer}': either the features or the raster have no CRS; both are assumed to have the same one."
                ).format(layer=reader.name)
            )
        require_transformation(reader.name, crs, grid.crs)
        self.grid, self.reader = grid, reader
        self._transform = QgsCoordinateTransform(crs, grid.crs, context.transformContext())

    def projected(self, geometry: QgsGeometry) -> QgsGeometry | None:
        """Return a geometry in the CRS of the raster; None if it cannot be projected, so lies outside the raster."""
        result = QgsGeometry(geometry)
        try:
            result.transform(self._transform)
        except QgsCsException:
            return None
        return result

    def cells_under_points(self, feature: QgsFeature) -> CoveredCells:
        """Return the cell under each point of a feature."""
        geometry = feature.geometry()
        if geometry.isEmpty():
            return CoveredCells(reason=tr("no geometry"))
        if geometry.type() != QgsWkbTypes.GeometryType.PointGeometry:
            return CoveredCells(reason=tr("not a point"))
        return CoveredCells([self._cell_under(vertex.x(), vertex.y()) for vertex in geometry.vertices()])

    def _cell_under(self, x: float, y: float) -> Cell | None:
        try:
            point = self._transform.transform(x, y)
        except QgsCsException:
            return None  # a point that cannot be projected lies outside the raster
        return self.cell_at(point.x(), point.y())

    def cell_at(self, x: float, y: float) -> Cell | None:
        """Return the cell (row, column) that contains a point, None outside the raster."""
        grid = self.grid
        left, width, _, top, _, step_down = grid.geotransform
        row, column = (y - top) / step_down, (x - left) / width
        margin = SAME_GRID_TOLERANCE
        inside = -margin <= row <= grid.rows + margin and -margin <= column <= grid.columns + margin
        if not inside:
            return None
        # A point on the outer edge belongs to the adjacent cell.
        return min(max(int(row // 1), 0), grid.rows - 1), min(max(int(column // 1), 0), grid.columns - 1)

    def extents(self) -> str:
        """Return a sentence that says where the layer and the raster lie; empty if the layer has no extent."""
        extent = self.reader.source.sourceExtent()
        if extent.isNull() or not extent.isFinite():
            return ""
        (left, top), (right, bottom) = self.grid.corners()
        crs = self.reader.source.sourceCrs()
        features = tr("The features lie at {extent} ({crs})").format(extent=_format(extent), crs=_crs_name(crs))
        if crs.isValid() and self.grid.crs.isValid() and crs != self.grid.crs:
            try:
                projected = self._transform.transformBoundingBox(extent)
                features += tr(", in the CRS of the raster at {extent}").format(extent=_format(projected))
            except QgsCsException:
                features += tr(", which lies outside the area of the CRS of the raster")
        return tr("{features}; the raster covers {extent} ({crs}).").format(
            features=features, extent=_format(QgsRectangle(left, bottom, right, top)), crs=_crs_name(self.grid.crs)
        )


def _format(extent: QgsRectangle) -> str:
    return tr("x {left:.9g} to {right:.9g}, y {bottom:.9g} to {top:.9g}").format(
        left=extent.xMinimum(), right=extent.xMaximum(), bottom=extent.yMinimum(), top=extent.yMaximum()
    )


def _crs_name(crs: QgsCoordinateReferenceSystem) -> str:
    return crs.authid() or crs.description() or tr("no CRS")
