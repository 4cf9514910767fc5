"""Distances, paths and corridors between features: ids stay, islands are named, what is wrong is said."""

import numpy as np
import pytest
from permea.plugin.distance_registry import distance_names
from qgis.core import QgsProcessingException

from .conftest import NODATA, NORTH, PIXEL, WEST, opened

# West, south-west, and the island in the south-east of the valley.
HERE, THERE, ISLAND = (0, 0), (8, 2), (7, 10)
COLUMNS = ["from_id", "to_id", "from_name", "to_name"]


def to_each(ask_engine, valley, cells):
    """The least cost from every cell to each of some, by the engine asked by hand."""
    valid = valley != NODATA
    arrays = {"landscape": np.where(valid, valley, np.nan), "valid": valid, "sources": np.array(cells)}
    return ask_engine("leastcost.distance", arrays, per_source=True)[0]["distance"]


# Distance matrix


def test_the_matrix_of_least_costs_is_read_off_the_maps_and_the_island_has_an_empty_cell(
    run, rows, ask_engine, sites, valley, valley_file, feedback
):
    cells = [HERE, THERE, ISLAND]
    found = rows(run("distancematrix", INPUT=valley_file, FOCAL=sites(cells), ID_FIELD="code")["OUTPUT"])
    expected = to_each(ask_engine, valley, cells)[0][THERE]
    assert [[row[name] for name in COLUMNS] for row in found] == [
        ["S1", "S2", "S1", "S2"],
        ["S1", "S3", "S1", "S3"],
        ["S2", "S3", "S2", "S3"],
    ]
    assert [row["distance"] for row in found] == [pytest.approx(expected, rel=1e-12), None, None]
    assert any("in 2 connected components" in text and "(S1, S2) · (S3)" in text for text in feedback.warnings)


def test_a_square_matrix_has_a_row_and_a_column_for_each_feature(run, rows, sites, valley_file, tmp_path):
    target = str(tmp_path / "matrix.gpkg")
    result = run(
        "distancematrix", INPUT=valley_file, FOCAL=sites([HERE, THERE, ISLAND]), ID_FIELD="code", MATRIX=target
    )
    pair = rows(result["OUTPUT"])[0]["distance"]
    found = [[row[name] for name in ("id", "to_S1", "to_S2", "to_S3")] for row in rows(result["MATRIX"])]
    assert found == [["S1", 0, pair, None], ["S2", pair, 0, None], ["S3", None, None, 0]]


def test_lines_join_the_features_and_carry_the_distance(run, rows, corners, sites, plain):
    focal = sites([(0, 0), (0, 8)])
    result = run("distancematrix", INPUT=plain, VALUES="resistance", FOCAL=focal, LINES="TEMPORARY_OUTPUT")
    assert rows(result["LINES"]) == rows(result["OUTPUT"])
    assert corners(result["LINES"]) == [[(0, 0), (0, 8)]]
    assert rows(result["LINES"])[0]["distance"] == pytest.approx(2 * 8 * PIXEL)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [("leastcost", 8 * PIXEL), ("euclidean", 8 * PIXEL), ("resistance", 8 * PIXEL)],
)
def test_along_a_strip_all_distances_but_the_wanderers_are_its_length(run, rows, sites, geotiff, distance, expected):
    strip = geotiff(np.ones((1, 9)))
    result = run("distancematrix", INPUT=strip, FOCAL=sites([(0, 0), (0, 8)]), DISTANCE=distance)
    assert rows(result["OUTPUT"])[0]["distance"] == pytest.approx(expected)
    assert result["MAXIMUM"] == pytest.approx(expected)


