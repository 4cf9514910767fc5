"""A run ends with the engine's own arrays, and on the way the user hears what happens."""

import json
import os
import shlex
import subprocess
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsSettings

from permea.plugin.npy_file import NpyFile
from permea.plugin.runner import Result, RunFailed, Task, open_job, run

LANDSCAPE = np.arange(12.0).reshape(3, 4)


def task(**parameters):
    return Task(
        "leastcost.distance",
        {"values": "permeability", "pixel_size": (30.0, 30.0), **parameters},
        {"landscape": LANDSCAPE, "valid": LANDSCAPE > 0, "sources": np.array([[1, 2]])},
    )


DOUBLES = """
    job = json.loads((job_folder / "job.json").read_text())
    finish({"distance": 2 * read("landscape")}, solver="twice", iterations=None, task=job["task"],
           parameters=job["parameters"], inputs=job["inputs"],
           sources=read("sources").tolist(), valid=read("valid").tolist())
"""


def test_arrays_and_metrics_round_trip(worker, feedback):
    result = run(task(theta=np.float64(0.5), samples=np.int64(3)), feedback, engine=worker(DOUBLES))
    assert isinstance(result, Result)
    np.testing.assert_array_equal(result.outputs["distance"], 2 * LANDSCAPE)
    assert result.metrics["solver"] == "twice"
    assert result.metrics["iterations"] is None
    assert result.metrics["task"] == "leastcost.distance"
    assert result.metrics["parameters"] == {
        "values": "permeability",
        "pixel_size": [30.0, 30.0],
        "theta": 0.5,
        "samples": 3,
    }
    assert result.metrics["inputs"] == {
        "landscape": "landscape.npy",
        "valid": "valid.npy",
        "sources": "sources.npy",
    }
    assert result.metrics["sources"] == [[1, 2]]
    assert result.metrics["valid"] == (LANDSCAPE > 0).tolist()


def test_job_folder_is_removed(worker, feedback, job_folders):
    before = job_folders()
    run(task(), feedback, engine=worker(DOUBLES))
    assert job_folders() == before


@pytest.mark.parametrize("by", ["argument", "setting"])
def test_logged_command_reruns_retained_job(worker, feedback, job_folders, by):
    before = job_folders()
    if by == "setting":
        QgsSettings().setValue("permea/engine/keep_jobs", True)
    run(task(), feedback, engine=worker(DOUBLES), keep_job=by == "argument")
    (folder,) = job_folders() - before
    assert any(str(folder) in text for text in feedback.infos)
    (folder / "result.json").unlink()
    (command,) = feedback.commands
    assert "-m engine" in command
    subprocess.run(["sh", "-c", command], check=True, timeout=60)
    assert json.loads((folder / "result.json").read_text())["metrics"]["solver"] == "twice"


def test_engine_messages_reach_feedback(worker, feedback):
    engine = worker("""
        say("estimate", bytes=1000, seconds=None, free_bytes=10**9)
        say("progress", percent=10, text="Reading")
        say("progress", percent=55.5, text="Solving")
        say("progress", percent=60, text="Solving")
        say("message", text="Dijkstra, because there is one source")
        say("warning", text="Two components")
        say("metric", name="residual", value=1e-9)
        finish({"distance": read("landscape")})
    """)
    run(task(), feedback, engine=engine)
    assert feedback.percents == [10, 55.5, 60]
    assert feedback.texts == ["Reading", "Solving"]
    assert feedback.infos[1:] == ["Dijkstra, because there is one source", "residual: 1e-09"]
    assert feedback.warnings == ["Two components"]
    assert feedback.console == []


def test_unknown_output_lines_go_to_log(worker, feedback):
    rubbish = [
        "WARNING: a library speaks",
        "{not json",
        "[1, 2]",
        "null",
        '{"type": "progress", "percent": "half"}',
        '{"type": "progress", "percent": NaN}',
        '{"type": "progress"}',
        '{"type": "message"}',
        '{"type": ["message"]}',
        '{"type": "stray", "text": "x"}',
        '{"type": "estimate", "bytes": "many"}',
        '{"type": "from a newer engine", "text": "x"}',
    ]
    engine = worker(f"""
        for line in {rubbish!r}:
            print(line)
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\\xff\\xfe binary\\n\\n")
        sys.stdout.buffer.write(b"no end of line")
        sys.stdout.flush()
        finish({{"distance": read("landscape")}})
    """)
    run(task(), feedback, engine=engine)
    assert feedback.console[: len(rubbish)] == rubbish
    assert feedback.console[len(rubbish) :] == ["\ufffd\ufffd binary", "no end of line"]
    assert feedback.percents == []


