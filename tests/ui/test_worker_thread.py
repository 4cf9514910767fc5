"""QGIS knows its coordinate reference systems also after the threads of algorithms have ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_crs_is_known_after_the_threads_of_algorithms_have_ended(tmp_path, desktop):
    (tmp_path / "home").mkdir()
    desktop.make_profile(tmp_path / "home", ROOT)
    variables = {"PERMEA_TEST_ROOT": str(ROOT), "PERMEA_TEST_OUT": str(tmp_path)}
    ended = desktop.play(HERE / "worker_thread_session.py", tmp_path / "home", variables, seconds=300)
    report = tmp_path / "report.json"
    assert report.is_file(), f"QGIS ended with status {ended.returncode}:\n{ended.stderr[-3000:]}"
    found = json.loads(report.read_text(encoding="utf-8"))
    assert not found["error"], found["error"]
    for result in found["runs"]:
        assert result["successful"], f"{result['name']}: {result['log']}"
    assert len(found["runs"]) == 5
    seconds, _ = found["crs"][-1]
    assert seconds > 45
    lost = [second for second, lengths in found["crs"] if not all(lengths)]
    assert not lost, f"a CRS is not known any more after {lost[0]} s"
