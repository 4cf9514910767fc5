"""Parameters that QGIS would ignore without a word, or reject without a reason."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProperty

from permea.plugin.algorithms import ALGORITHMS
from permea.plugin.algorithms.applicability import ineffective_parameters

NAMES = [algorithm.identifier for algorithm in ALGORITHMS]


def check(provider, context, name, **parameters):
    """Return the message with which QGIS would reject the parameters."""
    accepted, message = provider.algorithm(name).checkParameterValues(parameters, context)
    return "" if accepted else message


@pytest.mark.parametrize("name", [*NAMES, "landcovertocurrentsandbarriers"])
def test_unknown_parameter_is_rejected(provider, context, name):
    assert "has no parameter INPUTT. " in check(provider, context, name, INPUTT="x")


@pytest.mark.parametrize(
    ("name", "unknown", "known"),
    [
        ("currentflow", "NEIGHBOURS", "NEIGHBORS"),
        ("leastcostdistance", "neighbors", "NEIGHBORS"),
        ("movingwindowcurrent", "RADIUS_M", "RADIUS"),
        ("barriers", "FOCALS", "FOCAL"),
    ],
)
def test_similar_parameter_is_proposed(provider, context, name, unknown, known):
    assert f"Did you mean {known}?" in check(provider, context, name, **{unknown: "rook"})


def test_unknown_parameter_is_rejected_in_a_run(run, points, valley_file, tmp_path):
    target = tmp_path / "out.tif"
    with pytest.raises(QgsProcessingException, match="has no parameter NEIGHBOURS"):
        run(
            "leastcostdistance",
            INPUT=valley_file,
            SOURCES=points((0, 0)),
            NEIGHBOURS="rook",
            OUTPUT=str(target),
        )
    assert not target.exists()


@pytest.mark.parametrize("number", [1, "1"])
def test_choice_by_number(run, read, points, valley_file, number):
    where = {"INPUT": valley_file, "SOURCES": points((0, 0))}
    by_number = read(run("leastcostdistance", NEIGHBORS=number, **where)["OUTPUT"]).band
    by_name = read(run("leastcostdistance", NEIGHBORS="rook", **where)["OUTPUT"]).band
    queen = read(run("leastcostdistance", NEIGHBORS=0, **where)["OUTPUT"]).band
    np.testing.assert_array_equal(by_number, by_name)
    assert by_number[4, 1] > queen[4, 1]


@pytest.mark.parametrize("name", NAMES)
def test_every_choice_works_by_number(provider, context, name):
    algorithm = provider.algorithm(name)
    for definition in algorithm.parameterDefinitions():
        if definition.type() == "enum":
            for number in range(len(definition.options())):
                message = check(provider, context, name, **{definition.name(): number})
                assert definition.name() not in message and "not a choice" not in message


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("currentflow", {"MODE": "pairwize"}, "'pairwize' is not a choice; the choices are pairwise, one_to_all, "),
        ("currentflow", {"MODE": 3}, "or their numbers from 0 to 2"),
        ("leastcostdistance", {"VALUES": "cost"}, "the choices are permeability, resistance"),
        ("leastcostcorridor", {"THRESHOLD": "2,5"}, "'2,5' is not a number; write 2.5, with a decimal point"),
        ("movingwindowcurrent", {"RADIUS": "far"}, "'far' is not a number"),
        ("movingwindowcurrent", {"BLOCK_SIZE": 2.5}, "2.5 is not a whole number"),
        ("movingwindowcurrent", {"CUTOFF": -1}, "-1 is too small; it must be at least 1e-09"),
        ("rspdistance", {"THETA": float("nan")}, "nan is not a finite number"),
        ("movingwindowcurrent", {"RADIUS": "1,000"}, "'1,000' is not a number; write 1.000 or 1000."),
        ("movingwindowcurrent", {"CUTOFF": 0}, "0 is too small; it must be at least 1e-09"),
        ("leastcostdistance", {"PER_SOURCE": "no"}, "'no' is neither true nor false"),
        ("currentflow", {"ZERO_AT_FOCAL": 2}, "'2' is neither true nor false"),
        ("leastcostcorridor", {"NORMALISED": [False]}, "'[False]' is neither true nor false"),
        ("leastcostdistance", {"BAND": "first"}, "'first' is not the number of a band, counted from 1"),
        ("currentflow", {"BAND": 1.5}, "'1.5' is not the number of a band"),
        ("permeabilityfromlandcover", {"BAND": -1}, "'-1' is not the number of a band"),
        ("currentflow", {"ID_FIELD": "code"}, "'code' is a field of “Focal nodes: points, lines or polygons”, which"),
        ("currentflowadvanced", {"GROUND_FIELD": "g"}, "'g' is a field of “Grounds: points, lines or polygons”, which"),
    ],
)
def test_message_names_the_allowed_values(provider, context, name, parameters, words):
    message = check(provider, context, name, **parameters)
    assert words in message and next(iter(parameters)) in message


@pytest.mark.parametrize("value", [True, False, "true", "FALSE", 0, 1, "1"])
def test_true_and_false_in_every_spelling(provider, context, value):
    assert "PER_SOURCE" not in check(provider, context, "leastcostdistance", PER_SOURCE=value)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("currentflow", {"MODE": "one_to_all", "ZERO_AT_FOCAL": True}, "“Set focal node currents to zero” has no"),
        ("currentflow", {"VOLTAGES": True}, "it needs “Output folder for individual maps”"),
        ("barriers", {"DISTANCE": "leastcost", "THETA": 0.5}, "the distance “least cost” does not depend on it"),
        ("leastcostcorridor", {"TARGETS": "t.gpkg", "PAIRS": "minimum_planar_graph"}, "is used instead"),
        ("movingwindowcurrent", {"THRESHOLD": 2}, "it needs “Source strength”"),
        ("movingwindowcurrent", {"CUTOFF": 9, "SOURCE_STRENGTH": "s.tif"}, "“Source strength” is used instead"),
        ("sensitivity", {"ALPHA": 5}, "it needs “Connectivity measure” = “Quality-weighted connectivity”"),
        ("barriers", {"CUTOFF": 5}, "it needs “Pinch points”"),
        ("barriers", {"UNREACHABLE": "infinity"}, "it needs “Improvement score” or “Gain from restoration”"),
        ("barriers", {"RESTORED": 2}, "it needs “Improvement score” or “Gain from restoration”"),
        ("currentflowadvanced", {"GROUND_VALUES": "resistance"}, "it needs “Ground value field” or “Grounds: raster”"),
        ("movingwindowcurrent", {"COMPARISON_2": "equal"}, "it needs “Condition 2”"),
        ("rspflow", {"SOURCES": "p.gpkg", "WEIGHTING": "proximity"}, "it needs “Habitat quality”"),
    ],
)
def test_value_without_effect_is_named(provider, name, parameters, words):
    algorithm = provider.algorithm(name)
    assert any(words in text for text in ineffective_parameters(algorithm, parameters))
    defaults = {d.name(): d.defaultValue() for d in algorithm.parameterDefinitions()}
    assert not ineffective_parameters(algorithm, {**defaults, **dict.fromkeys(parameters, None)})


def test_value_may_have_an_effect_with_an_expression(provider):
    from permea.plugin.algorithms.applicability import ineffective_parameters

    distance = QgsProperty.fromExpression("'rsp'")
    assert ineffective_parameters(provider.algorithm("barriers"), {"DISTANCE": distance, "THETA": 0.5}) == []


def test_value_without_effect_is_warned_about_in_a_run(run, points, valley_file, feedback):
    focal = points((0, 0), (8, 2))
    run("currentflow", INPUT=valley_file, FOCAL=focal, MODE="all_to_one", ZERO_AT_FOCAL=True)
    assert any("“Set focal node currents to zero” has no effect" in text for text in feedback.warnings)


@pytest.mark.parametrize("name", ["sensitivity", "windowedconnectivity", "connectedhabitat", "rspflow"])
def test_dispersal_distance_has_no_unit_of_length(provider, name):
    # Its unit is that of the distance: a dialog with "1000 metres" would be wrong where it is in ohm.
    assert provider.algorithm(name).parameterDefinition("ALPHA").type() == "number"
