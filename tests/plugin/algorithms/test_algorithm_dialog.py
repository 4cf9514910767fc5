"""The dialog of an algorithm says how a run ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ENGINE = """
    does = pathlib.Path(__file__).parents[1].joinpath("does").read_text()
    say("progress", percent=50, text="half-way")
    if does == "wait":
        time.sleep(60)
    say("error", kind="internal", text="the solver lost its way")
    sys.exit(1)
"""


@pytest.fixture
def session(worker, valley_file):
    """Return the report of a session in another QGIS."""
    command = [sys.executable, HERE / "dialog_session.py", HERE.parents[2], valley_file, worker(ENGINE).folder]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.strip().splitlines()[-1])


def test_cancelled_run_is_not_called_a_failure_but_a_failed_one_is(session):
    cancelled, failed = session["cancelled"], session["failed"]
    assert cancelled["ended"] == [[False, {}]]
    assert "Cancelled." in cancelled["log"] and "failed" not in cancelled["log"]
    assert "Execution failed" in failed["log"] and "Cancelled" not in failed["log"]
    assert "HTML output" not in cancelled["log"] + failed["log"]
    assert session["model"] == "permea.ui.algorithm_dialog"
    # The report of a run is in QGIS's results viewer, without a choice by the user.
    [[successful, results]] = session["reclassified"]["ended"]
    assert successful and session["viewer"] == [["Report", results["REPORT"]]]


def test_run_goes_on_once_the_offered_engine_is_installed(session):
    installed, missing = session["installed"], session["not installed"]
    # The first offer is made when the dialog opens.
    assert installed["offered"] == missing["offered"] == [False, True]
    assert "Execution failed" in installed["log"]
    assert not missing["ended"] and "starting" not in missing["log"]
