"""The algorithms that compute at full resolution what the explorer shows, with the parameters of the explorer."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsRasterLayer, QgsVectorLayer

from ...plugin.i18n import tr
from .exploration import Settings

DISTANCE_ALGORITHMS = {
    "leastcost": "permea:leastcostdistance",
    "resistance": "permea:resistancedistance",
    "rsp": "permea:rspdistance",
}
FLOW_ALGORITHMS = {
    "leastcost": "permea:leastcostpaths",
    "resistance": "permea:currentflowadvanced",
    "rsp": "permea:rspflow",
}


@dataclass(frozen=True)
class FullRun:
    """An algorithm and its parameters.

    Parameters
    ----------
    algorithm
        Its id.
    parameters
        Values by name.
    """

    algorithm: str
    parameters: dict


def points_layer(name: str, points: list[tuple[float, float]], landscape: QgsRasterLayer) -> QgsVectorLayer:
    """Return a new temporary layer of points, in the coordinate system of a landscape, and add it to the project.

    Parameters
    ----------
    name
        Name of the layer.
    points
        x and y of each. The field `share` is 1 / number of points.
    landscape
        The landscape.
    """
    layer = QgsVectorLayer("Point?field=id:integer&field=share:double", name, "memory")
    layer.setCrs(landscape.crs())
    features = []
    for number, (x, y) in enumerate(points, 1):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([number, 1 / len(points)])
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    return layer


def full_run(
    landscape: QgsRasterLayer,
    settings: Settings,
    distance: str,
    quantity: str,
    theta: float,
    target: tuple[float, float],
    origins: list[tuple[float, float]],
) -> FullRun:
    """Return the algorithm for what the explorer shows.

    Parameters
    ----------
    landscape
        The landscape.
    settings
        How it is read.
    distance, quantity, theta
        What is shown.
    target, origins
        x and y in the coordinate system of the landscape. The map of distances needs no origins.
    """
    parameters = {
        "INPUT": landscape,
        "BAND": settings.band,
        "VALUES": settings.values,
        "NEIGHBORS": settings.neighbors,
        "EDGE_RULE": settings.edge_rule,
        **({"THETA": theta} if distance == "rsp" else {}),
    }
    to = points_layer(tr("Explored place"), [target], landscape)
    if quantity == "distance":
        return FullRun(DISTANCE_ALGORITHMS[distance], {**parameters, "SOURCES": to})
    start = points_layer(tr("Explored origins"), origins, landscape)
    if quantity == "flow":
        ends = {
            "leastcost": {"FOCAL": start, "TARGETS": to},
            "resistance": {"SOURCES": start, "STRENGTH_FIELD": "share", "GROUNDS": to},
            "rsp": {"SOURCES": start, "TARGETS": to},
        }
        return FullRun(FLOW_ALGORITHMS[distance], {**parameters, **ends[distance]})
    measure = {"SCALAR": "mean_distance", "RESPECT_TO": settings.values, "ELASTICITY": quantity == "elasticity"}
    return FullRun(
        "permea:sensitivity", {**parameters, **measure, "DISTANCE": distance, "SOURCES": start, "TARGETS": to}
    )
