"""Current flow: equal to Circuitscape's verification cases, and invalid inputs."""

import re

import numpy as np
import pytest

from .circuitscape_cases import CASES, CIRCUITSCAPE, read_raster
from .conftest import NODATA, NORTH, PIXEL, REFERENCE_DATA, WEST
from .interventions import as_soon_as

needs_reference = pytest.mark.skipif(not CASES, reason=f"no reference data in {REFERENCE_DATA}")


def choices_of(case):
    """Parameters of the landscape and the graph of a case."""
    [path] = [path for path in CASES if path.stem == case]
    options = dict(re.findall(r"^(\w+) *= *(.*?) *$", path.read_text(), re.MULTILINE))
    is_on = {name: value == "True" for name, value in options.items()}
    chosen = {
        "INPUT": str(CIRCUITSCAPE / options["habitat_file"]),
        "VALUES": "resistance" if is_on["habitat_map_is_resistances"] else "permeability",
        "NEIGHBORS": "rook" if is_on["connect_four_neighbors_only"] else "queen",
        "EDGE_RULE": "resistance" if is_on["connect_using_avg_resistances"] else "mean",
    }
    return chosen, options


@needs_reference
@pytest.mark.parametrize(
    ("case", "mode"), [("sgVerify4", "pairwise"), ("oneToAllVerify4", "one_to_all"), ("allToOneVerify4", "all_to_one")]
)
def test_currents_and_resistances_equal_circuitscape(run, read, rows, case, mode):
    chosen, options = choices_of(case)
    focal = str(CIRCUITSCAPE / options["point_file"])
    result = run("currentflow", MODE=mode, FOCAL_RASTER=focal, **chosen)
    expected, _ = read_raster(CIRCUITSCAPE / "output_verify" / f"{case}_cum_curmap.asc")
    found = np.nan_to_num(read(result["OUTPUT"]).band)
    np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())
    stored = np.loadtxt(CIRCUITSCAPE / "output_verify" / f"{case}_resistances.out")
    listed = rows(result["RESISTANCES"])
    if mode == "pairwise":
        ids = stored[0, 1:].astype(int).tolist()
        known = {(i, j): stored[1 + a, 1 + b] for a, i in enumerate(ids) for b, j in enumerate(ids) if i < j}
        ours = {(row["from_id"], row["to_id"]): row["resistance"] for row in listed}
    else:
        known = {int(identity): value for identity, value in stored}
        ours = {row["id"]: row["resistance"] for row in listed}
    ours = {key: -1 if value is None else value for key, value in ours.items()}
    assert ours == pytest.approx({key: known[key] for key in ours}, rel=1e-6)
    # Focal nodes on nodata are left out, where Circuitscape has them without a connection.
    assert {value for key, value in known.items() if key not in ours} == {-1}
    assert result["UNCONNECTED"] == sum(value == -1 for value in ours.values())
    assert result["UNCONSERVED"] < 1e-8


@needs_reference
def test_sources_and_grounds_equal_circuitscape(run, read):
    chosen, options = choices_of("mgVerify2")
    places = {
        "SOURCE_RASTER": str(CIRCUITSCAPE / options["source_file"]),
        "GROUND_RASTER": str(CIRCUITSCAPE / options["ground_file"]),
        "GROUND_VALUES": "resistance" if options["ground_file_is_resistances"] == "True" else "conductance",
        "POLICY": options["remove_src_or_gnd"],
    }
    result = run("currentflowadvanced", **places, **chosen)
    for output, name in (("OUTPUT", "curmap"), ("VOLTAGE", "voltmap")):
        expected, _ = read_raster(CIRCUITSCAPE / "output_verify" / f"mgVerify2_{name}.asc")
        found = np.nan_to_num(read(result[output]).band)
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_polygons_and_id_raster_give_same_regions(run, read, rows, geotiff, valley_file, rectangles):
    boxes, ids = [(0, 0, 2, 2), (6, 1, 9, 3), (0, 9, 3, 12)], [30, 10, 20]
    raster = np.zeros((9, 12), np.int32)
    for (top, left, bottom, right), identity in zip(boxes, ids, strict=True):
        raster[top:bottom, left:right] = identity
    layer = rectangles(*boxes, ids=ids)
    one = run("currentflow", INPUT=valley_file, FOCAL=layer, ID_FIELD="code")
    other = run("currentflow", INPUT=valley_file, FOCAL_RASTER=geotiff(raster, name="ids"))
    np.testing.assert_array_equal(read(one["OUTPUT"]).band, read(other["OUTPUT"]).band)
    listed = rows(one["RESISTANCES"])
    assert listed == rows(other["RESISTANCES"])
    assert [(row["from_id"], row["to_id"]) for row in listed] == [(10, 20), (10, 30), (20, 30)]


