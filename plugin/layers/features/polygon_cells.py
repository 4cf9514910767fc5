"""The cells of a raster in polygons, valid or repaired."""

from __future__ import annotations

from qgis.core import Qgis, QgsFeature, QgsGeometry, QgsProcessingException, QgsProcessingFeedback, QgsWkbTypes

from ...i18n import tr
from .cell_list import CellList
from .cell_locator import CellLocator, CoveredCells
from .lists import named_features
from .polygon_repair import is_finite, readings
from .rasterize import cells_inside


class PolygonCells:
    """Finds the cells in the polygons of a layer, and repairs polygons that are not valid.

    Parameters
    ----------
    locator
        Finds the cells of the raster.
    """

    def __init__(self, locator: CellLocator) -> None:
        self._locator = locator
        self._repaired: list[int] = []
        self._unclear: dict[int, int] = {}
        self._first_problem = ""

    def of(self, feature: QgsFeature) -> CoveredCells:
        """Return the cells of a feature."""
        geometry = feature.geometry()
        if geometry.isEmpty():
            return CoveredCells(reason=tr("no geometry"))
        if geometry.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
            return CoveredCells(reason=tr("not a polygon"))
        # Curves become straight segments before they are projected.
        geometry = QgsGeometry(geometry.constGet().segmentize())
        is_valid = geometry.isGeosValid()
        if not is_valid and not is_finite(geometry):
            return CoveredCells(reason=tr("coordinates that are not finite numbers"))
        if is_valid:
            return self._covered(geometry)
        if self._locator.reader.geometry_check == "skip":
            return CoveredCells(reason=tr("invalid, to be skipped as chosen"))
        if self._locator.reader.geometry_check == "stop":
            raise QgsProcessingException(
                tr("'{layer}': {feature} is invalid. {problem}Correct it, or choose to skip invalid features.").format(
                    layer=self._locator.reader.name,
                    feature=named_features([feature.id()]),
                    problem=_problem(geometry),
                )
            )
        even_odd, winding = readings(geometry)
        if winding.isEmpty():
            return CoveredCells(reason=tr("no area"))
        covered = self._covered(winding)
        differing = CellList.of(covered.cells).differing(CellList.of(self._covered(even_odd).cells))
        if differing:
            self._unclear[feature.id()] = differing
            self._first_problem = self._first_problem or _problem(geometry)
        else:
            self._repaired.append(feature.id())
        return covered

    def _covered(self, geometry: QgsGeometry) -> CoveredCells:
        projected = self._locator.projected(geometry)
        if projected is None or projected.isEmpty() or not projected.boundingBox().isFinite():
            return CoveredCells(reason=tr("outside the raster"))
        inside = cells_inside(projected, self._locator.grid)
        if inside:
            return CoveredCells(inside)
        interior = projected.pointOnSurface()
        point = None if interior.isEmpty() else interior.asPoint()
        cell = None if point is None else self._locator.cell_at(point.x(), point.y())
        return CoveredCells([cell], is_small=True) if cell else CoveredCells(reason=tr("outside the raster"))

    def finish(self, feedback: QgsProcessingFeedback) -> None:
        """Warn about the polygons that were repaired.

        Raises
        ------
        QgsProcessingException
            Which cells a polygon contains depends on how its crossing boundary is read.
        """
        if self._unclear:
            raise QgsProcessingException(
                tr(
                    "'{layer}': the area of {features} is ambiguous, because boundaries cross themselves; "
                    "{count:# cell is|# cells are} affected. {problem}Redraw these polygons, or run “Fix geometries” "
                    "and check the result on the map."
                ).format(
                    layer=self._locator.reader.name,
                    features=named_features(self._unclear),
                    count=sum(self._unclear.values()),
                    problem=self._first_problem,
                )
            )
        if self._repaired:
            feedback.pushWarning(
                tr(
                    "'{layer}': self-intersecting boundaries of {features} were repaired for this run; the layer is "
                    "unchanged."
                ).format(layer=self._locator.reader.name, features=named_features(self._repaired))
            )


def _problem(geometry: QgsGeometry) -> str:
    """Return a sentence on the first error of a geometry and its position; empty if it has no position."""
    for error in geometry.validateGeometry(Qgis.GeometryValidationEngine.Geos):
        if error.hasWhere():
            return tr("The first error is at x {x:.9g}, y {y:.9g} ({what}). ").format(
                x=error.where().x(), y=error.where().y(), what=error.what()
            )
    return ""
