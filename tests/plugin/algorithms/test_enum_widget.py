"""Choices show labels in QGIS's dialogs and keep their fixed values."""

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition
from qgis.PyQt.QtWidgets import QDialog

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
        assert options == [None] * optional + parameter.options()
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
