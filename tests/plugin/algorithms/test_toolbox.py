"""The toolbox: released ids and names, groups, icons, and instructions if there is no engine."""

import json
from pathlib import Path

import pytest
from qgis.PyQt.QtGui import QIcon

from permea.plugin.algorithms import ALGORITHMS
from permea.plugin.algorithms.base import EngineRequiredAlgorithm

NAMES = [algorithm.identifier for algorithm in ALGORITHMS]
MODELS = ["distancetohabitat", "firstlook", "landcovertocurrentsandbarriers"]
# Ids, parameters, enum values, defaults and outputs of released algorithms, on which scripts and models depend. New
# algorithms are added with a release.
RELEASED = json.loads((Path(__file__).parent / "released_interface.json").read_text(encoding="utf-8"))
COMMON_OUTPUTS = {"ACTIVE_CELLS", "ITERATIONS", "RESIDUAL", "SECONDS", "PEAK_MEMORY_BYTES", "SOLVER"}


def test_toolbox_holds_all_algorithms_and_models(provider):
    assert sorted(algorithm.name() for algorithm in provider.algorithms()) == sorted([*NAMES, *MODELS])
    assert {a.id() for a in provider.algorithms()} == {f"permea:{name}" for name in [*NAMES, *MODELS]}
    assert {provider.algorithm(name).groupId() for name in MODELS} == {"examples"}


@pytest.mark.parametrize("name", RELEASED)
def test_released_interface_is_unchanged(provider, name):
    """Groups, outputs, parameters and defaults are equal; parameters and options may be added."""
    algorithm, released = provider.algorithm(name), RELEASED[name]
    assert algorithm.groupId() == released["group"]
    assert {output.name(): output.type() for output in algorithm.outputDefinitions()} == released["outputs"]
    definitions = {definition.name(): definition for definition in algorithm.parameterDefinitions()}
    assert set(released["parameters"]) <= set(definitions)
    for parameter, expected in released["parameters"].items():
        definition = definitions[parameter]
        assert (definition.type(), definition.defaultValue()) == (expected["type"], expected["default"]), parameter
        if "options" in expected:
            assert definition.usesStaticStrings()
            assert set(expected["options"]) <= set(definition.options()), parameter


@pytest.mark.parametrize("name", [*NAMES, *MODELS])
def test_algorithms_have_title_group_and_icon(provider, name):
    algorithm = provider.algorithm(name)
    assert algorithm.displayName() and algorithm.group()
    pixels = algorithm.icon().pixmap(24, 24).toImage()
    drawn = sum(pixels.pixelColor(x, y).alpha() > 128 for x in range(24) for y in range(24))
    assert drawn > 60
    assert not QIcon(algorithm.svgIconPath()).isNull()


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=NAMES)
def test_number_outputs_are_declared(provider, algorithm):
    declared = {output.name() for output in provider.algorithm(algorithm.identifier).outputDefinitions()}
    assert {output.name for output in algorithm.number_outputs} <= declared
    if issubclass(algorithm, EngineRequiredAlgorithm):
        assert declared >= COMMON_OUTPUTS


def test_toolbox_without_engine_gives_instructions(provider, monkeypatch):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    possible, reason = provider.algorithm("leastcostdistance").canExecute()
    assert not possible
    assert "Permea ▸ Engine…" in reason


def test_run_without_engine_gives_instructions(run, monkeypatch, valley_file, points):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON")
    with pytest.raises(Exception, match="Permea ▸ Engine…"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))


def test_sample_loads_without_engine(provider, monkeypatch):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    assert provider.algorithm("loadsampledata").canExecute()[0]


def test_algorithms_run_in_background_thread(provider):
    from qgis.core import QgsProcessingAlgorithm

    for name in NAMES:
        assert not provider.algorithm(name).flags() & QgsProcessingAlgorithm.Flag.FlagNoThreading
