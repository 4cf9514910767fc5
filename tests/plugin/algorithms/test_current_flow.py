"""Current flow: equal to Circuitscape's verification cases, and invalid inputs."""

import os
import re
import signal
import threading
import time

import numpy as np
import pytest
from qgis.core import NULL, QgsFeature, QgsGeometry, QgsProcessingException, QgsVectorLayer

from .conftest import NODATA, NORTH, PIXEL, WEST
from .test_circuitscape_projects import CASES, FOLDER, grid

CIRCUITSCAPE = FOLDER / "circuitscape"
needs_reference = pytest.mark.skipif(not CASES, reason=f"no reference data in {FOLDER}")


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


@pytest.fixture
def table():
    """Return the rows of a table output."""

    def rows(layer):
        names = [field.name() for field in layer.fields()]
        return [{name: None if row[name] == NULL else row[name] for name in names} for row in layer.getFeatures()]

    return rows


@pytest.fixture
def squares(qgis_app):
    """Make a polygon layer of rectangles (top, left, bottom, right in cells) with ids and names."""

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
def error_message(run):
    def of(name, **parameters):
        with pytest.raises(QgsProcessingException) as refused:
            run(name, **parameters)
        message = str(refused.value)
        assert "Traceback" not in message and ".py" not in message, message
        return message

    return of


@needs_reference
@pytest.mark.parametrize(
    ("case", "mode"), [("sgVerify4", "pairwise"), ("oneToAllVerify4", "one_to_all"), ("allToOneVerify4", "all_to_one")]
)
def test_currents_and_resistances_equal_circuitscape(run, read, table, case, mode):
    chosen, options = choices_of(case)
    focal = str(CIRCUITSCAPE / options["point_file"])
    result = run("currentflow", MODE=mode, FOCAL_RASTER=focal, **chosen)
    expected, _ = grid(CIRCUITSCAPE / "output_verify" / f"{case}_cum_curmap.asc")
    found = np.nan_to_num(read(result["OUTPUT"]).band)
    np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())
    stored = np.loadtxt(CIRCUITSCAPE / "output_verify" / f"{case}_resistances.out")
    rows = table(result["RESISTANCES"])
    if mode == "pairwise":
        ids = stored[0, 1:].astype(int).tolist()
        known = {(i, j): stored[1 + a, 1 + b] for a, i in enumerate(ids) for b, j in enumerate(ids) if i < j}
        ours = {(row["from_id"], row["to_id"]): row["resistance"] for row in rows}
    else:
        known = {int(identity): value for identity, value in stored}
        ours = {row["id"]: row["resistance"] for row in rows}
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
        expected, _ = grid(CIRCUITSCAPE / "output_verify" / f"mgVerify2_{name}.asc")
        found = np.nan_to_num(read(result[output]).band)
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_polygons_and_id_raster_give_same_regions(run, read, table, geotiff, valley_file, squares):
    boxes, ids = [(0, 0, 2, 2), (6, 1, 9, 3), (0, 9, 3, 12)], [30, 10, 20]
    raster = np.zeros((9, 12), np.int32)
    for (top, left, bottom, right), identity in zip(boxes, ids, strict=True):
        raster[top:bottom, left:right] = identity
    layer = squares(*boxes, ids=ids)
    one = run("currentflow", INPUT=valley_file, FOCAL=layer, ID_FIELD="code")
    other = run("currentflow", INPUT=valley_file, FOCAL_RASTER=geotiff(raster, name="ids"))
    np.testing.assert_array_equal(read(one["OUTPUT"]).band, read(other["OUTPUT"]).band)
    rows = table(one["RESISTANCES"])
    assert rows == table(other["RESISTANCES"])
    assert [(row["from_id"], row["to_id"]) for row in rows] == [(10, 20), (10, 30), (20, 30)]


def test_unconnected_focal_nodes_are_empty_and_logged(run, table, points, valley_file, feedback):
    result = run("currentflow", INPUT=valley_file, FOCAL=points((0, 0), (8, 2), (7, 10)))
    rows = {(row["from_label"], row["to_label"]): row["resistance"] for row in table(result["RESISTANCES"])}
    assert rows["patch A", "patch B"] > 0
    assert rows["patch A", "patch C"] is rows["patch B", "patch C"] is None
    assert any("2 pairs are not connected" in text and "1, 2; 3." in text for text in feedback.warnings)
    assert (result["UNCONNECTED"], result["CELLS_WITHOUT_FLOW"]) == (2, 9)


def test_current_and_resistance_of_strip(run, read, table, geotiff, points):
    result = run("currentflow", INPUT=geotiff(np.ones((1, 5))), FOCAL=points((0, 0), (0, 2), (0, 4)))
    assert read(result["OUTPUT"]).band.tolist() == [[2, 2, 3, 2, 2]]
    assert [row["resistance"] for row in table(result["RESISTANCES"])] == pytest.approx([60, 120, 60])
    zero = run("currentflow", INPUT=geotiff(np.ones((1, 5))), FOCAL=points((0, 0), (0, 2), (0, 4)), ZERO_AT_FOCAL=True)
    np.testing.assert_allclose(read(zero["OUTPUT"]).band, [[0, 2, 1, 2, 0]], atol=1e-9)