def test_randomized_paths_go_both_ways(run, rows, sites, valley_file):
    focal = sites([HERE, THERE])
    found = rows(run("distancematrix", INPUT=valley_file, FOCAL=focal, DISTANCE="rsp", ID_FIELD="code")["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [("S1", "S2"), ("S2", "S1")]
    assert found[0]["distance"] != pytest.approx(found[1]["distance"], rel=1e-6)


def test_polygons_are_met_at_their_rims(run, rows, patches, plain):
    focal = patches((0, 2, 0, 1), (1, 4, 6, 8))
    result = run("distancematrix", INPUT=plain, VALUES="resistance", FOCAL=focal, ID_FIELD="code")
    assert rows(result["OUTPUT"])[0]["distance"] == pytest.approx(2 * 5 * PIXEL)


def test_randomized_paths_of_polygons_are_refused_by_name(run, patches, plain):
    with pytest.raises(QgsProcessingException, match="2 of 2 focal nodes cover several cells: P1, P2"):
        run("distancematrix", INPUT=plain, FOCAL=patches((0, 1, 0, 1), (4, 5, 6, 8)), ID_FIELD="code", DISTANCE="rsp")


@pytest.mark.parametrize("distance", distance_names("distance.matrix"))
def test_from_features_to_targets_the_matrix_is_rectangular(run, rows, sites, plain, distance):
    """Read off the square matrix of all of them; the ids of both layers stay, also where they are the same."""
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


def test_a_pair_of_a_feature_and_a_target_that_nothing_joins_is_empty_and_named(
    run, rows, sites, valley_file, feedback
):
    where = {"FOCAL": sites([HERE, ISLAND]), "TARGETS": sites([THERE]), "ID_FIELD": "code", "TARGET_ID_FIELD": "code"}
    result = run("distancematrix", INPUT=valley_file, MATRIX="TEMPORARY_OUTPUT", **where)
    assert [row["distance"] is None for row in rows(result["OUTPUT"])] == [False, True]
    assert rows(result["MATRIX"])[1]["to_S1"] is None
    assert any("No path connects 1 of 2 pairs" in text and "S2 – S1" in text for text in feedback.warnings)


def test_one_feature_and_one_target_are_a_matrix(run, rows, sites, plain):
    where = {"FOCAL": sites([(0, 0)]), "TARGETS": sites([(0, 8)]), "VALUES": "resistance"}
    assert rows(run("distancematrix", INPUT=plain, **where)["OUTPUT"])[0]["distance"] == pytest.approx(16 * PIXEL)


# Least-cost paths


def test_a_path_leads_through_the_middle_of_cells_and_costs_what_the_map_says(
    run, rows, corners, ask_engine, sites, valley, valley_file
):
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=sites([HERE, THERE]), ID_FIELD="code")
    [row], [way] = rows(result["OUTPUT"]), corners(result["OUTPUT"])
    assert row["cost"] == pytest.approx(to_each(ask_engine, valley, [HERE])[0][THERE], rel=1e-12)
    assert (way[0], way[-1], row["from_id"], row["to_id"]) == (HERE, THERE, "S1", "S2")
    assert row["length"] == pytest.approx(np.hypot(*np.diff(way, axis=0).T).sum() * PIXEL)


def test_the_nearest_of_all_is_one_path_for_each_feature(run, rows, sites, plain):
    focal = sites([(0, 0), (0, 2), (0, 8)])
    result = run("leastcostpaths", INPUT=plain, VALUES="resistance", FOCAL=focal, ID_FIELD="code", PAIRS="nearest")
    found = [(row["from_id"], row["to_id"], row["cost"] / PIXEL) for row in rows(result["OUTPUT"])]
    assert found == [("S1", "S2", 4), ("S2", "S1", 4), ("S3", "S2", 12)]


def test_neighbours_are_joined_and_not_those_beyond_a_third(run, rows, patches, plain):
    focal = patches((0, 6, 0, 0), (0, 6, 4, 4), (0, 6, 8, 8))
    result = run(
        "leastcostpaths", INPUT=plain, VALUES="resistance", FOCAL=focal, ID_FIELD="code", PAIRS="minimum_planar_graph"
    )
    assert [(row["from_id"], row["to_id"]) for row in rows(result["OUTPUT"])] == [("P1", "P2"), ("P2", "P3")]


def test_paths_lead_from_focal_nodes_to_targets_with_the_ids_of_both(run, rows, sites, patches, plain):
    where = {"FOCAL": sites([(0, 0), (6, 0)]), "TARGETS": patches((0, 6, 7, 8))}
    result = run("leastcostpaths", INPUT=plain, ID_FIELD="code", TARGET_ID_FIELD="code", **where)
    assert [(row["from_id"], row["to_id"]) for row in rows(result["OUTPUT"])] == [("S1", "P1"), ("S2", "P1")]
    assert result["PATHS"] == 2


def test_one_focal_node_is_enough_where_there_are_targets(run, sites, plain):
    assert run("leastcostpaths", INPUT=plain, FOCAL=sites([(0, 0)]), TARGETS=sites([(3, 3), (5, 5)]))["PATHS"] == 2


@pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson", ""])
def test_who_lives_on_an_island_is_named_and_has_a_row_without_a_line(
    run, rows, sites, valley_file, feedback, tmp_path, ending
):
    target = str(tmp_path / f"paths.{ending}") if ending else "TEMPORARY_OUTPUT"
    focal = sites([HERE, THERE, ISLAND])
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=focal, ID_FIELD="code", OUTPUT=target)
    found = rows(result["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [("S1", "S2"), ("S1", "S3"), ("S2", "S3")]
    assert [row["cost"] is None for row in found] == [row["length"] is None for row in found] == [False, True, True]
    lines = [feature.geometry() for feature in opened(result["OUTPUT"]).getFeatures()]
    assert [line.isNull() or line.isEmpty() for line in lines] == [False, True, True]
    assert (result["PATHS"], any("(S1, S2) · (S3)" in text for text in feedback.warnings)) == (1, True)


def test_who_has_no_nearest_has_a_row_without_another(run, rows, sites, valley_file, feedback):
    focal = sites([HERE, THERE, ISLAND])
    found = rows(run("leastcostpaths", INPUT=valley_file, FOCAL=focal, ID_FIELD="code", PAIRS="nearest")["OUTPUT"])
    assert [(row["from_id"], row["to_id"]) for row in found] == [("S1", "S2"), ("S2", "S1"), ("S3", None)]
    assert found[2]["cost"] is None and found[2]["to_name"] is None
    assert any("No path leads from 1 of 3 focal nodes: S3" in text for text in feedback.warnings)


def test_where_all_are_apart_there_are_only_rows_without_lines(run, rows, sites, valley_file):
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=sites([HERE, ISLAND]), EDGE_RULE="target", ID_FIELD="code")
    found = rows(result["OUTPUT"])
    assert [(row["from_id"], row["to_id"], row["cost"]) for row in found] == [("S1", "S2", None), ("S2", "S1", None)]
    assert result["PATHS"] == 0


def test_who_reaches_no_target_is_named(run, rows, sites, valley_file, feedback):
    focal, ends = sites([HERE, ISLAND]), sites([THERE])
    result = run("leastcostpaths", INPUT=valley_file, FOCAL=focal, TARGETS=ends, ID_FIELD="code")
    found = rows(result["OUTPUT"])
    assert result["PATHS"] == 1
    assert [(row["from_id"], row["cost"] is None) for row in found] == [("S1", False), ("S2", True)]
    assert any("No path connects 1 of 2 pairs" in text and "S2 – " in text for text in feedback.warnings)


def test_paths_lie_in_the_system_of_the_landscape(run, sites, valley_file):
    place = run("leastcostpaths", INPUT=valley_file, FOCAL=sites([HERE, THERE]))["OUTPUT"]
    assert opened(place).crs().authid() == "EPSG:31985"


# Corridors


def test_a_corridor_is_the_sum_of_two_distances_less_the_best(run, read, ask_engine, sites, valley, valley_file):
    one, other = to_each(ask_engine, valley, [HERE, THERE])
    result = run("leastcostcorridor", INPUT=valley_file, FOCAL=sites([HERE, THERE]))
    expected = one + other - (one + other)[np.isfinite(one)].min()
    expected = np.where(np.isfinite(expected), expected, np.nan)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, expected, rtol=1e-6, atol=1e-4)
    assert result["LEAST_COST"] == pytest.approx(one[THERE], rel=1e-9)


