"""Vector layers and tables whose file changed after they were loaded, and layers that are being edited."""

import gc
import os
from pathlib import Path

import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from permea.plugin.layers import remember_loaded, require_current

POINTS = ((0, 0, 1.0), (1, 1, 2.0), (2, 2, float("nan")))


@pytest.fixture
def write(qgis_app, tmp_path):
    """Write points with a strength to a file, in a single step like a program that saves anew."""

    def write(path, points=POINTS, kind="Point?crs=EPSG:31985&field=strength:double", layer="sites"):
        made = QgsVectorLayer(kind, layer, "memory")
        features = []
        for x, y, strength in points:
            feature = QgsFeature(made.fields())
            feature.setGeometry(QgsGeometry.fromWkt(f"Point({290000 + x} {9120000 + y})"))
            feature.setAttributes([strength])
            features.append(feature)
        assert made.dataProvider().addFeatures(features)[0]
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName, options.layerName = QgsVectorFileWriter.driverForExtension(path.suffix), layer
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        error = QgsVectorFileWriter.writeAsVectorFormatV3(
            made, str(scratch / path.name), made.transformContext(), options
        )
        assert error[0] == 0, error
        for file in scratch.iterdir():
            os.replace(file, path.parent / file.name)
        return path

    return write


@pytest.fixture(params=["gpkg", "shp", "geojson", "csv"])
def path(request, write, tmp_path):
    if request.param != "csv":
        return write(tmp_path / f"sites.{request.param}")
    return csv(tmp_path / "sites.csv")


def csv(path, points=POINTS, heading="x,y,strength"):
    path.write_text("\n".join([heading, *(f"{290000 + x},{9120000 + y},{value}" for x, y, value in points)]) + "\n")
    return path


def rewrite(write, path, points):
    return csv(path, points) if path.suffix == ".csv" else write(path, points)


@pytest.fixture
def loaded(qgis_app):
    """Load a file as QGIS does; the project keeps the layer."""

    def load(path):
        if path.suffix == ".csv":
            source = f"file://{path}?delimiter=,&xField=x&yField=y&crs=EPSG:31985"
            layer = QgsVectorLayer(source, "sites", "delimitedtext")
        else:
            layer = QgsVectorLayer(str(path), "sites", "ogr")
        assert layer.isValid() and len(list(layer.getFeatures())) == len(POINTS)
        QgsProject.instance().addMapLayer(layer, False)
        return layer

    yield load
    QgsProject.instance().clear()
    gc.collect()  # a caught exception keeps a layer alive beyond the end of QGIS


def error_message(layer, feedback):
    with pytest.raises(QgsProcessingException) as error:
        require_current(layer, feedback)
    return str(error.value)


def test_unchanged_layers_are_current(loaded, path, feedback):
    require_current(loaded(path), feedback)
    assert not feedback.warnings


def test_file_with_the_same_content_is_current(loaded, path, write, feedback):
    layer = loaded(path)
    rewrite(write, path, POINTS)
    require_current(layer, feedback)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (POINTS[:2], "2 features instead of 3"),
        ((*POINTS, (3, 3, 4.0)), "4 features instead of 3"),
        (((0, 0, 1.0), (1, 1, 5.0), POINTS[2]), "differs"),
        (((0, 0, 1.0), (1, 7, 2.0), POINTS[2]), "differs"),
    ],
    ids=["fewer", "more", "another value", "another point"],
)
def test_file_with_other_features_is_rejected(loaded, path, write, feedback, points, words):
    layer = loaded(path)
    rewrite(write, path, points)
    if path.suffix == ".csv":  # QGIS reads the text anew each time
        require_current(layer, feedback)
        assert [feature.geometry().asPoint().y() for feature in layer.getFeatures()] == [
            9120000 + y for _, y, _ in points
        ]
        return
    message = error_message(layer, feedback)
    assert message.startswith("'sites': its file was changed or replaced after the layer was loaded (")
    assert words in message and message.endswith("Remove the layer from the project and add it again.")


