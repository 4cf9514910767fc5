"""Layers and tables as users have them: fields, ids, names and geometries that are not what an algorithm expects."""

import os

import numpy as np
import pytest
from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QByteArray, QDate, QDateTime, QTime

from permea.plugin.layers import require_current

from .conftest import NORTH, PIXEL, WEST

CELLS = ((0, 0), (3, 4), (6, 8))
ONLY_BARRIERS = {"IMPROVEMENT": None, "RESTORED_GAIN": None, "PINCH_POINTS": None}


@pytest.fixture
def layer(qgis_app):
    """Make a layer with a field `code`; geometries are cells (row, column) or texts."""

    def make(geometries, codes, field="string", kind="Point", name="sites"):
        made = QgsVectorLayer(f"{kind}?crs=EPSG:31985&field=code:{field}", name, "memory")
        assert made.isValid()
        for geometry, code in zip(geometries[: len(codes)], codes, strict=True):
            feature = QgsFeature(made.fields())
            if isinstance(geometry, tuple):
                row, column = geometry
                geometry = f"Point({WEST + (column + 0.5) * PIXEL} {NORTH - (row + 0.5) * PIXEL})"
            if geometry:
                feature.setGeometry(QgsGeometry.fromWkt(geometry))
            feature.setAttributes([*code] if isinstance(code, tuple) else [code])
            assert made.dataProvider().addFeature(feature)
        return made

    return make


def triangle(*corners):
    return "Polygon((" + ", ".join(f"{WEST + x * PIXEL} {NORTH - y * PIXEL}" for y, x in (*corners, corners[0])) + "))"


BOW_TIE = triangle((0, 0), (4, 4), (0, 4), (4, 0))
WELL_FORMED = triangle((4, 5), (4, 9), (7, 9))


@pytest.mark.parametrize(
    ("name", "field", "others"),
    [
        ("distancematrix", "ID_FIELD", {}),
        ("distancematrix", "TARGET_ID_FIELD", {"TARGETS": CELLS}),
        ("leastcostpaths", "ID_FIELD", {}),
        ("leastcostcorridor", "TARGET_ID_FIELD", {"TARGETS": CELLS}),
        ("currentflow", "ID_FIELD", {}),
        ("currentflow", "STRENGTH_FIELD", {"MODE": "one_to_all"}),
        ("barriers", "ID_FIELD", {**ONLY_BARRIERS, "DISTANCE": "leastcost"}),
    ],
)
def test_unknown_field_is_rejected_with_the_known_ones(error_message, layer, plain, name, field, others):
    others = {key: layer(value, "abc") if key == "TARGETS" else value for key, value in others.items()}
    message = error_message(name, INPUT=plain, FOCAL=layer(CELLS, "abc"), **{field: "nmae"}, **others)
    assert message == "'sites' has no field 'nmae'. Its fields are: code. Choose one of them."


def test_field_name_may_begin_and_end_with_spaces(run, rows, layer, plain):
    focal = layer(CELLS, "abc")
    assert focal.dataProvider().renameAttributes({0: " code "})
    focal.updateFields()
    result = run("distancematrix", INPUT=plain, FOCAL=focal, ID_FIELD=" code ", MATRIX=None, LINES=None)
    assert {row["from_id"] for row in rows(result["OUTPUT"])} == {"a", "b"}


def test_file_of_pairs_needs_whole_numbers_as_ids(error_message, layer, plain, tmp_path):
    (tmp_path / "pairs.txt").write_text("mode include\n1 2\n", encoding="utf-8")
    message = error_message(
        "currentflow", INPUT=plain, FOCAL=layer(CELLS, "abc"), ID_FIELD="code", PAIRS=str(tmp_path / "pairs.txt")
    )
    assert message == "'pairs.txt' lists none of the focal nodes: its ids are 1, 2, the focal nodes are a, b, c."


@pytest.mark.parametrize("field", ["STRENGTH_FIELD", "GROUND_FIELD"])
def test_unknown_field_of_sources_and_grounds_is_rejected(error_message, layer, plain, field):
    both = {"SOURCES": layer([CELLS[0]], "a"), "GROUNDS": layer([CELLS[1]], "b")}
    message = error_message("currentflowadvanced", INPUT=plain, **both, **{field: "amperes"})
    assert message == "'sites' has no field 'amperes'. Its fields are: code. Choose one of them."


def test_unknown_field_of_class_table_is_rejected(error_message, layer, plain):
    fields = {"CLASS_FIELD": "code", "VALUE_FIELD": "value"}
    message = error_message("permeabilityfromlandcover", INPUT=plain, TABLE=layer(CELLS, "abc"), **fields)
    assert message.startswith("'sites' has no field 'value'. Its fields are: code.")


