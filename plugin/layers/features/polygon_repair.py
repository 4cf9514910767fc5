"""Repair of polygons whose boundaries cross or touch themselves."""

from __future__ import annotations

import math

import numpy as np
from qgis.core import QgsCurve, QgsGeometry, QgsPointXY, QgsPolygon, QgsWkbTypes


def readings(geometry: QgsGeometry) -> tuple[QgsGeometry, QgsGeometry]:
    """Return the area of an invalid polygon in its two common readings, which may be empty.

    Parameters
    ----------
    geometry
        Polygon or multipolygon; its parts are united.

    Returns
    -------
    even_odd
        The area that a line from outside enters: what lies within two loops of a boundary is outside (`makeValid`).
    winding
        The area that a boundary encloses at least once in either direction, without that of the holes.
    """
    multipart = QgsGeometry(geometry)
    multipart.convertToMultiType()
    parts = multipart.asGeometryCollection()
    return _united([_made_valid(part) for part in parts]), _united([_enclosed_by(part.constGet()) for part in parts])


def is_finite(geometry: QgsGeometry) -> bool:
    """Return whether no coordinate of a geometry is infinite or NaN."""
    return all(math.isfinite(vertex.x()) and math.isfinite(vertex.y()) for vertex in geometry.vertices())


def _united(areas: list[QgsGeometry]) -> QgsGeometry:
    areas = [area for area in areas if not area.isEmpty()]
    return QgsGeometry.unaryUnion(areas) if areas else QgsGeometry()


def _made_valid(polygon: QgsGeometry) -> QgsGeometry:
    valid = polygon.makeValid()
    if valid.isEmpty():
        return QgsGeometry()
    is_area = QgsWkbTypes.GeometryType.PolygonGeometry
    return _united([part for part in valid.asGeometryCollection() if part.type() == is_area])


def _enclosed_by(polygon: QgsPolygon) -> QgsGeometry:
    shell = _enclosed(polygon.exteriorRing())
    holes = _united([_enclosed(polygon.interiorRing(number)) for number in range(polygon.numInteriorRings())])
    return shell if shell.isEmpty() or holes.isEmpty() else shell.difference(holes)


def _enclosed(ring: QgsCurve) -> QgsGeometry:
    """Return the area around which a ring winds at least once."""
    boundary = QgsGeometry.unaryUnion([QgsGeometry(ring.clone())])  # splits the ring where it crosses itself
    faces = QgsGeometry.polygonize([boundary]).asGeometryCollection()
    vertices = np.array([(vertex.x(), vertex.y()) for vertex in ring.vertices()])
    return _united([face for face in faces if _winding_number(vertices, face.pointOnSurface().asPoint())])


def _winding_number(ring: np.ndarray, point: QgsPointXY) -> int:
    """Return how often a closed ring, (n, 2), winds around a point, counterclockwise."""
    x, y = (ring - (point.x(), point.y())).T
    left = x[:-1] * y[1:] - x[1:] * y[:-1] > 0  # the point lies left of the edge
    upwards, downwards = (y[:-1] <= 0) & (y[1:] > 0), (y[:-1] > 0) & (y[1:] <= 0)
    return int(np.count_nonzero(upwards & left)) - int(np.count_nonzero(downwards & ~left))
