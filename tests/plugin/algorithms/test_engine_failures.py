"""The real engine when it is cancelled, killed, or out of memory or disk space.

`tests/plugin/runner/test_errors.py` tries every ending on small engines that misbehave on purpose. Here JAX is what
is cancelled and what runs out of memory, because a compiled kernel cannot be interrupted from Python.
"""

import os
import re
import time

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.algorithms import parameter_values
from permea.plugin.runner import protocol

from .interventions import as_soon_as

CELLS = [(0, 0), (8, 2)]

# One distance after the other, in an engine that takes seconds for each.
LONG_WORK = {"PER_SOURCE": True, "THETA": 0.01}


@pytest.fixture
def wide_land(geotiff):
    """A landscape of a million cells, large enough to interrupt a run."""
    return geotiff(np.random.default_rng(3).uniform(0.1, 1.0, (1000, 1000)).astype(np.float32), name="wide")


def half_a_second_into_the_work(feedback):
    """Return whether the engine has reported its first step; if so, half a second later."""
    reported = any("Source 1 of" in text for text in feedback.texts)
    time.sleep(0.5 * reported)
    return reported


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_cancel_stops_jax_within_a_second(run, engine_that, wide_land, points, feedback, tmp_path, job_folders):
    engine_that(f"echo $$ > '{tmp_path}/pid'")
    before, target = job_folders(), tmp_path / "result.tif"
    moments = as_soon_as(lambda: half_a_second_into_the_work(feedback), feedback.cancel)
    results = run("rspdistance", INPUT=wide_land, SOURCES=points(*CELLS), OUTPUT=str(target), **LONG_WORK)
    assert results == {} and "Cancelled." in feedback.infos
    assert time.monotonic() - moments[0] < 1.0
    assert not is_running(int((tmp_path / "pid").read_text()))
    assert not list(tmp_path.glob("*result*"))
    assert job_folders() == before


def test_killed_engine_differs_from_cancelled_run(run, kill_engine, wide_land, points, feedback):
    as_soon_as(lambda: half_a_second_into_the_work(feedback), kill_engine)
    with pytest.raises(QgsProcessingException, match="^The engine was killed by the system") as error:
        run("rspdistance", INPUT=wide_land, SOURCES=points(*CELLS), **LONG_WORK)
    assert "Use a smaller raster" in str(error.value)


def test_out_of_memory_message_gives_advice(run, engine_that, wide_land, points):
    engine_that("ulimit -v 2500000")  # enough for JAX itself, not for the factors of a million cells
    with pytest.raises(QgsProcessingException, match="Use a smaller raster") as error:
        run("resistancedistance", INPUT=wide_land, SOURCES=points((0, 0)))
    assert "memory" in str(error.value).splitlines()[0]


LACKS_JAX = """"ModuleNotFoundError: No module named 'jax'\""""


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("kill -s SEGV $$", "The engine crashed (signal or code 11). Run it again."),
        ("kill -s KILL $$", "The engine was killed by the system (signal 9): most likely the computer ran out of"),
        ("kill -s TERM $$", "The engine was terminated from outside (signal 15). Run it again."),
        ("exit 1", "The engine stopped with status 1 and gave no reason. Run it again."),
        ("echo RESOURCE_EXHAUSTED: Out of memory >&2; exit 1", "The engine ran out of memory. Use a smaller raster"),
        (f"echo {LACKS_JAX} >&2; exit 1", "it lacks the package 'jax'. Open Permea ▸ Engine…"),
    ],
)
def test_output_of_a_failed_engine_is_set_apart_in_the_log(
    run, engine_that, valley_file, points, feedback, end, message
):
    engine_that(f"echo 'Traceback (most recent call last):' >&2; echo 'ValueError: secret' >&2; {end}")
    with pytest.raises(QgsProcessingException) as error:
        run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))
    assert message in str(error.value)
    for text in (str(error.value), *feedback.infos, *feedback.warnings):
        assert not re.search(r"Traceback|secret|[A-Za-z]Error|EXHAUSTED", text)
    assert any(text.startswith("Details for developers:\nTraceback") and "secret" in text for text in feedback.console)


