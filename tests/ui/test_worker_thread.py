"""What an algorithm opens in its thread does not outlive it: QGIS keeps its CRS database."""

from __future__ import annotations

import json

import pytest

from .test_desktop import HERE, ROOT, load_desktop


@pytest.mark.long
@pytest.mark.timeout(400)
def test_crs_database_outlives_the_threads_of_algorithms(tmp_path):
    desktop = load_desktop()
    (tmp_path / "home").mkdir()
    desktop.make_profile(tmp_path / "home", ROOT)
    variables = {"PERMEA_TEST_ROOT": str(ROOT), "PERMEA_TEST_OUT": str(tmp_path)}
    ended = desktop.play(HERE / "worker_thread_session.py", tmp_path / "home", variables, seconds=300)
    report = tmp_path / "report.json"
    assert report.is_file(), f"QGIS ended with status {ended.returncode}:\n{ended.stderr[-3000:]}"
    found = json.loads(report.read_text(encoding="utf-8"))
    assert not found["error"], found["error"]
    assert len(found["runs"]) == 4
    for name, result in found["runs"].items():
        assert result["successful"], f"{name}: {result['log']}"
    seconds, _ = found["crs"][-1]
    assert seconds > 45
    lost = [second for second, length in found["crs"] if not length]
    assert not lost, f"no CRS is known any more after {lost[0]} s"