def test_beyond_the_threshold_there_is_no_corridor(run, read, sites, plain):
    where = {"INPUT": plain, "VALUES": "resistance", "FOCAL": sites([(3, 0), (3, 8)])}
    whole = read(run("leastcostcorridor", **where)["OUTPUT"]).band
    cut = read(run("leastcostcorridor", THRESHOLD=60.0, **where)["OUTPUT"]).band
    np.testing.assert_array_equal(cut, np.where(whole <= 60.0, whole, np.nan))
    assert np.nanmin(whole[3]) == 0 and np.isnan(cut).any()


def test_a_normalised_corridor_is_a_part_of_the_best_cost(run, read, sites, plain):
    where = {"INPUT": plain, "VALUES": "resistance", "FOCAL": sites([(3, 0), (3, 8)])}
    cost = read(run("leastcostcorridor", **where)["OUTPUT"]).band
    part = read(run("leastcostcorridor", NORMALISED=True, **where)["OUTPUT"]).band
    np.testing.assert_allclose(part, cost / (2 * 8 * PIXEL), rtol=1e-6, atol=1e-9)


def test_a_corridor_comes_with_its_paths_ground_and_directions(run, read, rows, sites, plain):
    extra = dict.fromkeys(("PATHS", "ALLOCATION", "BACKLINK"), "TEMPORARY_OUTPUT")
    focal = sites([(3, 0), (3, 8)], ["20", "10"])
    result = run("leastcostcorridor", INPUT=plain, VALUES="resistance", FOCAL=focal, **extra)
    first, second = (row.id() for row in focal.getFeatures())
    assert [(row["from_id"], row["to_id"]) for row in rows(result["PATHS"])] == [(first, second)]
    ground, back = read(result["ALLOCATION"]).band, read(result["BACKLINK"]).band
    assert (ground[3, 1], ground[3, 7], ground[0, 0]) == (first, second, first)
    assert (back[3, 0], back[3, 1], back[3, 7], back[2, 0], back[4, 1]) == (0, 5, 1, 3, 6)


