"""The dialogs of algorithms: which parameters they show, with which captions, digits and units."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsApplication, QgsProcessingParameterDefinition, QgsProject, QgsRasterLayer
from qgis.gui import QgsBrowserGuiModel
from qgis.PyQt.QtCore import QSize

from permea.plugin.algorithms import ALGORITHMS

NAMES = [algorithm.identifier for algorithm in ALGORITHMS]
MAX_VISIBLE = 11
JARGON = ("inverse temperature", "landmark", "Laplacian", "kernel", "edge", "solver", "scalar", "tensor")


class Form:
    """The form of a dialog, as a user sees it."""

    def __init__(self, dialog):
        self.dialog, self.panel = dialog, dialog.mainWidget()

    def set(self, **values):
        self.dialog.setParameters(values)
        return self

    def parts(self, name):
        wrapper = self.panel.wrappers[name]
        label = wrapper.label if hasattr(wrapper, "label") else wrapper.wrappedLabel()
        return label, (wrapper.widget if hasattr(wrapper, "widget") else wrapper.wrappedWidget())

    def shows(self, name):
        label, widget = self.parts(name)
        assert label is None or label.isHidden() == widget.isHidden()
        return not widget.isHidden()

    def label(self, name):
        label, widget = self.parts(name)
        return (label or widget).text()

    def value(self, name):
        return self.panel.wrappers[name].parameterValue()

    def number(self, name):
        wrapper = self.panel.wrappers[name]
        return wrapper.spin_box.text(), wrapper.unit_label.text()

    def visible(self):
        """Names of the inputs above the advanced ones."""
        advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
        definitions = [w.parameterDefinition() for w in self.panel.wrappers.values()]
        inputs = [d for d in definitions if not d.isDestination() and not d.flags() & advanced]
        return [d.name() for d in inputs if self.shows(d.name())]


@pytest.fixture
def form(provider, qgis_iface, monkeypatch):
    """Open the dialog of an algorithm."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog

    model = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: model, raising=False)
    monkeypatch.setattr(qgis_iface, "iconSize", lambda *docked: QSize(16, 16), raising=False)
    opened = []

    def make(name):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"permea:{name}")
        opened.append(AlgorithmDialog(algorithm, False, None))
        return Form(opened[-1])

    yield make
    for dialog in opened:
        dialog.close()
        dialog.deleteLater()


@pytest.fixture
def landscape(geotiff):
    """Add a raster to the project, so that dialogs offer it."""

    def add(values=((1.0, 2.0),), name="land", band="", crs="EPSG:31985", bands=1):
        path = geotiff(np.array([values] * bands), name=name, crs=crs)
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(1).SetDescription(band)
        dataset = None
        layer = QgsRasterLayer(path, name)
        QgsProject.instance().addMapLayer(layer)
        return layer

    yield add
    QgsProject.instance().removeAllMapLayers()


@pytest.mark.parametrize("name", NAMES)
def test_few_parameters_are_visible_before_the_advanced_ones(form, name):
    visible = form(name).visible()
    assert len(visible) <= MAX_VISIBLE, visible


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_free_of_jargon(provider, name):
    advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    for definition in provider.algorithm(name).parameterDefinitions():
        if not definition.flags() & advanced:
            label = definition.description()
            assert not [word for word in JARGON if word.lower() in label.lower()], label
            assert len(label) < 70, label


@pytest.mark.parametrize(
    ("name", "values", "shown", "hidden"),
    [
        ("sensitivity", {}, "SAMPLES SEED", "THETA COST ALPHA QUALITY TARGETS BAND"),
        ("sensitivity", {"DISTANCE": "rsp"}, "THETA COST", "SOLVER"),
        ("sensitivity", {"DISTANCE": "resistance", "SCALAR": "quality_weighted"}, "SOLVER ALPHA QUALITY", "THETA"),
        ("barriers", {}, "FOCAL FOCAL_RASTER", "ID_FIELD THETA SEARCH_RADIUS RESTORED RESTORED_RADIUS CUTOFF"),
        ("barriers", {"DISTANCE": "rsp"}, "THETA IMPROVEMENT", "RESTORED_GAIN"),
        ("barriers", {"IMPROVEMENT": "TEMPORARY_OUTPUT"}, "SEARCH_RADIUS RESTORED", "RESTORED_RADIUS CUTOFF"),
        ("barriers", {"RESTORED_GAIN": "x.tif", "DISTANCE": "leastcost"}, "RESTORED RESTORED_RADIUS", "SEARCH_RADIUS"),
        ("distancematrix", {}, "DISTANCE", "THETA MEASURE COST TARGET_ID_FIELD"),
        ("currentflow", {}, "ZERO_AT_FOCAL", "STRENGTH_FIELD VOLTAGES"),
        ("currentflow", {"MODE": "one_to_all"}, "MODE", "ZERO_AT_FOCAL"),
        ("movingwindowcurrent", {}, "CUTOFF", "THRESHOLD COMPARISON_1 LOWEST_1 FUTURE_2"),
        ("rspflow", {}, "SOURCES QUALITY THETA", "TARGETS WEIGHTING ALPHA LANDMARKS"),
        ("currentflowadvanced", {}, "SOURCES GROUNDS", "STRENGTH_FIELD GROUND_FIELD GROUND_VALUES"),
        ("permeabilityfromlandcover", {}, "TABLE MATRIX", "CLASS_FIELD VALUE_FIELD"),
        ("permeabilityfromlandcover", {"MATRIX": [1, 2.0]}, "MATRIX", "TABLE"),
    ],
)
def test_parameters_without_effect_are_hidden(form, name, values, shown, hidden):
    opened = form(name).set(**values)
    assert [each for each in shown.split() if not opened.shows(each)] == []
    assert [each for each in hidden.split() if opened.shows(each)] == []


