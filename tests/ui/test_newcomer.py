"""From the package to the first map in the real QGIS window, with the engine installed from a folder of wheels."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURES = ROOT / "build" / "screenshots"

# From Install from ZIP to the map, each press of a button being one.
MAX_ACTIONS = 8


def load(path: Path):
    spec = importlib.util.spec_from_file_location(f"permea_tests_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with the locked wheels of the engine and of uv; most are in the cache of `make setup`."""
    folder = tmp_path_factory.mktemp("wheels")
    python = os.environ["PERMEA_ENGINE_PYTHON"]
    for lock in ("engine-requirements.txt", "uv-requirements.txt"):
        command = [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--no-deps",
        ]
        command += ["--dest", str(folder), "--requirement", str(ROOT / "resources" / lock)]
        environment = os.environ | {"PIP_CACHE_DIR": str(ROOT / "build" / "pip-cache")}
        subprocess.run(command, check=True, env=environment)
    return folder


@pytest.fixture(scope="module")
def report(wheels, tmp_path_factory):
    """Play the session and return its report."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    home = tmp_path_factory.mktemp("home")
    package = home / "permea.zip"
    subprocess.run([sys.executable, str(ROOT / "resources" / "scripts" / "build_zip.py"), str(package)], check=True)
    desktop = load(HERE / "desktop.py")
    desktop.make_profile(home)
    variables = {
        "PERMEA_TEST_PACKAGE": str(package),
        "PERMEA_TEST_WHEELS": str(wheels),
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
def test_package_leads_to_a_map_without_a_terminal(report):
    assert "error" not in report, report["error"]
    assert report["engine"] == "The engine is ready.", report["reason"] + report.get("log", "")
    assert len(report["maps"]) >= 1
    assert len(report["actions"]) <= MAX_ACTIONS, [action["text"] for action in report["actions"]]
