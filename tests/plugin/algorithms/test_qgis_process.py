"""Runs with `qgis_process` in a separate profile with the plugin enabled."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from .conftest import write_interpreter

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def engine_processes(tmp_path_factory):
    """A file of the numbers of the engine's processes."""
    return tmp_path_factory.mktemp("engine") / "processes"


@pytest.fixture(scope="module")
def qgis_process(engine_python, engine_processes, tmp_path_factory):
    """Run `qgis_process` in a new profile whose plugins folder links to this checkout."""
    # Debian's wrapper of that name asks for a display even when Qt needs none.
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    home = tmp_path_factory.mktemp("home")
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    plugins = home / ".local" / "share" / "QGIS" / "QGIS3" / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "permea").symlink_to(ROOT, target_is_directory=True)
    kept = ("PATH", "LANG", "JAX_COMPILATION_CACHE_DIR")
    environment = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PERMEA_ENGINE_PYTHON": str(
            write_interpreter(runtime / "python", engine_python, f'echo $$ >> "{engine_processes}"\n')
        ),
    }

    def call(*arguments):
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=1200)

    enabled = call("plugins", "enable", "permea")
    assert enabled.returncode == 0, enabled.stdout + enabled.stderr
    return call


@pytest.mark.timeout(2400)
def test_main_algorithms_run_with_qgis_process(qgis_process, engine_processes, sample, read, tmp_path):
    target = tmp_path / "distance.tif"
    ended = qgis_process(
        "--json",
        "run",
        "permea:leastcostdistance",
        "--",
        f"INPUT={sample['permeability.tif']}",
        "VALUES=permeability",
        f"SOURCES={sample['patches.gpkg']}",
        f"OUTPUT={target}",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    results = json.loads(ended.stdout)["results"]
    distance, landscape = read(target), read(sample["permeability.tif"])
    assert results["OUTPUT"] == str(target)
    assert results["ACTIVE_CELLS"] == np.isfinite(landscape.band).sum()
    assert distance.geotransform == landscape.geotransform
    assert results["MAXIMUM"] == pytest.approx(distance.band[np.isfinite(distance.band)].max(), rel=1e-6)
    assert results["UNREACHABLE_CELLS"] == (np.isnan(distance.band) & np.isfinite(landscape.band)).sum()
    processes = engine_processes.read_text().split()
    patience = time.monotonic() + 10
    while any(Path("/proc", number).exists() for number in processes) and time.monotonic() < patience:
        time.sleep(0.05)
    assert processes and not any(Path("/proc", number).exists() for number in processes)


@pytest.mark.timeout(2400)
def test_qgis_process_lists_algorithms_and_models(qgis_process):
    listed = json.loads(qgis_process("--json", "list").stdout)["providers"]["permea"]["algorithms"]
    assert {"permea:leastcostdistance", "permea:sensitivity", "permea:loadsampledata", "permea:firstlook"} <= set(
        listed
    )
    told = json.loads(qgis_process("--json", "help", "permea:rspdistance").stdout)
    assert told["parameters"]["THETA"]["default_value"] == 0.01
    assert "UNREACHABLE_CELLS" in told["outputs"]


@pytest.mark.timeout(2400)
@pytest.mark.long
def test_land_cover_model_runs_with_qgis_process(qgis_process, sample, read, tmp_path):
    files = {
        "landscape:Landscape": "landscape.tif",
        "currents:Cumulative current": "current.tif",
        "currents:Resistances": "resistances.csv",
        "barriers:Barriers": "barriers.tif",
    }
    outputs = {name: str(tmp_path / file) for name, file in files.items()}
    given = {"LAND_COVER": "land_cover.tif", "CLASS_TABLE": "land_cover_classes.csv", "FOCAL": "patches.gpkg"}
    ended = qgis_process(
        "--json",
        "run",
        "permea:landcovertocurrentsandbarriers",
        "--",
        *(f"{name}={sample[file]}" for name, file in given.items()),
        "ID_FIELD=name",
        "VALUES=permeability",
        *(f"{name}={path}" for name, path in outputs.items()),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    results = json.loads(ended.stdout)["results"]
    assert {name: results[name] for name in outputs} == outputs
    land = read(tmp_path / "landscape.tif").band > 0
    assert land.sum() == np.isfinite(read(sample["permeability.tif"]).band).sum()
    current, gain = read(tmp_path / "current.tif").band, read(tmp_path / "barriers.tif").band
    # Through each place flow the 8 A that it exchanges with the others, and a part of the 28 A between those.
    assert 8 <= current[land].max() < 8 + 28
    assert gain[land].min() > -1e-9 and gain[land].max() > 0.1
    assert np.isnan(current[~land]).all() and np.isnan(gain[~land]).all()
    pairs = (tmp_path / "resistances.csv").read_text().splitlines()
    assert len(pairs) == 1 + 9 * 8 / 2


@pytest.mark.timeout(2400)
def test_invalid_input_exits_with_status_one(qgis_process, sample, tmp_path):
    given = [f"INPUT={sample['permeability.tif']}", f"OUTPUT={tmp_path / 'x.tif'}"]
    ended = qgis_process("run", "permea:leastcostdistance", "--", *given, "VALUES=permeability")
    assert ended.returncode == 1
    assert "No sources: choose either a layer of sources or a source raster." in ended.stdout + ended.stderr
    ended = qgis_process("run", "permea:leastcostdistance", "--", *given, f"SOURCES={sample['patches.gpkg']}")
    assert ended.returncode == 1
    assert "VALUES:\tLandscape values: permeability or resistance" in ended.stdout + ended.stderr
    assert not list(tmp_path.iterdir())
