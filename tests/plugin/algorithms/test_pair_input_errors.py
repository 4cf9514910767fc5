"""Invalid inputs of algorithms about pairs of features: the message says what is wrong."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .conftest import NORTH, PIXEL, WEST

ALL = ("distancematrix", "leastcostpaths", "leastcostcorridor")


@pytest.mark.parametrize("name", ALL)
def test_missing_focal_nodes_are_rejected(run, plain, name):
    with pytest.raises(QgsProcessingException, match="No focal nodes: choose either"):
        run(name, INPUT=plain)


@pytest.mark.parametrize("name", ALL)
def test_single_focal_node_is_rejected(run, sites, plain, name):
    with pytest.raises(QgsProcessingException, match="'sites' has only one focal node .* at least 2 are needed"):
        run(name, INPUT=plain, FOCAL=sites([(0, 0)]))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("cells", "said"), [([(3, 4), (4, 4)], "on nodata"), ([(20, 0), (21, 0)], "outside the raster")]
)
def test_focal_nodes_outside_landscape_are_rejected(run, sites, valley_file, name, cells, said):
    with pytest.raises(QgsProcessingException, match=f"No focal node of 'sites'.*{said}"):
        run(name, INPUT=valley_file, FOCAL=sites(cells))


@pytest.mark.parametrize("name", ALL)
def test_duplicate_point_ids_are_rejected(run, sites, plain, name):
    with pytest.raises(QgsProcessingException, match="points share an id in the field 'code': same"):
        run(name, INPUT=plain, FOCAL=sites([(0, 0), (3, 3)], ["same", "same"]), ID_FIELD="code")


@pytest.mark.parametrize("name", ALL)
def test_zero_resistance_is_rejected(run, sites, geotiff, name):
    landscape = geotiff(np.pad(np.zeros((1, 2)), 2, constant_values=1.0))
    with pytest.raises(QgsProcessingException, match="resistance is zero in 2 cells, the first at row 3, column 3"):
        run(name, INPUT=landscape, VALUES="resistance", FOCAL=sites([(0, 0), (4, 4)]))


@pytest.mark.parametrize("name", ALL)
def test_focal_raster_is_aligned_to_landscape(run, geotiff, plain, name, feedback):
    ids = np.zeros((14, 18))
    ids[:2, :2], ids[10:, 14:] = 3, 8
    fine = geotiff(ids, name="ids", geotransform=(WEST, PIXEL / 2, 0.0, NORTH, 0.0, -PIXEL / 2))
    result = run(name, INPUT=plain, FOCAL_RASTER=fine)
    assert result["OUTPUT"]
    assert any("'ids'" in text for text in feedback.warnings + feedback.infos)


@pytest.mark.parametrize(
    ("name", "choices", "said"),
    [
        ("leastcostpaths", {"PAIRS": "minimum_planar_graph", "EDGE_RULE": "target"}, "is undirected"),
        ("leastcostcorridor", {"EDGE_RULE": "target"}, "are undirected"),
        ("distancematrix", {"DISTANCE": "resistance", "EDGE_RULE": "target"}, "is symmetric"),
    ],
)
def test_directed_edge_rule_is_rejected(run, sites, plain, name, choices, said):
    with pytest.raises(QgsProcessingException, match=said):
        run(name, INPUT=plain, FOCAL=sites([(0, 0), (3, 3)]), **choices)
