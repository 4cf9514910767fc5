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


def test_class_without_value_becomes_nodata(run, read, cover, feedback):
    result = run("permeabilityfromlandcover", INPUT=cover, MATRIX=[1, 1.0, 2, 0.5], MISSING="nodata")
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, expected({1: 1.0, 2: 0.5}))
    assert (result["MISSING_CLASSES"], result["MISSING_CELLS"]) == (1, 4)
    assert any("3 (4 cells)" in text for text in feedback.warnings)


def test_unused_classes_are_logged(run, cover, feedback):
    run("permeabilityfromlandcover", INPUT=cover, MATRIX=[*in_a_list(VALUES), 77, 0.5])
    assert any("do not occur in the raster: 77" in text for text in feedback.infos)


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
    with pytest.raises(QgsProcessingException, match="'classes' has no field 'cost': choose one of class, ease"):
        run("permeabilityfromlandcover", INPUT=cover, **{**class_table((1, 1)), "VALUE_FIELD": "cost"})


def test_table_fields_are_required(run, cover, class_table):
    with pytest.raises(QgsProcessingException, match="Choose the class field"):
        run("permeabilityfromlandcover", INPUT=cover, TABLE=class_table((1, 1))["TABLE"])


def test_value_beyond_single_precision_is_rejected(run, cover):
    with pytest.raises(QgsProcessingException, match="too large for float32"):
        run("permeabilityfromlandcover", INPUT=cover, MATRIX=in_a_list({1: 1e300, 2: 1e-300, 3: 1.0}))