def test_unconnected_focal_nodes_are_empty_and_logged(run, rows, points, valley_file, feedback):
    result = run("currentflow", INPUT=valley_file, FOCAL=points((0, 0), (8, 2), (7, 10)))
    resistance = {(row["from_label"], row["to_label"]): row["resistance"] for row in rows(result["RESISTANCES"])}
    assert resistance["patch A", "patch B"] > 0
    assert resistance["patch A", "patch C"] is resistance["patch B", "patch C"] is None
    assert any("2 pairs are not connected" in text and "1, 2; 3." in text for text in feedback.warnings)
    assert (result["UNCONNECTED"], result["CELLS_WITHOUT_FLOW"]) == (2, 9)


def test_current_and_resistance_of_strip(run, read, rows, geotiff, points):
    result = run("currentflow", INPUT=geotiff(np.ones((1, 5))), FOCAL=points((0, 0), (0, 2), (0, 4)))
    assert read(result["OUTPUT"]).band.tolist() == [[2, 2, 3, 2, 2]]
    assert [row["resistance"] for row in rows(result["RESISTANCES"])] == pytest.approx([60, 120, 60])
    zero = run("currentflow", INPUT=geotiff(np.ones((1, 5))), FOCAL=points((0, 0), (0, 2), (0, 4)), ZERO_AT_FOCAL=True)
    np.testing.assert_allclose(read(zero["OUTPUT"]).band, [[0, 2, 1, 2, 0]], atol=1e-9)


def test_short_circuit_region_shortens_strip(run, rows, geotiff, points, rectangles):
    strip = {"INPUT": geotiff(np.ones((1, 6))), "FOCAL": points((0, 0), (0, 5))}
    result = run("currentflow", SHORT_CIRCUITS=rectangles((0, 1, 1, 3), (0, 2, 1, 5)), **strip)
    assert [row["resistance"] for row in rows(result["RESISTANCES"])] == pytest.approx([60])


def test_mask_is_a_barrier(run, read, geotiff, valley, points):
    mask = np.ones(valley.shape, np.uint8)
    mask[2, 3:9] = 0
    cut = np.where(mask > 0, valley, NODATA)
    places = {"FOCAL": points((0, 0), (8, 2), (4, 7))}
    masked = run("currentflow", INPUT=geotiff(valley, nodata=NODATA), MASK=geotiff(mask, name="mask"), **places)
    expected = run("currentflow", INPUT=geotiff(cut, nodata=NODATA, name="cut"), **places)
    np.testing.assert_array_equal(read(masked["OUTPUT"]).band, read(expected["OUTPUT"]).band)


def test_strength_field_scales_currents(run, read, geotiff, rectangles):
    strip = {"INPUT": geotiff(np.ones((1, 5))), "FOCAL": rectangles((0, 0, 1, 1), (0, 4, 1, 5), ids=[3, 5])}
    result = run("currentflow", MODE="one_to_all", STRENGTH_FIELD="code", **strip)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[8] * 5], rtol=1e-6)


def test_pairs_file_selects_currents(run, read, rows, geotiff, points, tmp_path):
    (tmp_path / "pairs.txt").write_text("mode include\n1 2\n")
    strip = {"INPUT": geotiff(np.ones((1, 5))), "FOCAL": points((0, 0), (0, 2), (0, 4))}
    result = run("currentflow", PAIRS=str(tmp_path / "pairs.txt"), **strip)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1, 1, 1, 0, 0]], atol=1e-6)
    assert [(row["from_id"], row["to_id"]) for row in rows(result["RESISTANCES"])] == [(1, 2)]


