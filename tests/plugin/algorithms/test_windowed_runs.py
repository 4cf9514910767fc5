"""Windowed runs that are cancelled, resumed, rejected, or short of disk space or memory."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from permea.plugin.algorithms import streamed_inputs
from permea.plugin.layers.bands.gdal_band import GdalBand
from permea.plugin.runner import job_folder, protocol

from .conftest import NORTH, WEST
from .interventions import as_soon_as

# Many small batches, so that a run can be interrupted between two of them.
LONG = {"RANGE": 300.0, "ALPHA": 200.0, "COARSENING": 0.0, "BATCH": 20}


@pytest.fixture
def error_message(error_message):
    """Run windows that fail, by default of sensitivity; return the message."""
    return lambda name="windowedsensitivity", **parameters: error_message(name, **parameters)


@pytest.fixture
def plain(geotiff):
    """A landscape of 90 × 80 cells."""
    return geotiff(np.random.default_rng(3).uniform(0.2, 1.0, (90, 80)), name="plain")


def finished(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("batch-*.npz")}


@pytest.mark.long
def test_cancelled_and_killed_run_is_resumed(
    run, read, error_message, kill_engine, geotiff, plain, feedback, tmp_path, job_folders
):
    kept, target, jobs = tmp_path / "kept", tmp_path / "result.tif", job_folders()
    choices = {"INPUT": plain, "CHECKPOINT": str(kept), "OUTPUT": str(target), **LONG}

    as_soon_as(lambda: len(finished(kept)) >= 5, feedback.cancel)
    assert run("windowedsensitivity", **choices) == {} and "Cancelled." in feedback.infos
    assert job_folders() == jobs and not list(tmp_path.glob("*result*"))
    assert f"Partial results are saved in '{kept}': run again with that folder to resume." in feedback.infos
    first = finished(kept)

    # A cancelled feedback stays cancelled.
    heard = type(feedback)()
    as_soon_as(lambda: len(finished(kept)) >= len(first) + 5, kill_engine)
    assert error_message(_feedback=heard, **choices).startswith("The engine was killed")
    assert not list(tmp_path.glob("*result*"))
    second = finished(kept)

    result = run("windowedsensitivity", _feedback=heard, **choices)
    third = finished(kept)
    assert 5 <= len(first) < len(second) < len(third)
    assert first.items() <= second.items() <= third.items()
    assert f"The checkpoint folder '{kept}' is no longer needed." in heard.infos
    at_once = run(
        "windowedsensitivity", _feedback=heard, **{**choices, "CHECKPOINT": None, "OUTPUT": "TEMPORARY_OUTPUT"}
    )
    np.testing.assert_array_equal(read(target).band, read(at_once["OUTPUT"]).band)
    assert result["CONNECTIVITY"] == at_once["CONNECTIVITY"]

    changed = read(plain).band.copy()
    changed[40, 40] += 0.1
    message = error_message(_feedback=heard, **{**choices, "INPUT": geotiff(changed, name="changed")})
    assert f"the earlier run in {kept} cannot be continued, because something has changed: inputs" in message
    message = error_message(_feedback=heard, **{**choices, "ALPHA": 100.0})
    assert "cannot be continued" in message
    assert finished(kept) == third


def test_checkpoint_file_is_rejected(error_message, plain, tmp_path):
    (tmp_path / "notes.txt").write_text("")
    message = error_message(INPUT=plain, CHECKPOINT=str(tmp_path / "notes.txt"))
    assert f"'{tmp_path / 'notes.txt'}' is a file: choose a checkpoint folder" in message


@pytest.mark.parametrize("name", ["windowedsensitivity", "movingwindowcurrent", "distancematrix"])
def test_checkpoint_folder_that_cannot_be_created_is_rejected(error_message, plain, points, tmp_path, name):
    (tmp_path / "notes.txt").write_text("")
    folder = tmp_path / "notes.txt" / "checkpoints"
    focal = {"FOCAL": points((0, 0), (5, 5))} if name == "distancematrix" else {}
    message = error_message(name, INPUT=plain, CHECKPOINT=str(folder), **focal)
    reason = "part of its path is a file, not a folder"
    assert f"The folder '{folder}' cannot be created: {reason}. Choose another." in message


def test_foreign_checkpoint_folder_is_rejected(error_message, plain, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    assert "is not empty and holds no earlier run" in error_message(INPUT=plain, CHECKPOINT=str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize(("quality", "bytes_a_cell"), [(False, 17), (True, 25)])
def test_disk_space_is_checked_before_reading(
    error_message, plain, feedback, monkeypatch, job_folders, quality, bytes_a_cell
):
    # The result lies on the same disk: four bytes a cell, and a third of that for overviews.
    class Disk:
        free = 7200 * (bytes_a_cell + 16 / 3) + job_folder.SMALL_FILES_BYTES - 1

    before = job_folders()
    monkeypatch.setattr(job_folder.shutil, "disk_usage", lambda folder: Disk)
    monkeypatch.setattr(GdalBand, "read", None)
    message = error_message(INPUT=plain, **({"QUALITY": plain} if quality else {}))
    assert message.startswith("Too little disk space for the run: it needs about 1")
    assert job_folders() == before and not feedback.commands


def test_disk_space_of_result_is_checked(error_message, plain, feedback):
    full = Path("/dev/shm")
    if not full.is_dir() or full.stat().st_dev == Path(plain).stat().st_dev:
        pytest.skip("there is no second disk")
    needed = 7200 * streamed_inputs.GEOTIFF_BYTES
    usage = shutil.disk_usage

    def little(folder):
        return SimpleNamespace(free=needed - 1) if str(folder) == str(full) else usage(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", little)
        message = error_message(INPUT=plain, OUTPUT=str(full / "result.tif"))
    assert f"Too little disk space for the result: it may take 38.4 kB, and 38.4 kB are free in {full}" in message
    assert not feedback.commands and not (full / "result.tif").exists()


def test_disk_space_of_checkpoint_is_checked(error_message, engine_that, plain, feedback, tmp_path):
    # A module that Python reads at its start tells the engine of a disk that is all but full.
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "sitecustomize.py").write_text(
        "import collections, shutil\n"
        "shutil.disk_usage = lambda folder: collections.namedtuple('usage', 'total used free')(1, 1, 12345)\n"
    )
    engine_that(f"export PYTHONPATH='{tmp_path / 'disk'}'")
    kept = tmp_path / "kept"
    message = error_message(INPUT=plain, CHECKPOINT=str(kept), **LONG)
    assert message.startswith("too little disk space to keep finished batches: ")
    assert f"MB in {kept}, and 12.3 kB are free there. Free some space, give a folder on another disk" in message
    assert not kept.exists()
    assert not any(text.startswith("Batch") for text in feedback.texts)


def test_run_exceeding_free_memory_is_rejected(error_message, plain, monkeypatch):
    judge = protocol.check_memory
    monkeypatch.setattr(protocol, "check_memory", lambda needed, free, heard: judge(needed, needed / 2, heard))
    message = error_message(INPUT=plain, **LONG)
    assert "It was not started." in message and "a shorter dependency range or smaller batches" in message


@pytest.mark.parametrize(
    ("value", "kind", "what"),
    [
        (-0.4, "permeability", "'plain': permeability is negative in 3 cells, the first at row 2, column 1 (-0.4)."),
        (0.0, "resistance", "'plain': resistance is zero in 3 cells, the first at row 2, column 1 (0)."),
        (np.nan, "permeability", "'plain': the value is NaN (not a number) but not marked as nodata in 3 cells"),
        (np.inf, "resistance", "'plain': the value is infinite in 3 cells, the first at row 2, column 1 (inf)."),
    ],
)
def test_invalid_landscape_is_rejected(error_message, geotiff, feedback, value, kind, what):
    values = np.ones((4, 5))
    values[1, :3] = value
    assert what in error_message(INPUT=geotiff(values, name="plain"), VALUES=kind)
    assert not feedback.commands


def test_invalid_quality_is_rejected(error_message, geotiff, plain, feedback):
    bad = np.ones((90, 80))
    bad[2, 1] = -3.0
    message = error_message(INPUT=plain, QUALITY=geotiff(bad, name="quality"))
    assert "1 cell of 'quality' is negative or infinite, the first at row 3, column 2 (-3)" in message
    message = error_message("windowedconnectivity", INPUT=plain, QUALITY=geotiff(np.zeros((90, 80)), name="none"))
    assert "The landscape has no habitat: 'none'" in message
    far = geotiff(np.ones((4, 5)), geotransform=(WEST + 1e5, 30.0, 0.0, NORTH, 0.0, -30.0), name="far")
    assert "'far'" in error_message(INPUT=plain, QUALITY=far)
    assert not feedback.commands


def test_invalid_combinations_are_rejected(error_message, plain, feedback):
    assert "Euclidean distance does not depend on permeability" in error_message(INPUT=plain, DISTANCE="euclidean")
    assert "is symmetric" in error_message(INPUT=plain, DISTANCE="resistance", EDGE_RULE="target")
    assert "COARSENING" in error_message(INPUT=plain, COARSENING=1.5)
    assert "RANGE" in error_message(INPUT=plain, RANGE=0)
    assert not feedback.commands


def test_missing_output_folder_is_rejected_before_run(error_message, plain, feedback, tmp_path):
    target = tmp_path / "nowhere" / "result.tif"
    assert f"there is no folder '{target.parent}'" in error_message(INPUT=plain, OUTPUT=str(target))
    assert not feedback.commands


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder_is_rejected(error_message, plain, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    assert "No permission" in error_message(INPUT=plain, OUTPUT=str(folder / "x.tif"), **LONG)