@pytest.mark.parametrize(
    ("field", "codes", "ids"),
    [
        ("date", [QDate(2024, 5, day) for day in (1, 2, 3)], ["2024-05-01", "2024-05-02", "2024-05-03"]),
        (
            "datetime",
            [QDateTime(QDate(2024, 5, 1), QTime(hour, 30)) for hour in (6, 7, 8)],
            ["2024-05-01T06:30:00", "2024-05-01T07:30:00", "2024-05-01T08:30:00"],
        ),
        ("time", [QTime(hour, 30) for hour in (6, 7, 8)], ["06:30:00", "07:30:00", "08:30:00"]),
        ("time", [QTime(6, 30, 0, ms) for ms in (0, 1, 250)], ["06:30:00", "06:30:00.001", "06:30:00.250"]),
        (
            "datetime",
            [QDateTime(QDate(2024, 5, 1), QTime(6, 30, 0, ms)) for ms in (0, 1, 250)],
            ["2024-05-01T06:30:00", "2024-05-01T06:30:00.001", "2024-05-01T06:30:00.250"],
        ),
        ("double", [1e20, 2e20, 3.5], ["1e+20", "2e+20", "3.5"]),
        ("double", [1e300, 2e300, 3e300], ["1e+300", "2e+300", "3e+300"]),
        ("double", [7.0, 8.0, 9e15], [7, 8, 9_000_000_000_000_000]),
        ("int8", [-(2**63), 0, 2**63 - 1], ["-9223372036854775808", "0", "9223372036854775807"]),
        ("int8", [-5, 0, 2**63 - 1], [-5, 0, 2**63 - 1]),
        ("string", ["36893488147419103232", "a/b", "x" * 250], ["36893488147419103232", "a/b", "x" * 250]),
        ("bool", [True, False], ["true", "false"]),
    ],
)
def test_ids_appear_in_tables_as_the_layer_holds_them(run, rows, layer, plain, field, codes, ids):
    result = run("leastcostpaths", INPUT=plain, FOCAL=layer(CELLS, codes, field), ID_FIELD="code")
    found = {row[end] for row in rows(result["OUTPUT"]) for end in ("from_id", "to_id")}
    assert {str(value) for value in found} == {str(value) for value in ids}


@pytest.mark.parametrize(("field", "code"), [("binary", QByteArray(b"\x01")), ("string[]", ["a", "b"])])
def test_lists_and_binary_data_are_no_ids(error_message, layer, plain, field, code):
    message = error_message("leastcostpaths", INPUT=plain, FOCAL=layer(CELLS, [code] * 3, field), ID_FIELD="code")
    assert "the id field 'code' holds no number, text or date in the following: features 1, 2, 3" in message


def test_empty_dates_and_nan_are_empty_ids(error_message, layer, plain):
    for field, codes in (("date", [QDate(2024, 5, 1), QDate(), None]), ("double", [1.0, float("nan"), None])):
        message = error_message("leastcostpaths", INPUT=plain, FOCAL=layer(CELLS, codes, field), ID_FIELD="code")
        assert "is empty in the following: features 2, 3." in message


@pytest.mark.parametrize("value", [1e20, np.inf])
def test_raster_ids_beyond_whole_numbers_are_rejected(error_message, geotiff, plain, value):
    ids = np.zeros((7, 9))
    ids[0, 0], ids[6, 8] = 4, value
    message = error_message("leastcostpaths", INPUT=plain, FOCAL_RASTER=geotiff(ids, name="ids"))
    assert "'ids': the id is infinite or larger than 9,007,199,254,740,992" in message
    assert "in 1 cell, at row 7, column 9" in message


