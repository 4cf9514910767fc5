"""Choices show labels in QGIS's dialogs and keep their fixed values."""

import pytest
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtWidgets import QComboBox, QDialog

from permea.plugin.algorithms import ALGORITHMS

NAMES = [algorithm.identifier for algorithm in ALGORITHMS]


@pytest.fixture
def widget(provider, qgis_iface):
    """Return the wrapper and the combo box that QGIS makes for a parameter in an algorithm's dialog."""
    from processing.gui.wrappers import WidgetWrapperFactory

    dialog = QDialog()

    def make(parameter):
        wrapper = WidgetWrapperFactory.create_wrapper(parameter, dialog)
        return wrapper, wrapper.widget

    yield make
    dialog.deleteLater()


@pytest.mark.parametrize("name", NAMES)
def test_every_choice_has_labels(provider, widget, name):
    for parameter in provider.algorithm(name).parameterDefinitions():
        if parameter.type() != "enum":
            continue
        wrapper, combo_box = widget(parameter)
        options = [combo_box.itemData(index) for index in range(combo_box.count())]
        optional = bool(parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)
        required = not optional and parameter.defaultValue() is None
        assert options == [None] * (optional or required) + parameter.options()
        labels = [combo_box.itemText(index) for index in range(combo_box.count())]
        assert not set(labels) & set(parameter.options()) and len(set(labels)) == len(labels)
        assert wrapper.parameterValue() == parameter.defaultValue()


def test_value_is_set_by_fixed_value_and_shown_as_label(provider, widget):
    wrapper, combo_box = widget(provider.algorithm("rspdistance").parameterDefinition("MEASURE"))
    wrapper.setParameterValue("survival", QgsProcessingContext())
    assert (wrapper.parameterValue(), combo_box.currentText()) == ("survival", "Survival probability")
    combo_box.setCurrentIndex(combo_box.findText("Free energy"))
    assert wrapper.parameterValue() == "free_energy"


def test_unset_optional_choice_has_no_value(provider, widget):
    wrapper, combo_box = widget(provider.algorithm("sensitivity").parameterDefinition("SOLVER"))
    combo_box.setCurrentIndex(0)
    assert wrapper.parameterValue() is None


def test_modeler_shows_labels_and_stores_fixed_values(provider, qgis_iface):
    from processing.gui.wrappers import WidgetWrapperFactory

    class ModelerParametersDialog(QDialog):
        """Stands for QGIS's dialog of a step, by whose name its widgets recognise it."""

        model, childId, context = QgsProcessingModelAlgorithm(), "step", QgsProcessingContext()  # noqa: N815

    dialog = ModelerParametersDialog()
    for name, number in (("currentflow", 1), ("rspdistance", 1)):
        parameter = provider.algorithm(name).parameterDefinition("MODE" if name == "currentflow" else "MEASURE")
        widget = WidgetWrapperFactory.create_wrapper(parameter, dialog)
        [box] = [each for each in widget.findChildren(QComboBox) if each.findData(parameter.options()[0]) >= 0]
        assert box.itemText(number) in ("One to all", "Free energy")
        box.setCurrentIndex(number)
        source = widget.value()
        source = source[0] if isinstance(source, list) else source
        static = QgsProcessingModelChildParameterSource.fromStaticValue(parameter.options()[number])
        assert source.source() == static.source()
        assert source.staticValue() == parameter.options()[number]
    number = WidgetWrapperFactory.create_wrapper(provider.algorithm("rspdistance").parameterDefinition("THETA"), dialog)
    assert number.value()
    dialog.deleteLater()


def test_choice_of_a_bundled_model_has_the_labels_of_its_step(provider, widget):
    wrapper, combo_box = widget(provider.algorithm("landcovertocurrentsandbarriers").parameterDefinition("VALUES"))
    assert [combo_box.itemText(index) for index in range(combo_box.count())] == [
        "Choose…",
        "Permeability (conductance)",
        "Resistance (cost)",
    ]
    assert wrapper.parameterValue() is None


def test_choice_in_the_batch_dialog_accepts_numbers(provider, widget):
    wrapper, combo_box = widget(provider.algorithm("currentflow").parameterDefinition("MODE"))
    wrapper.setParameterValue(2, QgsProcessingContext())
    assert (wrapper.parameterValue(), combo_box.currentText()) == ("all_to_one", "All to one")
