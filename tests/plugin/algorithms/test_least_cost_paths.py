"""Least-cost paths: costs of distance maps, ids kept, pairs without a path as rows without a line."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.algorithms.flows.shared_paths import shared_parts

from .conftest import FIRST, ISLAND, PIXEL, SECOND, opened


def test_path_cost_equals_distance_map(run, rows, corners, least_costs_to, sites, valley_file):
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=sites([FIRST, SECOND]), ID_FIELD="code")
    [row], [path] = rows(result["OUTPUT"]), corners(result["OUTPUT"])
    assert row["cost"] == pytest.approx(least_costs_to([FIRST])[0][SECOND], rel=1e-12)
    assert (path[0], path[-1], row["from_id"], row["to_id"]) == (FIRST, SECOND, "S1", "S2")
    assert row["length"] == pytest.approx(np.hypot(*np.diff(path, axis=0).T).sum() * PIXEL)


def test_nearest_gives_one_path_per_feature(run, rows, sites, plain):
    focal = sites([(0, 0), (0, 2), (0, 8)])
    result = run("leastcostpaths", INPUT=plain, VALUES="resistance", FOCAL=focal, ID_FIELD="code", PAIRS="nearest")
    found = [(row["from_id"], row["to_id"], row["cost"] / PIXEL) for row in rows(result["OUTPUT"])]
    assert found == [("S1", "S2", 4), ("S2", "S1", 4), ("S3", "S2", 12)]


def test_minimum_planar_graph_connects_neighbours_only(run, rows, patches, plain):
    focal = patches((0, 6, 0, 0), (0, 6, 4, 4), (0, 6, 8, 8))
    result = run(
        "leastcostpaths", INPUT=plain, VALUES="resistance", FOCAL=focal, ID_FIELD="code", PAIRS="minimum_planar_graph"
    )
    assert [(row["from_id"], row["to_id"]) for row in rows(result["OUTPUT"])] == [("P1", "P2"), ("P2", "P3")]


def test_paths_to_targets_have_both_ids(run, rows, sites, patches, plain):
    where = {"FOCAL": sites([(0, 0), (6, 0)]), "TARGETS": patches((0, 6, 7, 8))}
    result = run("leastcostpaths", INPUT=plain, ID_FIELD="code", TARGET_ID_FIELD="code", **where)
    assert [(row["from_id"], row["to_id"]) for row in rows(result["OUTPUT"])] == [("S1", "P1"), ("S2", "P1")]
    assert result["PATHS"] == 2


def test_one_focal_node_suffices_with_targets(run, sites, plain):
    assert run("leastcostpaths", INPUT=plain, FOCAL=sites([(0, 0)]), TARGETS=sites([(3, 3), (5, 5)]))["PATHS"] == 2


@pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson", ""])
def test_isolated_feature_has_row_without_line(run, rows, sites, valley_file, feedback, tmp_path, ending):
    target = str(tmp_path / f"paths.{ending}") if ending else "TEMPORARY_OUTPUT"
    focal = sites([FIRST, SECOND, ISLAND])
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=focal, ID_FIELD="code", OUTPUT=target)
    found = rows(result["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [("S1", "S2"), ("S1", "S3"), ("S2", "S3")]
    assert [row["cost"] is None for row in found] == [row["length"] is None for row in found] == [False, True, True]
    lines = [feature.geometry() for feature in opened(result["OUTPUT"]).getFeatures()]
    assert [line.isNull() or line.isEmpty() for line in lines] == [False, True, True]
    assert (result["PATHS"], any("(S1, S2) · (S3)" in text for text in feedback.warnings)) == (1, True)


def test_feature_without_nearest_has_empty_target(run, rows, sites, valley_file, feedback):
    focal = sites([FIRST, SECOND, ISLAND])
    found = rows(run("leastcostpaths", INPUT=valley_file, FOCAL=focal, ID_FIELD="code", PAIRS="nearest")["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [("S1", "S2"), ("S2", "S1"), ("S3", None)]
    assert found[2]["cost"] is None and found[2]["to_name"] is None
    assert any("No path leads from 1 of 3 focal nodes: S3" in text for text in feedback.warnings)


def test_disconnected_features_have_rows_without_lines(run, rows, sites, valley_file):
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=sites([FIRST, ISLAND]), EDGE_RULE="target", ID_FIELD="code")
    found = rows(result["OUTPUT"])
    assert [(row["from_id"], row["to_id"], row["cost"]) for row in found] == [("S1", "S2", None), ("S2", "S1", None)]
    assert result["PATHS"] == 0


def test_feature_without_reachable_target_is_logged(run, rows, sites, valley_file, feedback):
    focal, ends = sites([FIRST, ISLAND]), sites([SECOND])
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=focal, TARGETS=ends, ID_FIELD="code")
    found = rows(result["OUTPUT"])
    assert result["PATHS"] == 1
    assert [(row["from_id"], row["cost"] is None) for row in found] == [("S1", False), ("S2", True)]
    assert any("No path connects 1 of 2 pairs" in text and "S2 – " in text for text in feedback.warnings)


def test_paths_have_crs_of_landscape(run, sites, valley_file):
    place = run("leastcostpaths", INPUT=valley_file, FOCAL=sites([FIRST, SECOND]))["OUTPUT"]
    assert opened(place).crs().authid() == "EPSG:31985"


def test_minimum_planar_graph_rejects_targets(run, sites, plain):
    with pytest.raises(QgsProcessingException, match="leave the targets empty"):
        run("leastcostpaths", INPUT=plain, FOCAL=sites([(0, 0)]), TARGETS=sites([(1, 1)]), PAIRS="minimum_planar_graph")


def test_shared_parts_of_paths_are_counted_once(run, rows, corners, geotiff, points):
    land = np.full((3, 7), 0.01)
    land[1] = 1.0  # one road, from west to east
    places = points((1, 0), (1, 3), (1, 6))
    layers = run("leastcostpaths", INPUT=geotiff(land), VALUES="permeability", FOCAL=places)
    counted = list(zip([row["paths"] for row in rows(layers["SHARED"])], corners(layers["SHARED"]), strict=True))
    assert [(count, line[0], line[-1]) for count, line in counted] == [(2, (1, 0), (1, 3)), (2, (1, 3), (1, 6))]


def test_paths_in_opposite_directions_share_their_parts(qgis_app):
    there = np.array([[0, 0], [1, 1], [1, 2]])
    assert [count for count, _ in shared_parts([there, there[::-1]])] == [2]
    assert list(shared_parts([])) == [] and list(shared_parts([there[:1]])) == []