def test_file_with_other_fields_is_rejected(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    write(tmp_path / "sites.gpkg", kind="Point?crs=EPSG:31985&field=amount:string")
    assert "fields amount (String) instead of strength (Real)" in error_message(layer, feedback)


def test_table_with_other_types_is_rejected(loaded, tmp_path, feedback):
    """QGIS would read the rows anew, as the types that it saw at first."""
    layer = loaded(csv(tmp_path / "sites.csv", [(0, 0, 1), (1, 1, 2), (2, 2, 3)]))
    csv(tmp_path / "sites.csv", [(0, 0, 1.5), (1, 1, 2), (2, 2, 3)])
    assert "fields strength (double) instead of strength (integer)" in error_message(layer, feedback)


def test_table_with_other_headings_is_rejected(loaded, tmp_path, feedback):
    layer = loaded(csv(tmp_path / "sites.csv"))
    csv(tmp_path / "sites.csv", heading="x,y,amount")
    assert "fields amount" in error_message(layer, feedback)


def test_file_in_another_crs_is_rejected(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    write(tmp_path / "sites.gpkg", kind="Point?crs=EPSG:31984&field=strength:double")
    assert "coordinates in EPSG:31984 instead of EPSG:31985" in error_message(layer, feedback)


def test_deleted_files_are_named(loaded, path, feedback):
    layer = loaded(path)
    path.unlink()
    assert error_message(layer, feedback) == (
        f"'sites': its file '{path}' no longer exists. Restore the file, or remove the layer."
    )


def test_file_that_holds_something_else_is_rejected(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    write(tmp_path / "sites.gpkg", layer="others")
    Path(tmp_path / "sites.gpkg").write_bytes(b"no GeoPackage")
    assert "can no longer be read" in error_message(layer, feedback)


def test_edits_that_are_saved_are_current(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    layer.startEditing()
    assert layer.changeAttributeValue(next(layer.getFeatures()).id(), layer.fields().indexOf("strength"), 9.0)
    assert layer.commitChanges()
    require_current(layer, feedback)
    assert not feedback.warnings


def test_unsaved_edits_are_named(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    first, second, third = layer.getFeatures()
    layer.startEditing()
    layer.deleteFeature(first.id())
    layer.changeAttributeValue(second.id(), layer.fields().indexOf("strength"), 9.0)
    layer.changeGeometry(third.id(), QgsGeometry.fromWkt("Point(290005 9120005)"))
    layer.addFeature(QgsFeature(layer.fields()))
    require_current(layer, feedback)
    assert feedback.warnings == [
        "'sites' is being edited. It is used as it is shown, with the unsaved changes: 1 feature added, 1 deleted, "
        "2 changed."
    ]
    layer.rollBack()


def test_edit_session_without_changes_is_silent(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    layer.startEditing()
    require_current(layer, feedback)
    assert not feedback.warnings


def test_filtered_layer_is_compared_with_its_filter(loaded, write, tmp_path, feedback):
    layer = loaded(write(tmp_path / "sites.gpkg"))
    assert layer.setSubsetString("strength > 1.5")
    require_current(layer, feedback)
    write(tmp_path / "sites.gpkg", ((0, 0, 1.0), (1, 1, 3.0), POINTS[2]))
    assert "differs" in error_message(layer, feedback)


def test_memory_layers_are_current(qgis_app, feedback):
    require_current(QgsVectorLayer("Point?crs=EPSG:31985", "sites", "memory"), feedback)


@pytest.fixture
def compared(monkeypatch):
    """Count the comparisons of all features of a layer with those of its file."""
    from permea.plugin.layers.features import file_changes

    counted, compare = [], file_changes._feature_changes
    monkeypatch.setattr(file_changes, "_feature_changes", lambda *each: counted.append(1) or compare(*each))
    return counted


@pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson"])
def test_file_is_compared_once_in_each_state(write, tmp_path, feedback, compared, ending):
    """Comparing a million features takes many seconds."""
    path = write(tmp_path / f"sites.{ending}", POINTS[:2])
    layer = QgsVectorLayer(str(path), "sites", "ogr")
    for _ in range(3):
        require_current(layer, feedback)
    assert len(compared) == 1
    loaded = QgsVectorLayer(str(path), "sites", "ogr")
    remember_loaded([loaded])
    require_current(loaded, feedback)
    assert len(compared) == 1
    assert len(list(loaded.getFeatures())) == 2  # QGIS keeps a connection to this file
    write(path, POINTS[1:])
    with pytest.raises(QgsProcessingException, match="its file was changed or replaced"):
        require_current(loaded, feedback)
    assert len(compared) == 2