def test_damaged_job_is_refused_without_the_words_of_numpy(run, engine_that, valley_file, points):
    engine_that("""for job; do :; done; printf 'x' > "$job/landscape.npy\"""")
    with pytest.raises(QgsProcessingException) as error:
        run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))
    assert str(error.value).endswith("cannot be read from landscape.npy: the file is damaged or incomplete")


def test_error_in_the_plugin_is_set_apart_in_the_log(run, valley_file, points, feedback, monkeypatch):
    monkeypatch.setattr(parameter_values, "stream_landscape", lambda *arguments: {}["a key that nobody has"])
    with pytest.raises(QgsProcessingException) as error:
        run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))
    assert str(error.value).startswith("Permea stopped because of an error in its own program. Run it again.")
    assert "KeyError: 'a key that nobody has'" in feedback.console[-1]


def test_unwritable_engine_output_reports_reason(run, engine_that, sample, tmp_path):
    landscape = {"INPUT": sample["permeability.tif"], "SOURCES": sample["patches.gpkg"]}
    run("leastcostdistance", **landscape)  # compiles, because compiled code could not be saved either
    engine_that("ulimit -f 200")  # blocks of 512 bytes: the job is read, but the map takes ten times as much
    target = tmp_path / "result.tif"
    with pytest.raises(QgsProcessingException, match="^The result could not be written: "):
        run("leastcostdistance", **landscape, OUTPUT=str(target))
    assert not list(tmp_path.glob("*result*"))


def test_unexpected_engine_output_is_logged(run, read, engine_that, valley_file, points, feedback):
    places = {"INPUT": valley_file, "SOURCES": points(*CELLS)}
    quiet = run("leastcostdistance", **places)
    engine_that("echo 'a library says hello'; echo '{\"type\": \"progress\"'; printf '\\377\\376\\n'")
    loud = run("leastcostdistance", **places)
    np.testing.assert_array_equal(read(loud["OUTPUT"]).band, read(quiet["OUTPUT"]).band)
    assert {"a library says hello", '{"type": "progress"', "\ufffd\ufffd"} <= set(feedback.console)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONHOME": "/nowhere"},
        {"PYTHONEXECUTABLE": "/nowhere/python"},
        {"PYTHONPATH": "{hostile}", "LD_LIBRARY_PATH": "{hostile}", "VIRTUAL_ENV": "/nowhere"},
    ],
    ids=lambda variables: "-".join(variables),
)
def test_python_variables_do_not_reach_engine(run, geotiff, points, tmp_path, monkeypatch, variables):
    for module in ("jax", "numpy", "engine", "json"):
        hostile = tmp_path / "hostile" / f"{module}.py"
        hostile.parent.mkdir(exist_ok=True)
        hostile.write_text("raise SystemExit(99)")
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(hostile=tmp_path / "hostile"))
    result = run("leastcostdistance", INPUT=geotiff(np.ones((3, 5))), SOURCES=points((1, 0)))
    assert result["MAXIMUM"] == pytest.approx((3 + np.sqrt(2)) * 30.0)


def test_memory_estimate_precedes_computation(run, sample, feedback, monkeypatch):
    heard = []

    def judge(needed, free, feedback_then):
        heard.append((needed, free, any("Least-cost paths" in text for text in feedback.texts)))
        return None

    monkeypatch.setattr(protocol, "check_memory", judge)
    run("leastcostdistance", INPUT=sample["permeability.tif"], SOURCES=sample["patches.gpkg"])
    [(needed, free, at_work)] = heard
    assert 122_848 * 8 < needed < free
    assert not at_work


def test_run_exceeding_free_memory_is_rejected(run, valley_file, points, feedback, monkeypatch):
    judge = protocol.check_memory
    monkeypatch.setattr(protocol, "check_memory", lambda needed, free, heard: judge(needed, needed / 2, heard))
    with pytest.raises(QgsProcessingException, match="It was not started. Use a smaller raster"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))
    assert not any("Least-cost" in text for text in feedback.texts)
