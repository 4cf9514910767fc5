"""What the toolbox shows: ids that scripts rely on, groups, icons, and an honest word where there is no engine."""

import pytest
from qgis.core import QgsApplication, QgsProcessingOutputNumber, QgsProcessingOutputString
from qgis.PyQt.QtGui import QIcon

ALGORITHMS = {
    "leastcostdistance": "distances",
    "resistancedistance": "distances",
    "rspdistance": "distances",
    "sensitivity": "sensitivity",
    "windowedsensitivity": "sensitivity",
    "windowedconnectivity": "habitat",
    "connectedcomponents": "tools",
    "loadsampledata": "tools",
    "distancematrix": "distances",
    "leastcostpaths": "flows",
    "leastcostcorridor": "flows",
    "permeabilityfromlandcover": "tools",
    "currentflow": "flows",
    "currentflowadvanced": "flows",
    "circuitscapeproject": "flows",
    "movingwindowcurrent": "flows",
    "movingwindowsensitivity": "sensitivity",
    "rspflow": "flows",
    "barriers": "flows",
    "connectedhabitat": "habitat",
    "distancetohabitat": "examples",
    "firstlook": "examples",
    "landcovertocurrentsandbarriers": "examples",
}
NUMBERS = {"ACTIVE_CELLS", "COMPONENTS", "ITERATIONS", "RESIDUAL", "SECONDS", "PEAK_MEMORY_BYTES"}
OWN_NUMBERS = {
    "leastcostdistance": {"MINIMUM", "MAXIMUM", "MEAN", "UNREACHABLE_CELLS"},
    "resistancedistance": {"MINIMUM", "MAXIMUM", "MEAN", "UNREACHABLE_CELLS"},
    "rspdistance": {"MINIMUM", "MAXIMUM", "MEAN", "UNREACHABLE_CELLS"},
    "sensitivity": {"CONNECTIVITY", "PAIRS", "UNREACHABLE_PAIRS", "MINIMUM", "MAXIMUM"},
    "distancematrix": {"FOCAL_NODES", "UNREACHABLE_PAIRS", "MINIMUM", "MAXIMUM", "MEAN"},
    "leastcostpaths": {"PATHS", "MINIMUM", "MAXIMUM"},
    "leastcostcorridor": {"CORRIDORS", "LEAST_COST", "CORRIDOR_CELLS", "MAXIMUM"},
    "connectedcomponents": {"LARGEST_COMPONENT_CELLS"},
    "currentflow": {
        "FOCAL_NODES",
        "RUNS",
        "UNCONNECTED",
        "MINIMUM",
        "MAXIMUM",
        "MEAN",
        "MAXIMUM_CURRENT",
        "CELLS_WITHOUT_FLOW",
        "UNCONSERVED",
    },
    "currentflowadvanced": {
        "MINIMUM_POTENTIAL",
        "MAXIMUM_POTENTIAL",
        "MAXIMUM_CURRENT",
        "CELLS_WITHOUT_FLOW",
        "UNCONSERVED",
    },
    "barriers": {
        "FOCAL_NODES",
        "MEAN_DISTANCE",
        "PAIRS",
        "UNREACHABLE_PAIRS",
        "MINIMUM",
        "MAXIMUM",
        "LARGEST_IMPROVEMENT",
        "LARGEST_RESTORED_GAIN",
        "JOINING_CELLS",
        "UNCONSERVED",
    },
    "rspflow": {"TARGETS", "PAIRS", "UNREACHABLE_PAIRS", "STEPS", "CONNECTIVITY", "MAXIMUM", "IMBALANCE"},
    "connectedhabitat": {
        "TARGETS",
        "PAIRS",
        "UNREACHABLE_PAIRS",
        "CONNECTIVITY",
        "EQUIVALENT_HABITAT",
        "MAXIMUM",
    },
    "movingwindowcurrent": {"TOTAL_CURRENT", "WINDOWS", "SKIPPED_WINDOWS", "MINIMUM", "MAXIMUM"},
    "movingwindowsensitivity": {"WEIGHTED_CURRENT", "WINDOWS", "SKIPPED_WINDOWS", "MINIMUM", "MAXIMUM"},
    "circuitscapeproject": {"FOCAL_NODES", "RUNS", "UNCONNECTED", "UNCONSERVED", "FILES"},
}
WINDOWED = ("windowedsensitivity", "windowedconnectivity")
MOVING = ("movingwindowcurrent", "movingwindowsensitivity")
OF_WINDOWS = {"CONNECTIVITY", "WINDOWS", "SKIPPED_WINDOWS", "MINIMUM", "MAXIMUM"}