def test_short_circuit_region_shortens_strip(run, table, geotiff, points, squares):
    strip = {"INPUT": geotiff(np.ones((1, 6))), "FOCAL": points((0, 0), (0, 5))}
    result = run("currentflow", SHORT_CIRCUITS=squares((0, 1, 1, 3), (0, 2, 1, 5)), **strip)
    assert [row["resistance"] for row in table(result["RESISTANCES"])] == pytest.approx([60])


def test_mask_is_a_barrier(run, read, geotiff, valley, points):
    mask = np.ones(valley.shape, np.uint8)
    mask[2, 3:9] = 0
    cut = np.where(mask > 0, valley, NODATA)
    places = {"FOCAL": points((0, 0), (8, 2), (4, 7))}
    masked = run("currentflow", INPUT=geotiff(valley, nodata=NODATA), MASK=geotiff(mask, name="mask"), **places)
    expected = run("currentflow", INPUT=geotiff(cut, nodata=NODATA, name="cut"), **places)
    np.testing.assert_array_equal(read(masked["OUTPUT"]).band, read(expected["OUTPUT"]).band)


def test_strength_field_scales_currents(run, read, geotiff, squares):
    strip = {"INPUT": geotiff(np.ones((1, 5))), "FOCAL": squares((0, 0, 1, 1), (0, 4, 1, 5), ids=[3, 5])}
    result = run("currentflow", MODE="one_to_all", STRENGTH_FIELD="code", **strip)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[8] * 5], rtol=1e-6)


def test_pairs_file_selects_currents(run, read, table, geotiff, points, tmp_path):
    (tmp_path / "pairs.txt").write_text("mode include\n1 2\n")
    strip = {"INPUT": geotiff(np.ones((1, 5))), "FOCAL": points((0, 0), (0, 2), (0, 4))}
    result = run("currentflow", PAIRS=str(tmp_path / "pairs.txt"), **strip)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1, 1, 1, 0, 0]], atol=1e-6)
    assert [(row["from_id"], row["to_id"]) for row in table(result["RESISTANCES"])] == [(1, 2)]


@pytest.fixture
def many(geotiff, squares):
    """Nine regions in a landscape large enough to interrupt a run."""
    values = np.random.default_rng(8).lognormal(size=(90, 90)).astype(np.float32)
    boxes = [(10 + 30 * i, 10 + 30 * j, 16 + 30 * i, 15 + 30 * j) for i in range(3) for j in range(3)]
    return {"INPUT": geotiff(values, name="plain"), "FOCAL": squares(*boxes)}


@pytest.mark.long
def test_individual_maps_of_killed_run_are_resumed(
    run, read, error_message, engine_that, many, geotiff, feedback, tmp_path
):
    engine_that(f"echo $$ > '{tmp_path}/pid'")
    folder = tmp_path / "maps"

    def watch():
        patience = time.monotonic() + 120
        while len(list(folder.glob("current_*.tif"))) < 20 and time.monotonic() < patience:
            time.sleep(0.002)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    assert error_message("currentflow", SINGLE_MAPS=str(folder), **many).startswith("The engine was killed")
    first = {path.name: path.stat().st_mtime_ns for path in folder.glob("current_*.tif")}
    assert 20 <= len(first) < 36
    assert any("run again with that folder" in text for text in feedback.infos)

    result = run("currentflow", SINGLE_MAPS=str(folder), **many)
    second = {path.name: path.stat().st_mtime_ns for path in folder.glob("current_*.tif")}
    assert len(second) == 36 and first.items() <= second.items()
    at_once = run("currentflow", **many)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, read(at_once["OUTPUT"]).band, rtol=1e-6)
    single = [read(folder / name).band for name in sorted(second)]
    np.testing.assert_allclose(np.sum(single, axis=0), read(at_once["OUTPUT"]).band, rtol=1e-5)

    changed = {**many, "INPUT": geotiff(read(many["INPUT"]).band.astype(np.float32) * 2, name="changed")}
    assert "something has changed: landscape" in error_message("currentflow", SINGLE_MAPS=str(folder), **changed)


def test_maps_without_checkpoint_are_not_overwritten(error_message, many, tmp_path):
    (tmp_path / "current_1_2.tif").write_text("mine")
    message = error_message("currentflow", SINGLE_MAPS=str(tmp_path), **many)
    assert "already holds 1 map (the first is current_1_2.tif)" in message
    assert (tmp_path / "current_1_2.tif").read_text() == "mine"


