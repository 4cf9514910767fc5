"""The toolbox: released ids and names, groups, icons, and instructions if there is no engine."""

import json
from pathlib import Path

import pytest
from qgis.core import QgsProcessingAlgorithm, QgsProcessingException
from qgis.gui import QgsProcessingToolboxProxyModel
from qgis.PyQt.QtCore import QModelIndex
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
    """Groups, outputs, parameters and defaults are equal; outputs, parameters and options may be added."""
    algorithm, released = provider.algorithm(name), RELEASED[name]
    assert algorithm.groupId() == released["group"]
    outputs = {output.name(): output.type() for output in algorithm.outputDefinitions()}
    assert released["outputs"].items() <= outputs.items()
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
    with pytest.raises(QgsProcessingException, match="Permea ▸ Engine…"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))


def test_sample_loads_without_engine(provider, monkeypatch):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    assert provider.algorithm("loadsampledata").canExecute()[0]


def test_algorithms_run_in_background_thread(provider):
    for name in NAMES:
        assert not provider.algorithm(name).flags() & QgsProcessingAlgorithm.Flag.FlagNoThreading


@pytest.mark.parametrize(
    ("words", "sensible"),
    [
        ("bottleneck", "barriers currentflow movingwindowcurrent"),
        ("restoration", "barriers sensitivity windowedsensitivity movingwindowsensitivity"),
        ("gene flow", "resistancedistance distancematrix currentflow movingwindowcurrent"),
        ("friction", "leastcostdistance leastcostpaths leastcostcorridor permeabilityfromlandcover"),
        ("linkage", "leastcostpaths leastcostcorridor barriers"),
        ("betweenness", "rspflow currentflow"),
        ("stepping stones", "leastcostpaths currentflow rspflow connectedhabitat distancematrix"),
        ("Conefor", "connectedhabitat windowedconnectivity distancematrix"),
        ("Omniscape", "movingwindowcurrent movingwindowsensitivity circuitscapeproject"),
        ("Circuitscape", "currentflow currentflowadvanced circuitscapeproject movingwindowcurrent"),
        ("corridor", "leastcostcorridor leastcostpaths currentflow movingwindowcurrent rspflow barriers"),
        ("habitat network", "leastcostpaths distancematrix connectedhabitat windowedconnectivity connectedcomponents"),
        ("barrier", "barriers sensitivity windowedsensitivity movingwindowsensitivity connectedcomponents"),
        ("pinch point", "barriers currentflow movingwindowcurrent"),
        ("Linkage Mapper", "leastcostpaths leastcostcorridor barriers"),
        ("circuit theory", "resistancedistance currentflow currentflowadvanced movingwindowcurrent barriers"),
        ("divergence", "flowdivergence"),
        ("net flux", "flowdivergence"),
        ("genetics", "resistancedistance distancematrix"),
    ],
)
def test_words_of_the_field_find_the_right_algorithms(provider, qgis_iface, words, sensible):
    """The toolbox's own filter, as if the words were typed into its search box."""
    model = QgsProcessingToolboxProxyModel()
    model.setFilterString(words)
    toolbox, found = model.toolboxModel(), []

    def collect(parent):
        for row in range(model.rowCount(parent)):
            index = model.index(row, 0, parent)
            algorithm = toolbox.algorithmForIndex(model.mapToSource(index))
            if algorithm is not None and algorithm.provider().id() == "permea":
                found.append(algorithm.name())
            collect(index)

    collect(QModelIndex())
    assert set(sensible.split()) <= set(found)
    assert len(set(found) - set(sensible.split()) - set(MODELS)) <= 5, found


@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_has_words_and_an_icon_of_its_own(provider, name):
    algorithm = provider.algorithm(name)
    assert algorithm.tags()
    icons = {other: Path(provider.algorithm(other).svgIconPath()).read_text(encoding="utf-8") for other in NAMES}
    assert Path(algorithm.svgIconPath()).is_file()
    assert [other for other, icon in icons.items() if icon == icons[name]] == [name]
