"""Short-circuit regions: polygons that share a cell, directly or through others, are one region."""

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsRectangle, QgsVectorLayer

from permea.plugin.layers import read_short_circuit_regions

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30


@pytest.fixture
def regions(feature_reader, grid, context, feedback):
    """Return the regions of rectangles: first and last row, first and last column."""

    def regions(rectangles, shape):
        layer = QgsVectorLayer("Polygon?crs=EPSG:31985", "lakes", "memory")
        features = []
        for top, bottom, left, right in rectangles:
            feature = QgsFeature()
            box = (WEST + left * PIXEL, NORTH - (bottom + 1) * PIXEL, WEST + (right + 1) * PIXEL, NORTH - top * PIXEL)
            feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(*box)))
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        return read_short_circuit_regions(feature_reader(layer), grid(*shape), context, feedback)

    return regions


def test_regions_merge_through_others(regions):
    # The last one joins the first two; the third stays alone, and the fourth covers it.
    found = regions([(0, 0, 0, 1), (0, 0, 4, 5), (3, 3, 0, 0), (2, 4, 0, 0), (0, 0, 1, 4)], (5, 6))
    expected = np.zeros((5, 6), int)
    expected[0], expected[2:, 0] = 5, 4
    assert found[:].tolist() == expected.tolist()


def test_hundreds_of_overlapping_regions_have_the_number_of_the_last_in_each_set(regions):
    rng = np.random.default_rng(3)
    top, left = rng.integers(0, 58, (2, 300))
    rectangles = np.stack([top, top + rng.integers(0, 3, 300), left, left + rng.integers(0, 3, 300)], axis=1)
    expected = np.zeros((60, 60), int)
    for number, (first, last, west, east) in enumerate(rectangles, 1):
        cells = (slice(first, last + 1), slice(west, east + 1))
        overlapping = np.setdiff1d(expected[cells], 0)
        expected[cells] = number
        expected[np.isin(expected, overlapping)] = number
    assert regions(rectangles.tolist(), (60, 60))[:].tolist() == expected.tolist()


def test_reading_many_regions_is_cancelled(regions, feedback):
    feedback.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        regions([(0, 1, 0, 1)] * 50, (5, 6))
