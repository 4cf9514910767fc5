"""The explorer in a real QGIS window, by the mouse."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


@pytest.mark.long
def test_the_mouse_moves_and_paints_in_a_real_window(desktop, cached_python, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    home = tmp_path / "home"
    desktop.make_profile(home, ROOT)
    monkeypatch.setenv("PERMEA_ENGINE_PYTHON", cached_python)
    variables = {
        "PERMEA_TEST_ROOT": str(ROOT),
        "PERMEA_TEST_OUT": str(out),
        "PYTHONPATH": f"{HERE}:{HERE.parent}",
    }
    ended = desktop.play(HERE / "explorer_session.py", home, variables, 500)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert "error" not in report, report["error"]
    assert report["layer"] == "Permeability"
    assert report["mean"].startswith("Mean cost to the place")
    assert "Change: +" in report["change"]
    assert report["dialog"] == "permea:currentflowadvanced"
    assert report["mode_after_pan"] == ""
    assert not report["running_after_close"]
    assert ended.returncode == 0, ended.stderr[-2000:]