def test_excess_output_lines_are_counted(worker, feedback):
    engine = worker("""
        for number in range(100_000):
            print("rubbish", number)
        finish({"distance": read("landscape")})
    """)
    run(task(), feedback, engine=engine)
    assert len(feedback.console) == 51
    assert feedback.console[-1] == "(99,950 more lines of this kind)"


def test_endless_line_is_split(worker, feedback):
    engine = worker("""
        for _ in range(50):
            sys.stdout.write("x" * 1_000_000)
        finish({"distance": read("landscape")})
    """)
    run(task(), feedback, engine=engine)
    assert max(map(len, feedback.console)) <= 1000


def test_long_log_does_not_block_run(worker, feedback):
    engine = worker("""
        for _ in range(50):
            sys.stderr.write("log " * 100_000 + "\\n")
        finish({"distance": read("landscape")})
    """)
    assert run(task(), feedback, engine=engine).outputs["distance"].shape == (3, 4)


def test_closed_output_does_not_spin(worker, feedback):
    engine = worker("""
        sys.stdout.close(); os.close(1); sys.stderr.close(); os.close(2)
        time.sleep(1.5)
        finish({"distance": read("landscape")})
    """)
    before = time.process_time()
    run(task(), feedback, engine=engine)
    assert time.process_time() - before < 0.75


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONHOME": "/nowhere"},
        {"PYTHONEXECUTABLE": "/nowhere/python"},
        {"PYTHONPATH": "hostile"},
        {"PYTHONHOME": "/nowhere", "PYTHONEXECUTABLE": "/nowhere/python", "PYTHONSTARTUP": "/nowhere.py"},
        {"LD_PRELOAD": "/nowhere.so", "LD_LIBRARY_PATH": "hostile", "VIRTUAL_ENV": "/nowhere"},
        {"PYTHONINSPECT": "1", "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"},
    ],
)
def test_environment_variables_are_scrubbed(worker, feedback, monkeypatch, tmp_path, variables):
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / "numpy.py").write_text("raise SystemExit(99)")
    for name, value in variables.items():
        monkeypatch.setenv(name, str(hostile) if value == "hostile" else value)
    engine = worker("""
        finish({"distance": read("landscape")}, prefix=sys.prefix, python=sys.executable)
    """)
    result = run(task(), feedback, engine=engine)
    np.testing.assert_array_equal(result.outputs["distance"], LANDSCAPE)
    assert result.metrics["python"] == engine.python


def test_engine_runs_in_background_thread(worker, feedback):
    engine, results = worker(DOUBLES), []
    thread = threading.Thread(target=lambda: results.append(run(task(), feedback, engine=engine)))
    thread.start()
    thread.join(60)
    np.testing.assert_array_equal(results[0].outputs["distance"], 2 * LANDSCAPE)


def test_folder_with_spaces_and_quotes_works(worker, feedback):
    engine = worker(DOUBLES)
    assert " " in engine.folder
    run(task(), feedback, engine=engine)
    (command,) = feedback.commands
    assert shlex.split(command)[:3] == ["cd", engine.folder, "&&"]


def test_non_raster_outputs_have_any_shape(worker, feedback):
    engine = worker("""finish({"matrix": np.eye(2), "distance": np.zeros((5, 3, 4))})""")
    pairs = Task("pairwise", {}, {"landscape": LANDSCAPE}, rasters=("distance",))
    assert run(pairs, feedback, engine=engine).outputs["matrix"].shape == (2, 2)


def test_standard_input_is_empty(worker, feedback):
    engine = worker("""finish({"distance": read("landscape")}, stdin=sys.stdin.read())""")
    assert run(task(), feedback, engine=engine).metrics["stdin"] == ""