def test_layer_shows_its_fields_and_hides_the_alternative(form, points):
    patches = points((0, 0), (0, 1))
    QgsProject.instance().addMapLayer(patches)
    opened = form("barriers").set(FOCAL=patches)
    assert opened.shows("ID_FIELD") and not opened.shows("FOCAL_RASTER")
    assert not form("sensitivity").set(SOURCES=patches).shows("SAMPLES")


@pytest.mark.parametrize(
    ("name", "values", "parameter", "reason"),
    [
        ("sensitivity", {"THETA": 0.5}, "THETA", "the distance “least cost” does not depend on it"),
        ("currentflow", {"MODE": "one_to_all", "ZERO_AT_FOCAL": True}, "ZERO_AT_FOCAL", "it needs “Mode” = “Pairwise”"),
        ("barriers", {"CUTOFF": 5}, "CUTOFF", "it needs “Pinch points”"),
    ],
)
def test_value_without_effect_stays_visible_with_the_reason(form, name, values, parameter, reason):
    opened = form(name).set(**values)
    assert opened.shows(parameter) and opened.label(parameter).endswith(f"no effect: {reason}")
    opened.set(**{parameter: opened.panel.wrappers[parameter].parameterDefinition().defaultValue()})
    assert not opened.shows(parameter) or parameter == "CUTOFF"


def test_note_is_removed_when_the_value_has_an_effect_again(form):
    opened = form("sensitivity").set(THETA=0.5)
    opened.set(DISTANCE="rsp")
    assert "no effect" not in opened.label("THETA") and opened.value("THETA") == 0.5


def test_band_is_shown_for_several_bands_only(form, landscape):
    one, several = landscape(name="one"), landscape(name="several", bands=2)
    opened = form("leastcostdistance").set(INPUT=one)
    assert not opened.shows("BAND")
    assert opened.set(INPUT=several).shows("BAND")


@pytest.mark.parametrize(
    ("name", "values", "parameter", "expected"),
    [
        ("sensitivity", {"DISTANCE": "resistance"}, "ALPHA", ("1000", "ohm")),
        ("sensitivity", {"DISTANCE": "leastcost"}, "ALPHA", ("1000", "meters × resistance")),
        ("windowedconnectivity", {"DISTANCE": "euclidean"}, "ALPHA", ("1000", "meters")),
        ("connectedhabitat", {"DISTANCE": "rsp", "COST": "minus_log"}, "ALPHA", ("1000", "units of cost")),
        ("connectedhabitat", {"DISTANCE": "leastcost", "COST": "minus_log"}, "ALPHA", ("1000", "meters × resistance")),
        ("leastcostcorridor", {"THRESHOLD": 2.5}, "THRESHOLD", ("2.5", "meters × resistance")),
        ("leastcostcorridor", {"NORMALISED": True, "THRESHOLD": 0.1}, "THRESHOLD", ("0.1", "times the least cost")),
        ("rspdistance", {"THETA": 0.00002}, "THETA", ("2e-05", "per unit of cost")),
        ("movingwindowcurrent", {"CUTOFF": 100}, "CUTOFF", ("100", "")),
        ("barriers", {}, "CUTOFF", ("", "meters × resistance")),
    ],
)
def test_numbers_have_their_digits_and_unit(form, landscape, name, values, parameter, expected):
    opened = form(name).set(INPUT=landscape(), **values)
    assert opened.number(parameter) == expected


