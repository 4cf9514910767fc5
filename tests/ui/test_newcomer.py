"""The tutorial, followed word by word in the real QGIS window, with the engine installed from a folder of wheels."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURES = ROOT / "build" / "screenshots"

TUTORIAL = ROOT / "docs" / "tutorial.md"
# From Install from ZIP to the first map, each press of a button and each choice being one.
MAX_ACTIONS = 8


@pytest.fixture(scope="module")
def report(wheels, tmp_path_factory, desktop):
    """Play the session and return its report."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    home = tmp_path_factory.mktemp("home")
    package = home / "permea.zip"
    subprocess.run([sys.executable, str(ROOT / "resources" / "scripts" / "build_zip.py"), str(package)], check=True)
    desktop.make_profile(home)
    variables = {
        "PERMEA_TEST_PACKAGE": str(package),
        "PERMEA_TEST_WHEELS": str(wheels),
        "PERMEA_TEST_TUTORIAL": str(TUTORIAL),
        "PERMEA_TEST_OUT": str(PICTURES),
        "PERMEA_ENGINE_PYTHON": "",
    }
    (PICTURES / "report.json").unlink(missing_ok=True)
    ended = desktop.play(HERE / "newcomer_session.py", home, variables, seconds=1800)
    if not (PICTURES / "report.json").is_file():
        pytest.fail(f"QGIS ended with status {ended.returncode} and without a report:\n{ended.stderr[-3000:]}")
    return json.loads((PICTURES / "report.json").read_text(encoding="utf-8"))


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_tutorial_leads_to_maps_without_a_terminal(report):
    assert "error" not in report, f"{report['now']}: {report['error']}"
    assert report["engine"] == "The engine is ready."
    # Maps of the sample, the sensitivity and the current.
    assert set(report["maps"]) == {"3", "4", "5"}
    until_first_map = [action["text"] for action in report["actions"] if action["step"] <= 4]
    assert len(until_first_map[: until_first_map.index("Run", until_first_map.index("Close")) + 1]) <= MAX_ACTIONS


def test_tutorial_has_five_steps_that_can_be_followed(tutorial):
    actions = tutorial.read(TUTORIAL)
    assert sorted({action.step for action in actions}) == [1, 2, 3, 4, 5]
    assert {action.kind for action in actions} == set(tutorial.PATTERNS)


@pytest.mark.parametrize("line", ["Press Run.", "Click **Run**.", "Set **A** to B.", "Press **Run** and **Close**."])
def test_lines_that_no_test_can_follow_are_recognised(tutorial, line):
    with pytest.raises(ValueError, match="step 2: "):
        tutorial.actions(f"## 2. Second\n\n- {line}\n")


def test_tutorial_names_algorithms_parameters_and_version(tutorial, qgis_app):
    """What the long test finds in the window, the short one looks up in the algorithms."""
    from permea.plugin.algorithms import ALGORITHMS

    algorithms = {(a.group(), a.displayName()): a for a in (each().create() for each in ALGORITHMS)}
    current = None
    for action in tutorial.read(TUTORIAL):
        if action.kind == "open":
            assert action.path[:2] == ["Processing Toolbox", "Permea"]
            current = algorithms[tuple(action.path[2:])]
        elif action.kind == "set" and current is not None:
            assert action.target in {each.description() for each in current.parameterDefinitions()}
        elif action.kind == "set":
            version = re.search(r"(?m)^version=(.*)$", (ROOT / "metadata.txt").read_text(encoding="utf-8"))[1]
            assert action.value == f"permea-{version}.zip"


def test_menu_entry_opens_the_bundled_tutorial(tutorial, qgis_app, monkeypatch):
    from permea.ui import plugin

    opened = []
    monkeypatch.setattr(plugin.QDesktopServices, "openUrl", opened.append)
    plugin.open_tutorial()
    page = Path(opened[0].toLocalFile()).read_text(encoding="utf-8")
    assert page.count("<h2>") == 5
    assert "http" not in page.split("</style>")[1]  # nothing is loaded from the network
    assert [action.target for action in tutorial.read(TUTORIAL) if f"<b>{action.target}</b>" not in page] == []