@pytest.mark.parametrize(
    ("field", "codes", "names"),
    [
        ("date", [QDate(2024, 5, 1), QDate(2024, 5, 2)], ["2024-05-01_2024-05-02"]),
        (
            "datetime",
            [QDateTime(QDate(2024, 5, day), QTime(6, 30)) for day in (1, 2)],
            ["2024-05-01T06-30-00_2024-05-02T06-30-00"],
        ),
        ("string", ["a/b: c?", "..\\d"], ["a-b-c-_..-d"]),
        ("string", ["Größe", "森"], ["Größe_森"]),
        ("string", ["x" * 250, "森" * 90], [f"{'x' * 78}-1_{'森' * 26}-2"]),
        ("string", ["a b", "a-b"], ["1_2"]),
        ("string", ["Reserve", "RESERVE"], ["1_2"]),
        ("string", ["a", "a_b", "c", "b_c"], ["1_2", "1_3", "1_4", "2_3", "2_4", "3_4"]),
        ("double", [1e20, 1e-20], ["1e+20_1e-20"]),
        ("int8", [-5, 3], ["-5_3"]),
    ],
)
def test_single_maps_have_file_names_from_any_id(run, layer, plain, tmp_path, feedback, field, codes, names):
    focal = layer([*CELLS, (6, 0)], codes, field)
    folder = tmp_path / "maps"
    run("currentflow", INPUT=plain, FOCAL=focal, ID_FIELD="code", SINGLE_MAPS=str(folder), RESISTANCES=None)
    assert sorted(path.stem for path in folder.glob("*.tif")) == [f"current_{name}" for name in names]
    if names[0] != "_".join(map(str, codes)) and field == "string":
        [text] = [text for text in feedback.infos if text.startswith("Files are named after the ids")]
        assert codes[0] in text


@pytest.mark.parametrize(
    "name",
    [
        "distancematrix",
        "leastcostpaths",
        "currentflow",
        pytest.param("leastcostcorridor", marks=pytest.mark.long),
        pytest.param("barriers", marks=pytest.mark.long),
    ],
)
def test_polygon_that_crosses_itself_is_repaired_run_after_run(run, layer, plain, name, feedback):
    focal = layer([BOW_TIE, WELL_FORMED], "ab", kind="Polygon")
    for _ in range(2):
        feedback.warnings.clear()
        run(name, INPUT=plain, FOCAL=focal, **(ONLY_BARRIERS if name == "barriers" else {}))
        assert any("self-intersecting boundaries of feature 1 were repaired" in text for text in feedback.warnings)


def test_short_circuit_regions_without_geometry_are_named(run, layer, plain, feedback):
    regions = layer(["", BOW_TIE, WELL_FORMED], "abc", kind="Polygon", name="reserves")
    for _ in range(2):
        feedback.warnings.clear()
        run("currentflow", INPUT=plain, FOCAL=layer(CELLS, "abc"), SHORT_CIRCUITS=regions, RESISTANCES=None)
        assert "Short-circuit regions of 'reserves' left out: no geometry: feature 1." in feedback.warnings
        assert any("boundaries of feature 2" in text for text in feedback.warnings)


def test_class_table_with_invalid_polygons_is_a_table(run, read, layer, geotiff):
    cover = geotiff(np.array([[1.0, 2.0]]), name="cover")
    table = layer([BOW_TIE, WELL_FORMED], [1, 2], "integer", kind="Polygon")
    result = run("permeabilityfromlandcover", INPUT=cover, TABLE=table, CLASS_FIELD="code", VALUE_FIELD="code")
    assert read(result["OUTPUT"]).band.tolist() == [[1, 2]]


def test_choice_to_skip_invalid_features_in_the_dialog_is_followed(run, layer, plain, feedback):
    focal = layer([BOW_TIE, WELL_FORMED, triangle((5, 0), (7, 0), (7, 2))], "abc", kind="Polygon")
    QgsProject.instance().addMapLayer(focal, False)
    definition = QgsProcessingFeatureSourceDefinition
    check = QgsFeatureRequest.InvalidGeometryCheck.GeometrySkipInvalid
    chosen = definition(focal.id(), False, -1, definition.Flag.FlagOverrideDefaultGeometryCheck, check)
    run("leastcostpaths", INPUT=plain, FOCAL=chosen)
    QgsProject.instance().clear()
    assert "Focal nodes of 'sites' left out: invalid, to be skipped as chosen: feature 1." in feedback.warnings


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv"])
def test_deleted_file_of_a_loaded_layer_is_reported(error_message, layer, plain, tmp_path, suffix):
    path = tmp_path / f"sites{suffix}"
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = QgsVectorFileWriter.driverForExtension(suffix)
    options.layerOptions = ["GEOMETRY=AS_WKT", "CREATE_CSVT=YES"] if suffix == ".csv" else []
    transforms = QgsProject.instance().transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(layer(CELLS, "abc"), str(path), transforms, options)
    loaded = QgsVectorLayer(str(path), "sites", "ogr")
    assert loaded.isValid() and loaded.featureCount() == 3
    QgsProject.instance().addMapLayer(loaded, False)
    os.remove(path)
    message = error_message("leastcostpaths", INPUT=plain, FOCAL=loaded.id())
    QgsProject.instance().clear()  # a caught exception would keep the layer beyond the end of QGIS
    assert message == f"'sites': its file '{path}' no longer exists. Restore the file, or remove the layer."