def test_length_is_in_the_unit_of_the_landscape(form, landscape):
    opened = form("movingwindowcurrent").set(INPUT=landscape(), RADIUS=2500)
    widget = opened.panel.wrappers["RADIUS"]
    assert (widget.spin_box.text(), widget.unit_box.currentText(), opened.value("RADIUS")) == ("2500", "meters", 2500)
    widget.unit_box.setCurrentIndex(1)
    widget.spin_box.setValue(1.5)
    assert opened.value("RADIUS") == 1500
    opened.set(INPUT=landscape(name="degrees", crs="EPSG:4326"), RADIUS=0.0125)
    assert widget.unit_box.isHidden() and opened.number("RADIUS") == ("0.0125", "degrees")


def test_length_in_a_chosen_unit_stays_when_another_landscape_is_chosen(form, landscape):
    opened = form("movingwindowcurrent").set(INPUT=landscape())
    widget = opened.panel.wrappers["RADIUS"]
    widget.unit_box.setCurrentIndex(1)
    widget.spin_box.setValue(1.5)
    opened.set(INPUT=landscape(name="feet", crs="EPSG:2222"))
    assert (widget.spin_box.text(), widget.unit_box.currentText()) == ("1.5", "kilometers")
    assert opened.value("RADIUS") == pytest.approx(1500 / 0.3048)


def test_length_in_a_model_is_in_the_unit_of_its_parent(form, landscape):
    opened = form("landcovertocurrentsandbarriers").set(LAND_COVER=landscape())
    assert opened.panel.wrappers["SEARCH_RADIUS"].unit_box.currentText() == "meters"
    assert not opened.panel.wrappers["SEARCH_RADIUS"].unit_box.isHidden()


def test_theta_is_explained_where_it_stands(form):
    label, widget = form("rspdistance").parts("THETA")
    assert label.text() == "θ: from random movement (near 0) to the least-cost path (large)"
    assert "the closer they keep to the least-cost path" in label.toolTip() and label.toolTip() == widget.toolTip()


def test_small_numbers_are_not_rounded(form):
    opened = form("rspdistance").set(THETA=1e-9)
    assert opened.value("THETA") == 1e-9
    assert opened.set(THETA=0.123456789012).value("THETA") == 0.123456789012


def test_optional_numbers_may_be_empty(form):
    opened = form("movingwindowcurrent").set(CONDITION_1="x.tif", LOWEST_1=-3.5)
    assert opened.value("LOWEST_1") == -3.5 and opened.value("HIGHEST_1") is None and opened.value("CUTOFF") is None
    assert opened.set(LOWEST_1=None).value("LOWEST_1") is None


def test_meaning_of_the_landscape_has_no_default(form, landscape):
    opened = form("leastcostdistance").set(INPUT=landscape())
    assert opened.value("VALUES") is None and opened.panel.wrappers["VALUES"].widget.currentText() == "Choose…"


def test_name_of_the_band_proposes_the_meaning_until_the_user_chooses(form, landscape):
    resistance, permeability = landscape(name="r", band="Resistance"), landscape(name="p", band="permeability")
    opened = form("leastcostdistance").set(INPUT=resistance)
    assert opened.value("VALUES") == "resistance" and "is called “resistance”" in opened.label("VALUES")
    opened.set(INPUT=permeability)
    assert opened.value("VALUES") == "permeability"
    opened.set(INPUT=landscape(name="unnamed"))
    assert opened.value("VALUES") is None and "is called" not in opened.label("VALUES")
    opened.set(VALUES="resistance", INPUT=permeability)
    assert opened.value("VALUES") == "resistance"


def test_no_statistics_are_left_beside_the_file_of_a_landscape(form, geotiff, tmp_path):
    path = geotiff(np.ones((2, 2)), name="closed")
    opened = form("leastcostdistance").set(INPUT=path)
    assert opened.value("INPUT") == path and not opened.shows("BAND")
    assert [each.name for each in tmp_path.iterdir()] == ["closed.tif"]


def test_band_of_land_cover_proposes_nothing(form, landscape):
    assert form("permeabilityfromlandcover").set(INPUT=landscape(band="permeability")).value("VALUES") is None


@pytest.mark.parametrize("name", ["sensitivity", "movingwindowcurrent", "connectedcomponents"])
def test_dialog_on_the_sample_can_be_run_at_once(form, sample, name):
    """So that a newcomer need not choose anything."""
    layer = QgsRasterLayer(sample["permeability.tif"], "Permeability")
    QgsProject.instance().addMapLayer(layer)
    opened = form(name)
    parameters = opened.panel.createProcessingParameters()
    assert (parameters["INPUT"], parameters["VALUES"]) == (layer.id(), "permeability")
    QgsProject.instance().removeAllMapLayers()
