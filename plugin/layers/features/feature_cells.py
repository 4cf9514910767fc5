"""The cells of a raster under points, lines and polygons."""

from __future__ import annotations

from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsProcessingFeedback, QgsWkbTypes

from ...i18n import tr
from .cell_locator import CellLocator, CoveredCells
from .polygon_cells import PolygonCells
from .polygon_repair import is_finite
from .rasterize import cells_inside
from .reader import FeatureReader

POINT = QgsWkbTypes.GeometryType.PointGeometry
LINE = QgsWkbTypes.GeometryType.LineGeometry
POLYGON = QgsWkbTypes.GeometryType.PolygonGeometry


class FeatureCells:
    """Finds the cells under the features of a layer.

    A point covers the cell that contains it, a line all cells that it touches, a polygon the cells whose centres it
    contains or, if it contains no centre, the cell under a point on its surface.

    Parameters
    ----------
    locator
        Finds the cells of the raster.
    """

    def __init__(self, locator: CellLocator) -> None:
        self._locator, self._polygons = locator, PolygonCells(locator)
        self._kind = locator.reader.geometry_type

    @property
    def are_regions(self) -> bool:
        """Whether the features are lines or polygons."""
        return self._kind in (LINE, POLYGON)

    def of(self, feature: QgsFeature) -> CoveredCells:
        """Return the cells of a feature."""
        if self._kind == POLYGON:
            return self._polygons.of(feature)
        return self._of_line(feature) if self._kind == LINE else self._locator.cells_under_points(feature)

    def finish(self, feedback: QgsProcessingFeedback) -> None:
        """Warn about polygons that were repaired, or raise an error as `PolygonCells.finish`."""
        self._polygons.finish(feedback)

    def _of_line(self, feature: QgsFeature) -> CoveredCells:
        geometry = feature.geometry()
        if geometry.isEmpty():
            return CoveredCells(reason=tr("no geometry"))
        if geometry.type() != LINE:
            return CoveredCells(reason=tr("not a line"))
        geometry = QgsGeometry(geometry.constGet().segmentize())
        if not is_finite(geometry):
            return CoveredCells(reason=tr("coordinates that are not finite numbers"))
        projected = self._locator.projected(geometry)
        if projected is None or projected.isEmpty() or not projected.boundingBox().isFinite():
            return CoveredCells(reason=tr("outside the raster"))
        cells = cells_inside(projected, self._locator.grid)
        return CoveredCells(cells) if cells.inside.any() else CoveredCells(reason=tr("outside the raster"))


def require_features(reader: FeatureReader, what: str) -> None:
    """Raise an error if a layer holds neither points nor lines nor polygons, or no features.

    Parameters
    ----------
    reader
        The layer.
    what
        What the features are, such as "sources".
    """
    if reader.geometry_type not in (POINT, LINE, POLYGON):
        raise QgsProcessingException(
            tr("'{layer}' holds neither points, lines nor polygons, so there are no {what}.").format(
                layer=reader.name, what=what
            )
        )
    if reader.is_empty:
        raise QgsProcessingException(
            tr(
                "'{layer}' has no features, so there are no {what}. Add features or, if only selected features are "
                "used, select some."
            ).format(layer=reader.name, what=what)
        )
