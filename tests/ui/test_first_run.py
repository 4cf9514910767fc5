"""A run without an engine in the real QGIS window, which goes on by itself once the engine is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURES = ROOT / "build" / "screenshots" / "first-run"


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_run_goes_on_once_the_engine_is_installed(wheels, desktop, tmp_path):
    PICTURES.mkdir(parents=True, exist_ok=True)
    desktop.make_profile(tmp_path, ROOT)
    variables = {
        "PERMEA_TEST_LANDSCAPE": str(ROOT / "resources" / "sample" / "permeability.tif"),
        "PERMEA_TEST_WHEELS": str(wheels),
        "PERMEA_TEST_OUT": str(PICTURES),
        "PERMEA_ENGINE_PYTHON": "",
    }
    (PICTURES / "report.json").unlink(missing_ok=True)
    ended = desktop.play(HERE / "first_run_session.py", tmp_path, variables, seconds=1800)
    assert (PICTURES / "report.json").is_file(), f"QGIS ended with status {ended.returncode}:\n{ended.stderr[-3000:]}"
    report = json.loads((PICTURES / "report.json").read_text(encoding="utf-8"))
    assert "error" not in report, report["error"]
    assert report["offered"].startswith("The run starts once the engine is installed")
    assert report["closed"] and report["ended"] == [True]
    assert len(report["layers"]) == 2  # the landscape and the map