@pytest.mark.long
def test_individual_maps_of_killed_run_are_resumed(
    run, read, error_message, kill_engine, nine_regions, geotiff, feedback, tmp_path
):
    folder = tmp_path / "maps"
    as_soon_as(lambda: len(list(folder.glob("current_*.tif"))) >= 20, kill_engine)
    assert error_message("currentflow", SINGLE_MAPS=str(folder), **nine_regions).startswith("The engine was killed")
    first = {path.name: path.stat().st_mtime_ns for path in folder.glob("current_*.tif")}
    assert 20 <= len(first) < 36
    assert any("run again with that folder" in text for text in feedback.infos)

    result = run("currentflow", SINGLE_MAPS=str(folder), **nine_regions)
    second = {path.name: path.stat().st_mtime_ns for path in folder.glob("current_*.tif")}
    assert len(second) == 36 and first.items() <= second.items()
    at_once = run("currentflow", **nine_regions)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, read(at_once["OUTPUT"]).band, rtol=1e-6)
    single = [read(folder / name).band for name in sorted(second)]
    np.testing.assert_allclose(np.sum(single, axis=0), read(at_once["OUTPUT"]).band, rtol=1e-5)

    doubled = geotiff(read(nine_regions["INPUT"]).band.astype(np.float32) * 2, name="doubled")
    message = error_message("currentflow", SINGLE_MAPS=str(folder), **{**nine_regions, "INPUT": doubled})
    assert "something has changed: landscape" in message


def test_maps_without_checkpoint_are_not_overwritten(error_message, nine_regions, tmp_path):
    (tmp_path / "current_1_2.tif").write_text("mine")
    message = error_message("currentflow", SINGLE_MAPS=str(tmp_path), **nine_regions)
    assert "already holds 1 map (the first is current_1_2.tif)" in message
    assert (tmp_path / "current_1_2.tif").read_text() == "mine"


def test_source_strengths_and_ground_resistance(run, read, geotiff, valued_points):
    strip = {"INPUT": geotiff(np.ones((1, 4)) * PIXEL), "SOURCES": valued_points((0, 0, 2.0), (0, 1, 1.0))}
    grounds = {"GROUNDS": valued_points((0, 3, 4.0)), "GROUND_FIELD": "value", "GROUND_VALUES": "resistance"}
    result = run("currentflowadvanced", STRENGTH_FIELD="value", **strip, **grounds)
    # 1 ohm a step: 3 A through 4 ohm of ground, 3 A over two steps, 2 A over the first.
    np.testing.assert_allclose(read(result["VOLTAGE"]).band, [[20, 18, 15, 12]], rtol=1e-6)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[2, 3, 3, 3]], rtol=1e-6)
    assert (result["MAXIMUM_CURRENT"], result["MAXIMUM_POTENTIAL"]) == pytest.approx((3, 20))


@pytest.mark.parametrize(("policy", "expected"), [("rmvsrc", [1, 1, 0]), ("rmvgnd", [1, 2, 2])])
def test_policy_resolves_source_ground_conflicts(run, read, geotiff, valued_points, policy, expected):
    strip = {"INPUT": geotiff(np.ones((1, 3))), "SOURCES": valued_points((0, 0, 1.0), (0, 1, 1.0))}
    grounds = {"GROUNDS": valued_points((0, 1, 1.0), (0, 2, 1.0))}
    result = run("currentflowadvanced", POLICY=policy, **strip, **grounds)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [expected], atol=1e-9)


def test_unit_currents_and_direct_grounds(run, read, geotiff, valued_points):
    strip = {"INPUT": geotiff(np.ones((1, 3))), "SOURCES": valued_points((0, 0, 7.0)), "STRENGTH_FIELD": "value"}
    grounds = {"GROUNDS": valued_points((0, 2, 0.1)), "GROUND_FIELD": "value"}
    result = run("currentflowadvanced", UNIT_CURRENTS=True, DIRECT_GROUNDS=True, **strip, **grounds)
    np.testing.assert_allclose(read(result["VOLTAGE"]).band, [[60, 30, 0]], atol=1e-5)


# What goes wrong.


@pytest.fixture
def open_land(geotiff):
    return geotiff(np.ones((4, 6)))


def test_focal_nodes_are_required_once(error_message, open_land, points):
    assert "No focal nodes: choose" in error_message("currentflow", INPUT=open_land)
    message = error_message("currentflow", INPUT=open_land, FOCAL=points((0, 0)), FOCAL_RASTER=open_land)
    assert "Two sets of focal nodes" in message


def test_single_focal_node_is_rejected(error_message, open_land, points):
    message = error_message("currentflow", INPUT=open_land, FOCAL=points((0, 0)))
    assert "'patches' has only one focal node on passable cells; at least 2 are needed" in message


