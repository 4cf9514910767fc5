"""Permeability from land cover: every class has a value or is reported."""

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingException, QgsVectorLayer
from qgis.gui import QgsGui, QgsProcessingGui

from .conftest import NODATA

CLASSES = np.array([[1, 1, 2, 3], [2, 2, 3, 255], [1, 3, 3, 255]], np.uint8)
VALUES = {1: 1.0, 2: 0.25, 3: 0.0}


@pytest.fixture
def cover(geotiff):
    return geotiff(CLASSES, nodata=255, name="cover")


@pytest.fixture
def class_table(qgis_app):
    """Make a table of classes and values; both may be any text."""

    def table(*rows):
        made = QgsVectorLayer("None?field=class:string&field=ease:string", "classes", "memory")
        for row in rows:
            feature = QgsFeature(made.fields())
            feature.setAttributes([None if each is None else str(each) for each in row])
            made.dataProvider().addFeature(feature)
        return {"TABLE": made, "CLASS_FIELD": "class", "VALUE_FIELD": "ease"}

    return table


def in_a_list(values):
    return [each for row in values.items() for each in row]


def expected(values):
    return np.vectorize(lambda each: values.get(each, np.nan))(CLASSES).astype(float)


def test_values_from_table(run, read, cover, class_table):
    result = run("permeabilityfromlandcover", INPUT=cover, **class_table(*VALUES.items()))
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected(VALUES))
    numbers = {"CLASSES": 3, "MISSING_CLASSES": 0, "MISSING_CELLS": 0, "BARRIER_CELLS": 4}
    assert {name: result[name] for name in numbers} == numbers


def test_values_from_list(run, read, cover):
    result = run("permeabilityfromlandcover", INPUT=cover, MATRIX=in_a_list(VALUES))
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected(VALUES))


def untouched_list(algorithm):
    """Return the value that the dialog passes for an untouched list of classes."""
    wrapper = QgsGui.processingGuiRegistry().createParameterWidgetWrapper(
        algorithm.parameterDefinition("MATRIX"), QgsProcessingGui.WidgetType.Standard
    )
    context = QgsProcessingContext()
    widget = wrapper.createWrappedWidget(context)
    value = wrapper.parameterValue()
    widget.deleteLater()
    return value


def test_table_works_with_untouched_list_of_dialog(run, provider, read, cover, class_table):
    untouched = untouched_list(provider.algorithm("permeabilityfromlandcover"))
    assert untouched
    result = run("permeabilityfromlandcover", INPUT=cover, MATRIX=untouched, **class_table(*VALUES.items()))
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected(VALUES))
    with pytest.raises(QgsProcessingException, match="No values"):
        run("permeabilityfromlandcover", INPUT=cover, MATRIX=untouched)


def test_landscape_has_grid_of_land_cover(run, read, cover):
    made, given = read(run("permeabilityfromlandcover", INPUT=cover, MATRIX=in_a_list(VALUES))["OUTPUT"]), read(cover)
    assert (made.geotransform, made.projection) == (given.geotransform, given.projection)


def test_block_boundaries_do_not_matter(run, read, geotiff):
    classes = np.random.default_rng(3).integers(1, 5, (1500, 1100)).astype(np.int16)
    values = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}
    made = run("permeabilityfromlandcover", INPUT=geotiff(classes), MATRIX=in_a_list(values))
    np.testing.assert_allclose(read(made["OUTPUT"]).band, classes / 10, rtol=1e-6)


def test_class_without_value_is_an_error(run, cover, tmp_path):
    target = tmp_path / "landscape.tif"
    with pytest.raises(QgsProcessingException, match=r"2 classes have no permeability: 3 \(4 cells\), 2 \(3 cells\)"):
        run("permeabilityfromlandcover", INPUT=cover, MATRIX=[1, 1.0], OUTPUT=str(target))
    assert not target.exists()


def test_table_of_other_classes_is_an_error(run, cover):
    with pytest.raises(QgsProcessingException, match="None of the classes of the raster is in the table") as error:
        run("permeabilityfromlandcover", INPUT=cover, MATRIX=[11, 1.0, 12, 0.5], MISSING="nodata")
    assert "set them to nodata" not in str(error.value)


def test_class_without_value_becomes_nodata(run, read, cover, feedback):
    result = run("permeabilityfromlandcover", INPUT=cover, MATRIX=[1, 1.0, 2, 0.5], MISSING="nodata")
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected({1: 1.0, 2: 0.5}))
    assert (result["MISSING_CLASSES"], result["MISSING_CELLS"]) == (1, 4)
    assert any("3 (4 cells)" in text for text in feedback.warnings)


def test_unused_classes_are_logged(run, cover, feedback):
    run("permeabilityfromlandcover", INPUT=cover, MATRIX=[*in_a_list(VALUES), 77, 0.5])
    assert any("1 class of the table does not occur in the raster: 77" in text for text in feedback.infos)


@pytest.mark.parametrize(
    ("row", "meaning", "said"),
    [
        ((2, -1), "permeability", "invalid permeability of class 2: -1 is negative"),
        ((2, 0), "resistance", "invalid resistance of class 2: a resistance of zero"),
        ((2, "nan"), "permeability", "'nan' is not a number"),
        ((2, "inf"), "resistance", "it is infinite"),
        ((2, None), "permeability", "class 2: .* is not a number"),
        (("forest", 1), "permeability", "the class 'forest' is not a number"),
        ((1, 0.7), "permeability", "it is 1 in an earlier row and 0.7 here"),
    ],
)
def test_invalid_rows_are_located(run, cover, class_table, row, meaning, said):
    with pytest.raises(QgsProcessingException, match=f"'classes', feature 2: .*{said}"):
        run("permeabilityfromlandcover", INPUT=cover, VALUES=meaning, **class_table((1, 1.0), row))