@pytest.fixture
def at(qgis_app):
    """Make a point layer of (row, column, value)."""

    def layer(*places, name="places"):
        made = QgsVectorLayer("Point?crs=EPSG:31985&field=value:double", name, "memory")
        for row, column, value in places:
            feature = QgsFeature(made.fields())
            feature.setGeometry(
                QgsGeometry.fromWkt(f"POINT({WEST + (column + 0.5) * PIXEL} {NORTH - (row + 0.5) * PIXEL})")
            )
            feature.setAttributes([value])
            made.dataProvider().addFeature(feature)
        return made

    return layer


def test_source_strengths_and_ground_resistance(run, read, geotiff, at):
    strip = {"INPUT": geotiff(np.ones((1, 4)) * PIXEL), "SOURCES": at((0, 0, 2.0), (0, 1, 1.0))}
    grounds = {"GROUNDS": at((0, 3, 4.0)), "GROUND_FIELD": "value", "GROUND_VALUES": "resistance"}
    result = run("currentflowadvanced", STRENGTH_FIELD="value", **strip, **grounds)
    # 1 ohm a step: 3 A through 4 ohm of ground, 3 A over two steps, 2 A over the first.
    np.testing.assert_allclose(read(result["VOLTAGE"]).band, [[20, 18, 15, 12]], rtol=1e-6)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[2, 3, 3, 3]], rtol=1e-6)
    assert (result["MAXIMUM_CURRENT"], result["MAXIMUM_POTENTIAL"]) == pytest.approx((3, 20))


@pytest.mark.parametrize(("policy", "expected"), [("rmvsrc", [1, 1, 0]), ("rmvgnd", [1, 2, 2])])
def test_policy_resolves_source_ground_conflicts(run, read, geotiff, at, policy, expected):
    strip = {"INPUT": geotiff(np.ones((1, 3))), "SOURCES": at((0, 0, 1.0), (0, 1, 1.0))}
    grounds = {"GROUNDS": at((0, 1, 1.0), (0, 2, 1.0))}
    result = run("currentflowadvanced", POLICY=policy, **strip, **grounds)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [expected], atol=1e-9)


def test_unit_currents_and_direct_grounds(run, read, geotiff, at):
    strip = {"INPUT": geotiff(np.ones((1, 3))), "SOURCES": at((0, 0, 7.0)), "STRENGTH_FIELD": "value"}
    grounds = {"GROUNDS": at((0, 2, 0.1)), "GROUND_FIELD": "value"}
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


def test_duplicate_ids_are_rejected(error_message, open_land, at):
    message = error_message("currentflow", INPUT=open_land, FOCAL=at((0, 0, 4), (1, 1, 4), (2, 2, 5)), ID_FIELD="value")
    assert "points share an id in the field 'value': 4 (of: features 1, 2)" in message


def test_overlapping_regions_are_rejected(error_message, open_land, squares):
    message = error_message("currentflow", INPUT=open_land, FOCAL=squares((0, 0, 2, 3), (1, 1, 4, 4)))
    assert "Focal regions of 'reserves' overlap: 1 and 2 (2 cells)" in message


def test_sources_without_grounds_are_rejected(error_message, geotiff, open_land, at):
    message = error_message("currentflowadvanced", INPUT=open_land, SOURCES=at((0, 0, 1)))
    assert "No grounds: choose either a layer of points, lines or polygons, or a raster." in message
    nothing = geotiff(np.zeros((4, 6)), name="nothing")
    message = error_message("currentflowadvanced", INPUT=open_land, SOURCES=at((0, 0, 1)), GROUND_RASTER=nothing)
    assert "No ground lies on a passable cell of 'landscape' (0 lie elsewhere)" in message
    walled = np.ones((4, 6))
    walled[:, 3] = 0
    places = {"SOURCES": at((0, 0, 1)), "GROUNDS": at((0, 5, 1))}
    message = error_message("currentflowadvanced", INPUT=geotiff(walled, name="walled"), **places)
    assert "no source is connected with a ground" in message


def test_missing_source_strength_is_rejected(error_message, open_land, at):
    places = {"SOURCES": at((0, 0, 1), (1, 1, None)), "GROUNDS": at((3, 3, 1))}
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


def test_resampled_strengths_log_their_sum(run, geotiff, feedback, open_land, at):
    coarse = np.array([[1, 0, 0], [0, 0, 0]], np.uint8)
    strengths = geotiff(coarse, geotransform=(WEST, 60.0, 0.0, NORTH, 0.0, -60.0), name="strengths")
    run("currentflowadvanced", INPUT=open_land, SOURCE_RASTER=strengths, GROUNDS=at((3, 5, 1)))
    message = "'strengths': resampling to the grid of the landscape changed the sum of its values from 1 to 4"
    assert any(message in text for text in feedback.warnings)


def test_strengths_are_rejected_in_pairwise_mode(error_message, open_land, at):
    places = {"FOCAL": at((0, 0, 1), (1, 1, 2)), "STRENGTH_FIELD": "value"}
    assert "without source strengths" in error_message("currentflow", INPUT=open_land, **places)