def test_layer_elsewhere_is_rejected_with_both_extents(error_message, layer, plain):
    message = error_message("leastcostpaths", INPUT=plain, FOCAL=layer([(100, 0), (101, 1)], "ab"))
    assert message.endswith(
        "The features lie at x 290015 to 290045, y 9116955 to 9116985 (EPSG:31985); the raster covers x 290000 to "
        "290270, y 9119790 to 9120000 (EPSG:31985)."
    )


def test_different_strengths_in_one_focal_node_are_rejected(error_message, layer, plain):
    polygons = [triangle((0, 0), (2, 0), (2, 2)), WELL_FORMED, triangle((5, 0), (7, 0), (7, 2))]
    regions = layer(polygons, [(1, 7), (2, 8), (3, 7)], "integer&field=region:integer", "Polygon")
    message = error_message(
        "currentflow", INPUT=plain, FOCAL=regions, ID_FIELD="region", STRENGTH_FIELD="code", MODE="one_to_all"
    )
    assert "The field 'code' holds different source strengths for features of one focal node: 7 (1, 3)." in message


def test_columns_of_a_matrix_have_names_from_any_id(run, rows, layer, plain, tmp_path):
    path = str(tmp_path / "matrix.csv")
    focal = layer(CELLS, ['a "b"', "c\nd", "C D"])
    run("distancematrix", INPUT=plain, FOCAL=focal, ID_FIELD="code", MATRIX=path, LINES=None)
    found = rows(path)
    assert [list(row) for row in found] == [["id", "to_a b", "to_c d", "to_C D_2"]] * 3
    assert [row["id"] for row in found] == ['a "b"', "c\nd", "C D"]
    assert [float(row["to_c d"] or 0) for row in found][1] == 0 and float(found[0]["to_c d"]) > 0


@pytest.fixture
def replaced(layer, tmp_path, qgis_app):
    """Load points from a file into the project, and replace the file by other points."""

    def save(cells):
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = "GPKG"
        made, path = layer(cells, ["a", "b"]), tmp_path / "new.gpkg"
        error = QgsVectorFileWriter.writeAsVectorFormatV3(made, str(path), made.transformContext(), options)
        assert error[0] == 0
        os.replace(path, tmp_path / "sites.gpkg")

    save(CELLS[:2])
    loaded = QgsVectorLayer(str(tmp_path / "sites.gpkg"), "sites", "ogr")
    assert len(list(loaded.getFeatures())) == 2
    QgsProject.instance().addMapLayer(loaded, False)
    save(CELLS[1:])
    yield loaded
    QgsProject.instance().clear()


@pytest.mark.parametrize("how", ["id", "layer", "name", "definition"])
def test_layer_whose_file_was_replaced_is_rejected(error_message, replaced, plain, how):
    value = {
        "id": replaced.id(),
        "layer": replaced,
        "name": replaced.name(),
        "definition": QgsProcessingFeatureSourceDefinition(replaced.id()),
    }[how]
    message = error_message("leastcostdistance", INPUT=plain, SOURCES=value)
    assert message.startswith(
        "'sites': its file was changed or replaced after the layer was loaded (feature 1 differs)"
    )


def test_unsaved_points_are_used_and_named(run, read, feedback, layer, plain):
    made = layer(CELLS[:1], ["a"])
    made.startEditing()
    feature = QgsFeature(made.fields())
    feature.setGeometry(QgsGeometry.fromWkt(f"Point({WEST + 8.5 * PIXEL} {NORTH - 6.5 * PIXEL})"))
    assert made.addFeature(feature)
    result = run("leastcostdistance", INPUT=plain, SOURCES=made)
    assert read(result["OUTPUT"]).band[6, 8] == 0
    assert any("'sites' is being edited" in text and "1 feature added" in text for text in feedback.warnings)
    made.rollBack()


def test_layer_of_the_project_is_its_file_when_it_is_loaded(provider, tmp_path, feedback, sites, monkeypatch):
    path, options, memory = tmp_path / "sites.gpkg", QgsVectorFileWriter.SaveVectorOptions(), sites([(0, 0), (2, 4)])
    assert not QgsVectorFileWriter.writeAsVectorFormatV3(memory, str(path), memory.transformContext(), options)[0]
    layer = QgsVectorLayer(str(path), "sites", "ogr")
    QgsProject.instance().addMapLayer(layer)
    monkeypatch.setattr("permea.plugin.layers.features.file_changes._feature_changes", None)
    require_current(layer, feedback)
    QgsProject.instance().clear()