def test_zero_permeability_is_a_barrier(run, cover):
    assert run("permeabilityfromlandcover", INPUT=cover, MATRIX=in_a_list(VALUES))["BARRIER_CELLS"] == 4


def test_continuous_rasters_are_rejected(run, geotiff):
    with pytest.raises(QgsProcessingException, match="Is it a raster of land-cover classes"):
        run("permeabilityfromlandcover", INPUT=geotiff(np.random.default_rng(1).uniform(size=(60, 60))), MATRIX=[1, 1])


def test_land_cover_without_data_is_rejected(run, geotiff):
    with pytest.raises(QgsProcessingException, match="is empty: every cell is nodata"):
        run("permeabilityfromlandcover", INPUT=geotiff(np.full((2, 2), NODATA), nodata=NODATA), MATRIX=[1, 1])


@pytest.mark.parametrize(
    ("parameters", "said"), [({}, "No values"), ({"MATRIX": [1, 1.0], "twice": True}, "Two sets of values")]
)
def test_exactly_one_set_of_values_is_required(run, cover, class_table, parameters, said):
    both = class_table((1, 1)) if parameters.pop("twice", False) else {}
    with pytest.raises(QgsProcessingException, match=said):
        run("permeabilityfromlandcover", INPUT=cover, **parameters, **both)


def test_missing_field_is_named(run, cover, class_table):
    with pytest.raises(QgsProcessingException, match="'classes' has no field 'cost'. Its fields are: class, ease."):
        run("permeabilityfromlandcover", INPUT=cover, **{**class_table((1, 1)), "VALUE_FIELD": "cost"})


def test_table_fields_are_required(run, cover, class_table):
    with pytest.raises(QgsProcessingException, match="Choose the class field"):
        run("permeabilityfromlandcover", INPUT=cover, TABLE=class_table((1, 1))["TABLE"])


def test_value_beyond_single_precision_is_stored_in_double_precision(run, read, cover):
    result = run("permeabilityfromlandcover", INPUT=cover, MATRIX=in_a_list({1: 1e300, 2: 1e-300, 3: 1.0}))
    landscape = read(result["OUTPUT"])
    assert landscape.type == "Float64" and np.nanmax(landscape.band) == 1e300


@pytest.fixture
def csv_table(tmp_path, qgis_app):
    """Write a CSV file of classes and values and open it as QGIS does, by its own or its delimited-text provider."""

    def table(text, *, reader="ogr", encoding="utf-8", name="classes.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        separator = next(mark for mark in ";\t," if mark in text).replace("\t", "\\t")
        uri = (
            str(path) if reader in ("path", "ogr") else f"{path.as_uri()}?type=csv&delimiter={separator}&geomType=none"
        )
        layer = uri if reader == "path" else QgsVectorLayer(uri, "classes", reader)
        return {"TABLE": layer, "CLASS_FIELD": "class", "VALUE_FIELD": "ease"}

    return table


@pytest.mark.parametrize("reader", ["ogr", "delimitedtext"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    "text",
    [
        "class;ease\n1;1\n2;0,25\n3;0,0\n",
        "class;ease;note\n1;1,0;wood\n2;0,25;field\n3;0;\n;;\n",
        "class\tease\n1\t1\n2\t0,25\n3\t0\n\t\n",
        "class,ease\n1,1\n2,0.25\n3,0\n,\n",
        'class,ease\n1,1\n2,"0,25"\n3,0\n',
    ],
    ids=["semicolons", "blank row", "tabs", "commas", "quoted"],
)
def test_class_tables_of_every_country(run, read, cover, csv_table, text, encoding, reader):
    result = run("permeabilityfromlandcover", INPUT=cover, **csv_table(text, reader=reader, encoding=encoding))
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected(VALUES))


def test_decimal_commas_between_commas_are_rejected(run, cover, csv_table):
    # As a path: a caught exception would keep a layer alive beyond the end of QGIS.
    table = csv_table("class,ease\n1,1\n2,0,25\n3,0\n", reader="path")
    with pytest.raises(QgsProcessingException, match=r"'classes.csv', line 3: 3 fields under 2 headings \('2,0,25'\)"):
        run("permeabilityfromlandcover", INPUT=cover, **table)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("1,5", "0.25", "0"), "'1,5' has a decimal comma, but '0.25' a decimal point"),
        (("1,500", "2,250", "3"), "may be a decimal comma or separate the thousands"),
        (("1.234,5", "2", "3"), "class 1: '1.234,5' is not a number"),
    ],
)
def test_values_with_several_readings_are_rejected(run, cover, class_table, values, said):
    with pytest.raises(QgsProcessingException, match=said):
        run("permeabilityfromlandcover", INPUT=cover, **class_table(*zip((1, 2, 3), values, strict=True)))


def test_decimal_commas_typed_into_the_list(run, read, cover):
    result = run("permeabilityfromlandcover", INPUT=cover, MATRIX=["1", "1", "2", "0,25", "3", "0", "", ""])
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected(VALUES))


@pytest.mark.parametrize("cells", [["1", "1", "2", "0", "25"], "1,1,2,0,25"])
def test_list_without_a_value_for_each_class_is_rejected(run, cover, cells):
    with pytest.raises(
        QgsProcessingException, match="has 5 entries, an odd number: '25(.0)?' is a class without a value"
    ):
        run("permeabilityfromlandcover", INPUT=cover, MATRIX=cells, MISSING="nodata")
