"""The package, unpacked into a QGIS profile, computes a map without the checkout."""

import json
import os
import shutil
import subprocess
import sys

import pytest

FROM_OUTSIDE = ("PYTHON", "VIRTUAL_ENV", "XDG_", "QGIS_", "PERMEA_", "QT_")
PROFILE = ".local/share/QGIS/QGIS3/profiles/default"


@pytest.fixture(scope="module")
def home(unpacked, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(unpacked, home / PROFILE / "python" / "plugins" / "permea")
    return home


@pytest.fixture(scope="module")
def qgis_process(home):
    """Run `qgis_process` with a profile that holds only the package, and this test's Python as the engine."""
    # Debian's qgis_process is a script that needs a display; the binary does not.
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(FROM_OUTSIDE)}
    (home / "run").mkdir(mode=0o700)
    environment |= {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "QT_QPA_PLATFORM": "offscreen",
        "PERMEA_ENGINE_PYTHON": sys.executable,
    }

    def run(*arguments):
        done = subprocess.run(
            [program, *map(str, arguments)], cwd=home, env=environment, capture_output=True, text=True, timeout=6000
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("plugins", "enable", "permea")
    return run


def test_algorithms_are_registered(qgis_process):
    algorithms = set(json.loads(qgis_process("list", "--json"))["providers"]["permea"]["algorithms"])
    names = (
        "leastcostdistance resistancedistance rspdistance sensitivity windowedsensitivity windowedconnectivity "
        "connectedcomponents loadsampledata"
    )
    assert {f"permea:{name}" for name in names.split()} <= algorithms


def test_least_cost_distance_of_packaged_sample(qgis_process, home, unpacked):
    sample = home / PROFILE / "python" / "plugins" / "permea" / "resources" / "sample"
    output = home / "distance.tif"
    report = json.loads(
        qgis_process(
            "run",
            "permea:leastcostdistance",
            "--json",
            "--",
            f"INPUT={sample / 'permeability.tif'}",
            "VALUES=permeability",
            f"SOURCES={sample / 'patches.gpkg'}|layername=patches",
            f"OUTPUT={output}",
        )
    )
    assert output.stat().st_size > 10_000
    assert report["results"]["ACTIVE_CELLS"] == 102_594
    assert report["results"]["MAXIMUM"] > 0