def test_every_algorithm_and_model_stands_in_the_toolbox_under_its_fixed_id_and_group(provider):
    assert {a.name(): a.groupId() for a in provider.algorithms()} == ALGORITHMS
    assert {a.id() for a in provider.algorithms()} == {f"permea:{name}" for name in ALGORITHMS}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_has_a_title_a_group_and_an_icon_that_draws(provider, name):
    algorithm = provider.algorithm(name)
    assert algorithm.displayName() and algorithm.group()
    pixels = algorithm.icon().pixmap(24, 24).toImage()
    drawn = sum(pixels.pixelColor(x, y).alpha() > 128 for x in range(24) for y in range(24))
    assert drawn > 60
    assert not QIcon(algorithm.svgIconPath()).isNull()


@pytest.mark.parametrize("name", [*OWN_NUMBERS, *WINDOWED])
def test_every_number_of_a_run_is_declared_so_that_models_can_use_it(provider, name):
    declared = provider.algorithm(name).outputDefinitions()
    numbers = {output.name() for output in declared if isinstance(output, QgsProcessingOutputNumber)}
    # Nobody looks for connected parts in a raster of any size.
    everywhere = NUMBERS - {"COMPONENTS"} if name in (*WINDOWED, *MOVING) else NUMBERS
    expected = everywhere | (OF_WINDOWS if name in WINDOWED else OWN_NUMBERS[name])
    assert numbers == expected
    assert {output.name() for output in declared if isinstance(output, QgsProcessingOutputString)} == {"SOLVER"}


def test_without_an_engine_the_toolbox_says_what_to_do(provider, monkeypatch):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    possible, reason = provider.algorithm("leastcostdistance").canExecute()
    assert not possible
    assert "Permea ▸ Engine…" in reason


def test_without_an_engine_a_run_fails_with_instructions(run, monkeypatch, valley_file, points):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON")
    with pytest.raises(Exception, match="Permea ▸ Engine…"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))


def test_the_sample_can_be_loaded_without_an_engine(provider, monkeypatch):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    assert provider.algorithm("loadsampledata").canExecute()[0]


def test_algorithms_keep_to_the_background_thread(provider):
    from qgis.core import QgsProcessingAlgorithm

    for name in (*OWN_NUMBERS, *WINDOWED, "loadsampledata"):
        assert not provider.algorithm(name).flags() & QgsProcessingAlgorithm.Flag.FlagNoThreading


def test_after_unloading_nothing_is_left_in_the_toolbox(qgis_app, qgis_processing):
    from permea.ui.plugin import PermeaPlugin

    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    plugin.unload()
    assert QgsApplication.processingRegistry().providerById("permea") is None


def test_the_menu_entry_opens_the_engine_dialog_and_goes_when_the_plugin_is_unloaded(
    qgis_iface, qgis_processing, monkeypatch
):
    from permea.ui import engine_dialog
    from permea.ui.plugin import PermeaPlugin

    opened, added, removed = [], [], []
    monkeypatch.setattr(qgis_iface, "addPluginToMenu", lambda menu, action: added.append((menu, action)))
    monkeypatch.setattr(
        qgis_iface, "removePluginMenu", lambda menu, action: removed.append((menu, action)), raising=False
    )
    monkeypatch.setattr(engine_dialog.EngineDialog, "exec", lambda self: opened.append(self))
    plugin = PermeaPlugin(qgis_iface)
    plugin.initGui()
    [(menu, action)] = added
    assert (menu, action.text()) == ("&Permea", "Engine…")
    action.trigger()
    assert len(opened) == 1
    plugin.unload()
    assert removed == added
