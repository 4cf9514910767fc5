"""Cells of lines and polygons are arrays that read like lists, and large regions take little memory."""

import tracemalloc

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsRectangle, QgsVectorLayer

from permea.plugin.layers import read_focal_nodes, read_short_circuit_regions
from permea.plugin.layers.amounts import sparse_blocks
from permea.plugin.layers.features import CellList

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30


@pytest.fixture
def rectangles(feature_reader):
    """Make a reader of polygons: first and last row, first and last column."""

    def reader(*areas):
        layer = QgsVectorLayer("Polygon?crs=EPSG:31985", "parks", "memory")
        for top, bottom, left, right in areas:
            feature = QgsFeature()
            corners = WEST + left * PIXEL, NORTH - (bottom + 1) * PIXEL, WEST + (right + 1) * PIXEL, NORTH - top * PIXEL
            feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(*corners)))
            layer.dataProvider().addFeature(feature)
        return feature_reader(layer)

    return reader


def test_list_reads_like_the_cells_it_was_made_from():
    cells = [(0, 3), None, (70_000, 2), None, (1, 1)]
    made = CellList.of(cells)
    assert list(made) == cells and len(made) == 5 and [made[place] for place in range(5)] == cells
    assert made.inside_cells().tolist() == [[0, 3], [70_000, 2], [1, 1]]
    assert CellList.of(made) is made and not len(CellList.of([]))


def test_long_list_is_read_in_parts():
    cells = [(row, 1) if row % 7 else None for row in range(10_000)]
    assert list(CellList.of(cells)) == cells


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([(0, 1), (2, 3)], [(2, 3), (0, 1)]),
        ([(0, 1), None, None], [(0, 1), None]),
        ([(0, 1), None], [(0, 1), (1, 0), (5, 5)]),
        ([], [(0, 0)]),
    ],
)
def test_differing_cells_are_those_of_the_sets(first, second):
    assert CellList.of(first).differing(CellList.of(second)) == len(set(first) ^ set(second))


@pytest.mark.parametrize("cells_per_block", [1, 7, 20, 1000])
def test_sparse_raster_has_values_where_they_belong(cells_per_block):
    cells, values = np.array([0, 6, 13, 34]), np.array([1.0, -2.0, 3.0, 4.0])
    expected = np.full(35, np.nan)
    expected[cells] = values
    blocks = list(sparse_blocks(cells, values, (5, 7), np.nan, cells_per_block=cells_per_block))
    np.testing.assert_array_equal(np.concatenate(blocks), expected.reshape(5, 7))
    assert len(blocks) == -(-5 // max(1, cells_per_block // 7))


def test_large_regions_take_few_bytes_per_cell(rectangles, grid, context, feedback):
    side = 700
    reader = rectangles((0, side // 2 - 1, 0, side - 1), (side // 2, side - 1, 0, side - 1))
    valid = np.ones((side, side), bool)
    valid[5, 5:9] = False
    tracemalloc.start()
    try:
        nodes = read_focal_nodes(reader, grid(side, side), valid, context, feedback)
        regions = read_short_circuit_regions(reader, grid(side, side), context, feedback)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(nodes.cells) == side**2 - 4 and np.bincount(nodes.owners).tolist() == [side**2 // 2 - 4, side**2 // 2]
    assert (regions[:] > 0).all()
    assert any("cells of focal regions that are ignored: 4 cells on nodata" in text for text in feedback.infos)
    assert peak < 110 * side**2  # a tuple and its place in a dictionary take more than 200


def test_overlapping_regions_are_counted_by_pair_in_the_order_of_their_cells(rectangles, grid, context, feedback):
    reader = rectangles((4, 5, 0, 3), (0, 1, 0, 3), (1, 4, 3, 3))
    with pytest.raises(QgsProcessingException, match=r"overlap: 2 and 3 \(1 cell\), 1 and 3 \(1 cell\)\. Remove"):
        read_focal_nodes(reader, grid(6, 6), np.ones((6, 6), bool), context, feedback)
