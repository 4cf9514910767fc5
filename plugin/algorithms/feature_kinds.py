"""Points, lines and polygons as places, and the cells that they stand for."""

from __future__ import annotations

from qgis.core import QgsProcessing

from ..i18n import tr

#: Features that stand for cells: a point, a line, a polygon.
ANY_FEATURES = [
    QgsProcessing.SourceType.TypeVectorPoint,
    QgsProcessing.SourceType.TypeVectorLine,
    QgsProcessing.SourceType.TypeVectorPolygon,
]


def cells_of_features() -> str:
    """Return the sentence about the cells of points, lines and polygons."""
    return tr(
        "A point represents the cell that contains it, a line all cells that it touches, a polygon all cells whose "
        "centres lie in it (or the cell under it if it is smaller); self-intersecting polygons are repaired where "
        "their area is unambiguous."
    )