def test_focal_nodes_on_nodata_are_rejected(error_message, geotiff, points):
    values = np.ones((4, 6))
    values[0] = NODATA
    message = error_message("currentflow", INPUT=geotiff(values, nodata=NODATA), FOCAL=points((0, 0), (0, 3)))
    assert "No focal node of 'patches'" in message and "on nodata: features 1, 2" in message


def test_outside_focal_nodes_are_ignored_and_logged(run, open_land, points, feedback):
    result = run("currentflow", INPUT=open_land, FOCAL=points((0, 0), (3, 5), (40, 40)))
    assert result["FOCAL_NODES"] == 2
    assert any("left out: outside the raster: feature 3" in text for text in feedback.warnings)


def test_duplicate_ids_are_rejected(error_message, open_land, valued_points):
    message = error_message(
        "currentflow", INPUT=open_land, FOCAL=valued_points((0, 0, 4), (1, 1, 4), (2, 2, 5)), ID_FIELD="value"
    )
    assert "points share an id in the field 'value': 4 (of: features 1, 2)" in message


def test_overlapping_regions_are_rejected(error_message, open_land, rectangles):
    message = error_message("currentflow", INPUT=open_land, FOCAL=rectangles((0, 0, 2, 3), (1, 1, 4, 4)))
    assert "Focal regions of 'reserves' overlap: 1 and 2 (2 cells)" in message


def test_sources_without_grounds_are_rejected(error_message, geotiff, open_land, valued_points):
    message = error_message("currentflowadvanced", INPUT=open_land, SOURCES=valued_points((0, 0, 1)))
    assert "No grounds: choose either a layer of points, lines or polygons, or a raster." in message
    nothing = geotiff(np.zeros((4, 6)), name="nothing")
    message = error_message(
        "currentflowadvanced", INPUT=open_land, SOURCES=valued_points((0, 0, 1)), GROUND_RASTER=nothing
    )
    assert "No ground lies on a passable cell of 'landscape' (0 lie elsewhere)" in message
    walled = np.ones((4, 6))
    walled[:, 3] = 0
    places = {"SOURCES": valued_points((0, 0, 1)), "GROUNDS": valued_points((0, 5, 1))}
    message = error_message("currentflowadvanced", INPUT=geotiff(walled, name="walled"), **places)
    assert "no source is connected with a ground" in message


def test_missing_source_strength_is_rejected(error_message, open_land, valued_points):
    places = {"SOURCES": valued_points((0, 0, 1), (1, 1, None)), "GROUNDS": valued_points((3, 3, 1))}
    message = error_message("currentflowadvanced", INPUT=open_land, STRENGTH_FIELD="value", **places)
    assert "the field 'value' is not a number in the following: feature 2" in message


def test_zero_resistance_is_rejected(error_message, geotiff, points):
    values = np.ones((4, 6))
    values[1, 2:5] = 0
    message = error_message("currentflow", INPUT=geotiff(values), VALUES="resistance", FOCAL=points((0, 0), (3, 3)))
    assert "'landscape': resistance is zero in 3 cells, the first at row 2, column 3 (0)." in message


def test_focal_raster_is_resampled_to_landscape(run, geotiff, feedback, open_land):
    coarse = np.array([[1, 0, 2], [0, 0, 3]], np.uint8)
    ids = geotiff(coarse, geotransform=(WEST, 60.0, 0.0, NORTH, 0.0, -60.0), name="ids")
    assert run("currentflow", INPUT=open_land, FOCAL_RASTER=ids)["FOCAL_NODES"] == 3
    assert any("'ids' is not on the grid of the landscape" in text for text in feedback.warnings)


def test_resampled_strengths_log_their_sum(run, geotiff, feedback, open_land, valued_points):
    coarse = np.array([[1, 0, 0], [0, 0, 0]], np.uint8)
    strengths = geotiff(coarse, geotransform=(WEST, 60.0, 0.0, NORTH, 0.0, -60.0), name="strengths")
    run("currentflowadvanced", INPUT=open_land, SOURCE_RASTER=strengths, GROUNDS=valued_points((3, 5, 1)))
    message = "'strengths': resampling to the grid of the landscape changed the sum of its values from 1 to 4"
    assert any(message in text for text in feedback.warnings)


def test_strengths_are_rejected_in_pairwise_mode(error_message, open_land, valued_points):
    places = {"FOCAL": valued_points((0, 0, 1), (1, 1, 2)), "STRENGTH_FIELD": "value"}
    assert "without source strengths" in error_message("currentflow", INPUT=open_land, **places)