def test_a_corridor_leads_from_one_layer_to_the_other(run, read, sites, patches, plain):
    where = {"FOCAL": sites([(3, 0)]), "TARGETS": patches((2, 4, 7, 8))}
    result = run("leastcostcorridor", INPUT=plain, VALUES="resistance", **where)
    assert result["LEAST_COST"] == pytest.approx(2 * 7 * PIXEL)
    assert read(result["OUTPUT"]).band[3, :8] == pytest.approx(np.zeros(8), abs=1e-3)


def test_outputs_that_nobody_asked_for_are_not_made(run, sites, plain):
    result = run(
        "leastcostcorridor", INPUT=plain, FOCAL=sites([(3, 0), (3, 8)]), PATHS=None, ALLOCATION=None, BACKLINK=None
    )
    assert not {"PATHS", "ALLOCATION", "BACKLINK"} & result.keys()


# What is wrong is said

ALL = ("distancematrix", "leastcostpaths", "leastcostcorridor")


@pytest.mark.parametrize("name", ALL)
def test_without_focal_nodes_there_is_nothing_to_join(run, plain, name):
    with pytest.raises(QgsProcessingException, match="No focal nodes: choose either"):
        run(name, INPUT=plain)


@pytest.mark.parametrize("name", ALL)
def test_one_focal_node_is_not_enough(run, sites, plain, name):
    with pytest.raises(QgsProcessingException, match="'sites' has one focal node .* 2 or more are needed"):
        run(name, INPUT=plain, FOCAL=sites([(0, 0)]))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("cells", "said"), [([(3, 4), (4, 4)], "on nodata"), ([(20, 0), (21, 0)], "outside the raster")]
)
def test_focal_nodes_that_all_lie_nowhere_are_refused(run, sites, valley_file, name, cells, said):
    with pytest.raises(QgsProcessingException, match=f"No focal node of 'sites'.*{said}"):
        run(name, INPUT=valley_file, FOCAL=sites(cells))


@pytest.mark.parametrize("name", ALL)
def test_points_that_share_an_id_are_refused(run, sites, plain, name):
    with pytest.raises(QgsProcessingException, match="points share an id in the field 'code': same"):
        run(name, INPUT=plain, FOCAL=sites([(0, 0), (3, 3)], ["same", "same"]), ID_FIELD="code")


@pytest.mark.parametrize("name", ALL)
def test_zeros_said_to_be_resistance_are_refused(run, sites, geotiff, name):
    landscape = geotiff(np.pad(np.zeros((1, 2)), 2, constant_values=1.0))
    with pytest.raises(QgsProcessingException, match="resistance is zero in 2 cells, the first at row 3, column 3"):
        run(name, INPUT=landscape, VALUES="resistance", FOCAL=sites([(0, 0), (4, 4)]))


@pytest.mark.parametrize("name", ALL)
def test_a_raster_of_ids_on_another_grid_is_brought_to_the_landscape(run, geotiff, plain, name, feedback):
    ids = np.zeros((14, 18))
    ids[:2, :2], ids[10:, 14:] = 3, 8
    fine = geotiff(ids, name="ids", geotransform=(WEST, PIXEL / 2, 0.0, NORTH, 0.0, -PIXEL / 2))
    result = run(name, INPUT=plain, FOCAL_RASTER=fine)
    assert result["OUTPUT"]
    assert any("'ids'" in text for text in feedback.warnings + feedback.infos)


@pytest.mark.parametrize(
    ("name", "choices", "said"),
    [
        ("leastcostpaths", {"PAIRS": "minimum_planar_graph", "EDGE_RULE": "target"}, "has no direction"),
        ("leastcostcorridor", {"EDGE_RULE": "target"}, "have no direction"),
        ("distancematrix", {"DISTANCE": "resistance", "EDGE_RULE": "target"}, "has no direction"),
    ],
)
def test_what_needs_a_landscape_that_is_the_same_both_ways_says_so(run, sites, plain, name, choices, said):
    with pytest.raises(QgsProcessingException, match=said):
        run(name, INPUT=plain, FOCAL=sites([(0, 0), (3, 3)]), **choices)


def test_a_planar_graph_has_no_targets(run, sites, plain):
    with pytest.raises(QgsProcessingException, match="leave the targets empty"):
        run("leastcostpaths", INPUT=plain, FOCAL=sites([(0, 0)]), TARGETS=sites([(1, 1)]), PAIRS="minimum_planar_graph")


def test_a_corridor_to_an_island_is_refused_and_leaves_nothing(run, sites, valley_file, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    places = {"OUTPUT": str(folder / "corridor.tif"), "PATHS": str(folder / "paths.gpkg")}
    with pytest.raises(QgsProcessingException, match="no path joins any two of the 2 nodes"):
        run("leastcostcorridor", INPUT=valley_file, FOCAL=sites([HERE, ISLAND]), **places)
    assert list(folder.iterdir()) == []
