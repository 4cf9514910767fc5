"""Fixtures that make vector layers in memory, on the grid of the test landscapes."""

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsRectangle, QgsVectorLayer

#: Edge length of a cell, and the north-western corner of the grid.
PIXEL = 30.0
WEST, NORTH = 290_000.0, 9_120_000.0


def centre(row, column):
    return QgsGeometry.fromPointXY(QgsPointXY(WEST + (column + 0.5) * PIXEL, NORTH - (row + 0.5) * PIXEL))


@pytest.fixture
def points(qgis_app):
    """Make a layer of points at the centres of cells (row, column), named patch A, patch B, …"""

    def layer(*cells, name="patches", crs="EPSG:31985"):
        made = QgsVectorLayer(f"Point?crs={crs}&field=name:string", name, "memory")
        for number, (row, column) in enumerate(cells):
            feature = QgsFeature(made.fields())
            feature.setGeometry(centre(row, column))
            feature.setAttributes([f"patch {'ABCDEFGH'[number]}"])
            made.dataProvider().addFeature(feature)
        return made

    return layer


@pytest.fixture
def sites(qgis_app):
    """Make a layer of points at cell centres with text codes, unique by default."""

    def layer(cells, codes=None, name="sites"):
        made = QgsVectorLayer("Point?crs=EPSG:31985&field=code:string", name, "memory")
        for number, (row, column) in enumerate(cells):
            feature = QgsFeature(made.fields())
            feature.setGeometry(centre(row, column))
            feature.setAttributes([codes[number] if codes else f"S{number + 1}"])
            made.dataProvider().addFeature(feature)
        return made

    return layer


@pytest.fixture
def valued_points(qgis_app):
    """Make a layer of points at cell centres with a number each: (row, column, value)."""

    def layer(*places, name="places"):
        made = QgsVectorLayer("Point?crs=EPSG:31985&field=value:double", name, "memory")
        for row, column, value in places:
            feature = QgsFeature(made.fields())
            feature.setGeometry(centre(row, column))
            feature.setAttributes([value])
            made.dataProvider().addFeature(feature)
        return made

    return layer


@pytest.fixture
def patches(qgis_app):
    """Make a layer of rectangles with text codes: first and last row, first and last column."""

    def layer(*areas):
        made = QgsVectorLayer("Polygon?crs=EPSG:31985&field=code:string", "habitat", "memory")
        for number, (top, bottom, left, right) in enumerate(areas):
            feature = QgsFeature(made.fields())
            box = QgsRectangle(
                WEST + left * PIXEL, NORTH - (bottom + 1) * PIXEL, WEST + (right + 1) * PIXEL, NORTH - top * PIXEL
            )
            feature.setGeometry(QgsGeometry.fromRect(box))
            feature.setAttributes([f"P{number + 1}"])
            made.dataProvider().addFeature(feature)
        return made

    return layer


@pytest.fixture
def rectangles(qgis_app):
    """Make a layer of rectangles with whole-number codes: top, left, bottom and right edge, in cells."""

    def layer(*boxes, ids=None):
        made = QgsVectorLayer("Polygon?crs=EPSG:31985&field=code:integer", "reserves", "memory")
        for number, (top, left, bottom, right) in enumerate(boxes):
            feature = QgsFeature(made.fields())
            corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
            places = ", ".join(f"{WEST + x * PIXEL} {NORTH - y * PIXEL}" for x, y in corners)
            feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({places}))"))
            feature.setAttributes([ids[number] if ids else number + 1])
            made.dataProvider().addFeature(feature)
        return made

    return layer


@pytest.fixture
def nine_regions(geotiff, rectangles):
    """A landscape large enough to interrupt a run, and nine focal regions in it."""
    values = np.random.default_rng(8).lognormal(size=(90, 90)).astype(np.float32)
    boxes = [(10 + 30 * i, 10 + 30 * j, 16 + 30 * i, 15 + 30 * j) for i in range(3) for j in range(3)]
    return {"INPUT": geotiff(values, name="plain"), "FOCAL": rectangles(*boxes)}
