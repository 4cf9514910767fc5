"""Help: for every parameter, behind the Help button, and the same in the documentation."""

import importlib.util
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QUrl

ROOT = Path(__file__).resolve().parents[3]
NAMES = (
    "leastcostdistance",
    "resistancedistance",
    "rspdistance",
    "sensitivity",
    "windowedsensitivity",
    "windowedconnectivity",
    "connectedcomponents",
    "loadsampledata",
    "distancematrix",
    "leastcostpaths",
    "leastcostcorridor",
    "permeabilityfromlandcover",
    "currentflow",
    "currentflowadvanced",
    "circuitscapeproject",
    "movingwindowcurrent",
    "movingwindowsensitivity",
    "rspflow",
    "barriers",
    "connectedhabitat",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_explains_itself_in_a_sentence(provider, name):
    for parameter in provider.algorithm(name).parameterDefinitions():
        assert len(parameter.help()) > 40, parameter.name()
        assert parameter.help().endswith("."), parameter.name()
        assert parameter.description(), parameter.name()


@pytest.mark.parametrize("name", NAMES)
def test_the_help_says_what_when_and_what_comes_out(provider, name):
    algorithm = provider.algorithm(name)
    shown = algorithm.shortHelpString()
    for heading in ("When to use it", "What comes out"):
        assert f"<h3>{heading}</h3>" in shown
    for parameter in algorithm.parameterDefinitions():
        assert f"<b>{parameter.description()}</b>" in shown
    assert len(algorithm.shortDescription()) > 20


@pytest.mark.parametrize("name", NAMES)
def test_the_help_button_opens_a_page_that_comes_with_the_plugin(provider, name):
    algorithm = provider.algorithm(name)
    page = Path(QUrl(algorithm.helpUrl()).toLocalFile())
    assert f"<h1>{algorithm.displayName()}</h1>" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ("distancetohabitat", "firstlook"))
def test_the_models_say_what_they_show(provider, name):
    assert len(provider.algorithm(name).shortHelpString()) > 150


def test_the_documentation_says_the_same_as_the_help(qgis_app):
    spec = importlib.util.spec_from_file_location("write_help", ROOT / "resources" / "scripts" / "write_help.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    stale = [
        str(path.relative_to(ROOT))
        for path, text in writer.pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run resources/scripts/write_help.py with QGIS's Python"
