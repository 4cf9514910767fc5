"""Values of parameters that no dialog gives: scripts, models and other plugins do."""

import datetime
import sys
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProperty, QgsRasterLayer

from permea.plugin.algorithms import ALGORITHMS

VALUES = {
    "object": object(),
    "bytes": b"\xff",
    "list": [1, [2]],
    "dict": {"a": 1},
    "set": {1},
    "date": datetime.date(2020, 1, 1),
    "array": np.arange(3),
    "scalar": np.float64("nan"),
    "path": Path("nowhere.tif"),
    "digits": "²",
    "huge": 10**400,
    "complex": 1j,
    "property": QgsProperty.fromExpression("nonsense("),
    "layer": QgsRasterLayer(),
    "surrogate": "\ud800",
    "zero": "a\0b",
    "none": None,
}


@pytest.fixture
def uncaught(monkeypatch):
    """Return the exceptions that reached Python's own handler, which QGIS shows as a traceback."""
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: seen.append(repr(error)))
    return seen


@pytest.mark.parametrize("kind", VALUES)
def test_no_value_of_a_parameter_ends_in_a_traceback(provider, context, uncaught, kind):
    """Neither when QGIS checks the parameters nor when it prepares the run; no message is about a program error."""
    for identifier in [algorithm.identifier for algorithm in ALGORITHMS]:
        for definition in provider.algorithm(identifier).parameterDefinitions():
            algorithm = provider.algorithm(identifier).create()
            parameters = {definition.name(): VALUES[kind]}
            _, message = algorithm.checkParameterValues(parameters, context)
            try:
                algorithm.prepare(parameters, context, QgsProcessingFeedback(False))
            except QgsProcessingException as error:
                message += str(error)
            assert "its own program" not in message, (identifier, definition.name())
    assert uncaught == []


def broken(*_):
    raise KeyError("some_internal_name")


@pytest.mark.parametrize("kind", ["check", "model", "prepare", "prepare_sample"])
def test_error_of_the_program_is_reported_in_words(provider, context, feedback, monkeypatch, uncaught, kind):
    model = next(each for each in provider.algorithms() if each.groupId() == "examples")
    named = provider.algorithm("loadsampledata" if kind == "prepare_sample" else "currentflow")
    algorithm = (model if kind == "model" else named).create()
    if kind in ("check", "model"):
        place = "bundled_models.invalid_parameters" if kind == "model" else "base.invalid_parameters"
        monkeypatch.setattr(f"permea.plugin.algorithms.{place}", broken)
        accepted, message = algorithm.checkParameterValues({}, context)
        assert not accepted
    else:
        monkeypatch.setattr("permea.plugin.algorithms.base.open_in_main_thread", broken)
        with pytest.raises(QgsProcessingException) as error:
            algorithm.prepareAlgorithm({}, context, feedback)
        message = str(error.value)
        assert "some_internal_name" in feedback.console[0]
    assert message.startswith("Permea stopped because of an error in its own program.")
    assert "some_internal_name" not in message and uncaught == []
