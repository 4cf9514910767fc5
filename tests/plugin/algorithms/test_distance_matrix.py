"""Distance matrix: equal to distance maps, ids kept, unreachable pairs empty and logged."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.distance_registry import distance_names

from .conftest import FIRST, ISLAND, PIXEL, SECOND

COLUMNS = ["from_id", "to_id", "from_name", "to_name"]


def test_least_cost_matrix_equals_distance_maps(run, rows, least_costs_to, sites, valley_file, feedback):
    cells = [FIRST, SECOND, ISLAND]
    found = rows(run("distancematrix", INPUT=valley_file, FOCAL=sites(cells), ID_FIELD="code")["OUTPUT"])
    expected = least_costs_to(cells)[0][SECOND]
    assert [[row[name] for name in COLUMNS] for row in found] == [
        ["S1", "S2", "S1", "S2"],
        ["S1", "S3", "S1", "S3"],
        ["S2", "S3", "S2", "S3"],
    ]
    assert [row["distance"] for row in found] == [pytest.approx(expected, rel=1e-12), None, None]
    assert any("in 2 connected components" in text and "(S1, S2) · (S3)" in text for text in feedback.warnings)


def test_square_matrix_has_row_and_column_per_feature(run, rows, sites, valley_file, tmp_path):
    target = str(tmp_path / "matrix.gpkg")
    result = run(
        "distancematrix", INPUT=valley_file, FOCAL=sites([FIRST, SECOND, ISLAND]), ID_FIELD="code", MATRIX=target
    )
    pair = rows(result["OUTPUT"])[0]["distance"]
    found = [[row[name] for name in ("id", "to_S1", "to_S2", "to_S3")] for row in rows(result["MATRIX"])]
    assert found == [["S1", 0, pair, None], ["S2", pair, 0, None], ["S3", None, None, 0]]


def test_lines_connect_features_and_carry_distance(run, rows, corners, sites, plain):
    focal = sites([(0, 0), (0, 8)])
    result = run("distancematrix", INPUT=plain, VALUES="resistance", FOCAL=focal, LINES="TEMPORARY_OUTPUT")
    assert rows(result["LINES"]) == rows(result["OUTPUT"])
    assert corners(result["LINES"]) == [[(0, 0), (0, 8)]]
    assert rows(result["LINES"])[0]["distance"] == pytest.approx(2 * 8 * PIXEL)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [("leastcost", 8 * PIXEL), ("euclidean", 8 * PIXEL), ("resistance", 8 * PIXEL)],
)
def test_distance_along_strip_equals_its_length(run, rows, sites, geotiff, distance, expected):
    strip = geotiff(np.ones((1, 9)))
    result = run("distancematrix", INPUT=strip, FOCAL=sites([(0, 0), (0, 8)]), DISTANCE=distance)
    assert rows(result["OUTPUT"])[0]["distance"] == pytest.approx(expected)
    assert result["MAXIMUM"] == pytest.approx(expected)


def test_rsp_distance_has_both_directions(run, rows, sites, valley_file):
    focal = sites([FIRST, SECOND])
    found = rows(run("distancematrix", INPUT=valley_file, FOCAL=focal, DISTANCE="rsp", ID_FIELD="code")["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [("S1", "S2"), ("S2", "S1")]
    assert found[0]["distance"] != pytest.approx(found[1]["distance"], rel=1e-6)


def test_polygon_distance_is_between_boundaries(run, rows, patches, plain):
    focal = patches((0, 2, 0, 1), (1, 4, 6, 8))
    result = run("distancematrix", INPUT=plain, VALUES="resistance", FOCAL=focal, ID_FIELD="code")
    assert rows(result["OUTPUT"])[0]["distance"] == pytest.approx(2 * 5 * PIXEL)


def test_rsp_distance_rejects_polygons(run, patches, plain):
    with pytest.raises(QgsProcessingException, match="2 of 2 focal nodes cover several cells: P1, P2"):
        run("distancematrix", INPUT=plain, FOCAL=patches((0, 1, 0, 1), (4, 5, 6, 8)), ID_FIELD="code", DISTANCE="rsp")


@pytest.mark.parametrize("distance", distance_names("distance.matrix"))
def test_matrix_to_targets_is_rectangular(run, rows, sites, plain, distance):
    """Equal to entries of the square matrix of all features, with the ids of both layers even if these coincide."""
    here, there = [(0, 0), (6, 3)], [(1, 7), (0, 0), (5, 8)]
    chosen = {"INPUT": plain, "VALUES": "resistance", "DISTANCE": distance, "THETA": 0.001, "ID_FIELD": "code"}
    every = rows(run("distancematrix", FOCAL=sites([*here, there[0], there[2]]), **chosen)["OUTPUT"])
    known = {(row["from_id"], row["to_id"]): row["distance"] for row in every}
    known |= {pair[::-1]: value for pair, value in known.items() if pair[::-1] not in known}
    same = {"S1": "S3", "S2": "S1", "S3": "S4"}
    result = run(
        "distancematrix",
        FOCAL=sites(here),
        TARGETS=sites(there, name="ends"),
        TARGET_ID_FIELD="code",
        MATRIX="TEMPORARY_OUTPUT",
        LINES="TEMPORARY_OUTPUT",
        **chosen,
    )
    found = rows(result["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [(f"S{i}", f"S{j}") for i in (1, 2) for j in (1, 2, 3)]
    for row in found:
        pair = row["from_id"], same[row["to_id"]]
        expected = 0 if pair[0] == pair[1] else known[pair]
        assert row["distance"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    square = [[row["id"], row["to_S1"], row["to_S2"], row["to_S3"]] for row in rows(result["MATRIX"])]
    assert square == [
        ["S1", *(row["distance"] for row in found[:3])],
        ["S2", *(row["distance"] for row in found[3:])],
    ]
    assert rows(result["LINES"]) == found
    assert (result["FOCAL_NODES"], result["UNREACHABLE_PAIRS"]) == (2, 0)


def test_unreachable_target_is_empty_and_logged(run, rows, sites, valley_file, feedback):
    where = {"FOCAL": sites([FIRST, ISLAND]), "TARGETS": sites([SECOND]), "ID_FIELD": "code", "TARGET_ID_FIELD": "code"}
    result = run("distancematrix", INPUT=valley_file, MATRIX="TEMPORARY_OUTPUT", **where)
    assert [row["distance"] is None for row in rows(result["OUTPUT"])] == [False, True]
    assert rows(result["MATRIX"])[1]["to_S1"] is None
    assert any("No path connects 1 of 2 pairs" in text and "S2 – S1" in text for text in feedback.warnings)


def test_matrix_of_one_feature_and_one_target(run, rows, sites, plain):
    where = {"FOCAL": sites([(0, 0)]), "TARGETS": sites([(0, 8)]), "VALUES": "resistance"}
    assert rows(run("distancematrix", INPUT=plain, **where)["OUTPUT"])[0]["distance"] == pytest.approx(16 * PIXEL)