def test_engine_caches_are_in_profile(worker, feedback):
    engine = worker("""finish({"distance": read("landscape")}, cache=os.environ["JAX_COMPILATION_CACHE_DIR"])""")
    cache = run(task(), feedback, engine=engine).metrics["cache"]
    assert os.path.join("permea", "cache", "jax") in cache


def test_progress_texts_are_throttled(worker, feedback):
    run(
        task(),
        feedback,
        engine=worker("""
            for number in range(1000):
                say("progress", percent=number / 10, text=f"Batch {number} of 1000, 3 s left")
            say("progress", percent=100, text="Writing")
            finish({"distance": read("landscape")})
        """),
    )
    assert feedback.texts[0] == "Batch 0 of 1000, 3 s left" and feedback.texts[-1] == "Writing"
    assert len(feedback.texts) < 6
    assert len(feedback.percents) > 900


def test_output_on_disk_lasts_while_job_is_open(worker, feedback, job_folders):
    before = job_folders()
    with open_job(feedback, engine=worker(DOUBLES)) as job:
        arrays = {}
        for name, values in (("landscape", LANDSCAPE), ("valid", LANDSCAPE > 0)):
            np.save(job.folder / f"{name}.npy", values)
            arrays[name] = NpyFile(job.folder / f"{name}.npy")
        result = job.run(Task("any", {}, {**arrays, "sources": np.array([[1, 2]])}), feedback)
        assert isinstance(result.outputs["distance"], NpyFile)
        np.testing.assert_array_equal(result.outputs["distance"][:], 2 * LANDSCAPE)
    assert job_folders() == before


@pytest.mark.parametrize("keep", [True, False])
def test_job_that_was_never_written_is_deleted(worker, feedback, job_folders, keep):
    before = job_folders()
    with pytest.raises(RunFailed, match="too large"):
        with open_job(feedback, engine=worker(DOUBLES), keep_job=keep) as job:
            np.save(job.folder / "landscape.npy", LANDSCAPE)
            raise RunFailed("too large")
    assert job_folders() == before and not feedback.infos


PARTIAL_RESULTS = """
    for number in (1, 2):
        np.save(job_folder / f"part-{number}.npy", number * read("landscape"))
        files, metrics = {"currents": f"part-{number}.npy"}, {"resistance": number}
        say("partial_result", name=f"part {number}", files=files, metrics=metrics)
    while list(job_folder.glob("part-*.npy")):
        time.sleep(0.01)
    say("partial_result", name="nothing")
    finish({"distance": read("landscape")}, seconds=1)
"""


def test_partial_results_are_read_and_deleted(worker, feedback):
    pieces = []

    def keep(piece):
        assert isinstance(piece.arrays["currents"], NpyFile)
        pieces.append(replace(piece, arrays={"currents": piece.arrays["currents"][:]}))

    with open_job(feedback, engine=worker(PARTIAL_RESULTS)) as job:
        job.run(task(), feedback, keep)
    assert [(piece.name, piece.metrics) for piece in pieces] == [
        ("part 1", {"resistance": 1}),
        ("part 2", {"resistance": 2}),
    ]
    np.testing.assert_array_equal(pieces[1].arrays["currents"], 2 * LANDSCAPE)
    assert any('"nothing"' in line for line in feedback.console)  # a line that lacks what its type promises


def test_failing_partial_result_callback_ends_run(worker, feedback, job_folders):
    before = job_folders()

    def fail(piece):
        raise QgsProcessingException(f"{piece.name} does not fit on the disk")

    with pytest.raises(QgsProcessingException, match="part 1 does not fit"):
        with open_job(feedback, engine=worker(PARTIAL_RESULTS)) as job:
            job.run(task(), feedback, fail)
    assert job_folders() == before


def test_partial_result_outside_job_folder_is_refused(worker, feedback):
    lines = 'say("partial_result", name="far", files={"currents": "../far.npy"}, metrics={})'
    with pytest.raises(QgsProcessingException, match="names no proper file for 'currents'"):
        with open_job(feedback, engine=worker(lines)) as job:
            job.run(task(), feedback, lambda piece: None)
