"""However a run ends, the user learns what happened and what to do, and nothing is left running."""

import os
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.engine_environment import EngineInfo
from permea.plugin.engine_errors import EngineNotFound
from permea.plugin.layers import Cancelled
from permea.plugin.runner import (
    EnvironmentFailed,
    InvalidInput,
    JobNotWritten,
    OutOfMemory,
    RunCancelled,
    RunFailed,
    Task,
    Unsolved,
    WorkerCrashed,
    WorkerFailedToStart,
    execution,
    job_folder,
    run,
)

LANDSCAPE = np.ones((3, 4))


def task(**arrays):
    return Task("leastcost.distance", {"values": "permeability"}, {"landscape": LANDSCAPE, **arrays})


# What is meant for engineers: it is among the details, and no user reads it in a message.
TECHNICAL = re.compile(
    r"\w+(Error|Exception)\b|Traceback|RESOURCE_EXHAUSTED|bad_alloc|Errno|\.py\b|JAX|jax|dtype|<U5|half way|line \d"
)


def failed(engine, feedback, kind, the_task=None):
    """Run a task that fails; return the exception, whose message has no word for engineers."""
    with pytest.raises(kind) as error:
        run(the_task or task(), feedback, engine=engine)
    assert type(error.value) is kind
    assert isinstance(error.value, QgsProcessingException)
    shown = [str(error.value), *feedback.infos, *feedback.warnings, *feedback.texts]
    assert not any(TECHNICAL.search(text) for text in shown), shown
    return error.value


def ending(engine, feedback, kind, the_task=None):
    return str(failed(engine, feedback, kind, the_task))


def test_cancel_stops_busy_engine_within_a_second(worker, feedback, job_folders, tmp_path):
    before = job_folders()
    engine = worker(f"""
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say("progress", percent=5, text="Working")
        while True:
            pass
    """)
    cancelled = []

    def cancel_when_busy():
        deadline = time.monotonic() + 30
        while not feedback.percents and time.monotonic() < deadline:
            time.sleep(0.02)
        cancelled.append(time.monotonic())
        feedback.cancel()

    thread = threading.Thread(target=cancel_when_busy)
    thread.start()
    message = ending(engine, feedback, RunCancelled)
    took = time.monotonic() - cancelled[0]
    thread.join()
    assert message == "Cancelled; the engine was stopped."
    assert issubclass(RunCancelled, Cancelled)
    assert took < 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert job_folders() == before


def test_sigkill_is_reported_as_out_of_memory(worker, feedback, job_folders):
    before = job_folders()
    engine = worker("""
        say("progress", percent=40, text="Factorising")
        print("half way", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    error = failed(engine, feedback, OutOfMemory)
    assert "killed by the system (signal 9): most likely the computer ran out of memory" in str(error)
    assert "Use a smaller raster (clip it), coarser cells, or fewer sources" in str(error)
    assert error.details == ("half way",)
    (kept,) = job_folders() - before
    assert any(str(kept) in text for text in feedback.infos)


def test_memory_limit_is_reported(worker, feedback):
    engine = worker("""
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        np.ones(1 << 30)
    """)
    error = failed(engine, feedback, OutOfMemory)
    assert str(error).startswith("The engine ran out of memory. Use a smaller raster")
    assert "Unable to allocate 8.00 GiB" in error.details[-1]


def test_abort_without_memory_is_out_of_memory(worker, feedback):
    engine = worker("""
        print("terminate called after throwing an instance of 'std::bad_alloc'", file=sys.stderr, flush=True)
        os.abort()
    """)
    assert ending(engine, feedback, OutOfMemory).startswith("The engine crashed because no memory was left (signal 6).")


def test_status_three_is_out_of_memory(worker, feedback):
    engine = worker("""
        say("error", kind="memory", text="The factors need 40 GB.")
        sys.exit(3)
    """)
    assert ending(engine, feedback, OutOfMemory).startswith("The factors need 40 GB. Use a smaller raster")


def test_invalid_input_shows_only_engine_message(worker, feedback, job_folders):
    before = job_folders()
    engine = worker("""
        print("Traceback (most recent call last): and so on", file=sys.stderr)
        say("error", kind="input", text="theta must be positive, not -1.")
        sys.exit(2)
    """)
    assert ending(engine, feedback, InvalidInput) == "theta must be positive, not -1."
    assert job_folders() == before


def test_status_two_without_reason_is_failure(worker, feedback):
    engine = worker("print('usage: engine JOBDIR', file=sys.stderr); sys.exit(2)")
    error = failed(engine, feedback, RunFailed)
    assert str(error).startswith("The engine stopped with status 2 and gave no reason. Run it again.")
    assert error.details == ("usage: engine JOBDIR",)


def test_internal_error_is_only_among_the_details(worker, feedback, job_folders):
    before = job_folders()
    engine = worker("""
        for number in range(100):
            print("line", number, file=sys.stderr)
        say("error", kind="internal", text="'NoneType' object has no attribute 'shape' (ValueError)")
        sys.exit(1)
    """)
    error = failed(engine, feedback, RunFailed)
    assert str(error).startswith("Permea stopped because of an error in its own program. Run it again.")
    assert str(error).endswith("with the details at the end of the log.")
    assert error.details[-2:] == ("line 99", "'NoneType' object has no attribute 'shape' (ValueError)")
    assert len(job_folders() - before) == 1


@pytest.mark.parametrize("text", ["RESOURCE_EXHAUSTED: Out of memory allocating 80 bytes.", "MemoryError"])
def test_allocators_words_are_only_among_the_details(worker, feedback, text):
    error = failed(worker(f"print({text!r}, file=sys.stderr); sys.exit(1)"), feedback, OutOfMemory)
    assert str(error).startswith("The engine ran out of memory. Use a smaller raster")
    assert error.details == (text,)


def test_failing_environment_is_named_and_the_job_removed(worker, feedback, job_folders):
    before = job_folders()
    engine = worker("""
        print("OSError: [Errno 28] No space left on device", file=sys.stderr)
        say("error", kind="environment", text="The result could not be written: no space left on device.")
        sys.exit(1)
    """)
    message = ending(engine, feedback, EnvironmentFailed)
    assert message == "The result could not be written: no space left on device."
    assert job_folders() == before


UNSOLVED = """
    print("LinAlgError: Matrix is singular to machine precision.", file=sys.stderr)
    say("error", kind="unsolved", text="the linear system of 2 cells is singular")
    sys.exit(1)
"""


def test_computation_without_a_solution_shows_only_the_reason(worker, feedback):
    assert ending(worker(UNSOLVED), feedback, Unsolved) == "the linear system of 2 cells is singular"


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ([1e30], "Far above the others: 1 cell, the first at row 2, column 2 (1e+30)."),
        ([1e-30, 3e-30], "Far below the others: 2 cells, the first at row 2, column 2 (1e-30)."),
        (
            [3.4028234663852886e38],
            "Far above the others: 1 cell, the first at row 2, column 2 (3.4028234663852886e+38).",
        ),
    ],
)
def test_values_that_span_too_much_are_named_with_what_to_do(worker, feedback, job_folders, cells, where):
    before, landscape = job_folders(), LANDSCAPE.copy()
    landscape[1, 1 : 1 + len(cells)] = cells
    landscape[0, 0] = 1e200  # nodata
    arrays = {"landscape": landscape, "valid": landscape < 1e200}
    message = ending(worker(UNSOLVED), feedback, InvalidInput, Task("any", {}, arrays, landscape_name="hills"))
    assert message.startswith("'hills': the values range from ") and where in message
    assert "declare it as nodata" in message and "Otherwise limit the values with the raster calculator" in message
    assert job_folders() == before


NOTES = """
    print("Traceback (most recent call last):")
    print("jax.errors.SimplifiedTraceback: For simplicity, JAX has removed its internal frames from the traceback.")
    print("-" * 20)
    print("An error occurred during the runtime of your JAX program! Please use `equinox.filter_jit`.")
    print("Set JAX_TRACEBACK_FILTERING=off to include these.")
    print("-" * 20)
    print("the last line")
"""


@pytest.mark.parametrize("end", ["sys.exit(1)", "os.kill(os.getpid(), signal.SIGSEGV)", "os.abort()"])
def test_notes_for_programmers_are_not_shown(worker, feedback, end):
    engine = worker(NOTES.replace(")\n", ", file=sys.stderr, flush=True)\n") + f"    {end}\n")
    error = failed(engine, feedback, RunFailed if "exit" in end else WorkerCrashed)
    assert error.details == ("Traceback (most recent call last):", "the last line")


def test_variable_that_ends_the_engine_is_named(worker, feedback, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--no_such_flag")
    engine = worker("""
        print("Unknown flags in XLA_FLAGS: --no_such_flag", file=sys.stderr, flush=True)
        os.abort()
    """)
    message = ending(engine, feedback, WorkerCrashed)
    assert "environment variable: XLA_FLAGS=--no_such_flag. Correct or remove the variable" in message


def test_crash_is_reported(worker, feedback):
    engine = worker("os.kill(os.getpid(), signal.SIGSEGV)")
    assert ending(engine, feedback, WorkerCrashed).startswith("The engine crashed (signal or code 11).")


def test_sigterm_is_not_out_of_memory(worker, feedback):
    engine = worker("os.kill(os.getpid(), signal.SIGTERM)")
    assert ending(engine, feedback, WorkerCrashed).startswith("The engine was terminated from outside (signal 15).")


def test_python_that_does_not_start_is_reported(worker, feedback, tmp_path, job_folders):
    before = job_folders()
    not_a_program = tmp_path / "python"
    not_a_program.write_text("not a program")
    engine = worker("", python=not_a_program)
    message = ending(engine, feedback, WorkerFailedToStart)
    assert message.startswith(f"The engine's Python did not start: {not_a_program}")
    assert job_folders() == before


def test_lost_package_raises_engine_error(worker, feedback, monkeypatch):
    forgotten = []
    monkeypatch.setattr(execution, "forget_probes", lambda: forgotten.append(True))
    message = ending(worker("import package_that_nobody_has"), feedback, EngineNotFound)
    assert "cannot run Permea's engine" in message
    assert "it lacks the package 'package_that_nobody_has'. Open Permea ▸ Engine…" in message
    assert forgotten


def test_package_that_cannot_be_loaded_is_explained(worker, feedback):
    error = failed(worker("raise ImportError('DLL load failed')"), feedback, EngineNotFound)
    assert "one of its packages cannot be loaded. Open Permea ▸ Engine…" in str(error)
    assert error.details[-1] == "ImportError: DLL load failed"


def test_missing_engine_folder_fails_to_start(feedback, tmp_path, worker):
    engine = worker("")
    gone = EngineInfo(engine.python, folder=str(tmp_path / "updated away"))
    ending(gone, feedback, WorkerFailedToStart)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("pass", "The engine ended without an error but left no result."),
        ("(job_folder / 'result.json').write_text('{')", "The engine's result cannot be read"),
        ("(job_folder / 'result.json').write_text('[]')", "another format than this plugin reads"),
        (
            '(job_folder / \'result.json\').write_text(\'{"format": 1, "outputs": {}, "metrics": {}}\')',
            "another format than this plugin reads",
        ),
        ("(job_folder / 'result.json').write_text('{\"format\": 2}')", "it names no outputs or no metrics"),
        ("finish({'distance': np.ones((4, 3))})", "'distance' has the shape (4, 3); the raster has (3, 4)"),
        ("finish({'distance': np.ones(12)})", "'distance' has the shape (12,); the raster has (3, 4)"),
        ("finish({'distance': np.ones((3, 4), 'U5')})", "'distance' holds something else than numbers"),
        ("finish({'distance': np.full((3, 4), None)})", "'distance' cannot be read. Run it again"),
        (
            "finish({'distance': read('landscape')}); (job_folder / 'distance.npy').unlink()",
            "'distance' cannot be read. Run it again",
        ),
        (
            "finish({'distance': read('landscape')}); os.truncate(job_folder / 'distance.npy', 140)",
            "'distance' cannot be read",
        ),
        (
            "finish({}); (job_folder / 'result.json').write_text("
            "json.dumps({'format': 2, 'outputs': {'distance': '../distance.npy'}, 'metrics': {}}))",
            "names no proper file for 'distance'",
        ),
    ],
)
def test_invalid_result_is_error(worker, feedback, lines, message):
    assert message in ending(worker(lines), feedback, RunFailed)


def test_missing_output_is_error(worker, feedback):
    wanted = Task("leastcost.distance", {}, {"landscape": LANDSCAPE}, rasters=("distance",))
    engine = worker("finish({'other': read('landscape')})")
    assert ending(engine, feedback, RunFailed, wanted).startswith("The engine's result lacks distance.")


def test_unwritable_output_is_reported(worker, feedback):
    engine = worker("""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        finish({"distance": np.ones((300, 400))})
    """)
    error = failed(engine, feedback, RunFailed)
    assert "stopped with status 1" in str(error)
    assert "File too large" in error.details[-1]


def test_job_larger_than_memory_is_refused(worker, feedback, job_folders, tmp_path):
    before = job_folders()
    engine = worker(f"""
        say("estimate", bytes=2 * 10**12, seconds=10, free_bytes=10**12)
        time.sleep(60)
        pathlib.Path({str(tmp_path / "worked on")!r}).touch()
    """)
    began = time.monotonic()
    message = ending(engine, feedback, OutOfMemory)
    assert time.monotonic() - began < 20
    assert message.startswith("This run needs about 2 TB of memory, and only 1 TB are free. It was not started. Use a")
    assert not (tmp_path / "worked on").exists()
    assert len(job_folders() - before) == 1


def test_job_above_half_of_free_memory_warns(worker, feedback):
    engine = worker("""
        say("estimate", bytes=600 * 10**6, seconds=None, free_bytes=10**9)
        finish({"distance": read("landscape")})
    """)
    run(task(), feedback, engine=engine)
    assert feedback.warnings == [
        "This run needs about 600 MB of the 1 GB of memory that are free: the computer may become slow."
    ]


def test_nearly_full_disk_is_refused(worker, feedback, monkeypatch, job_folders):
    before = job_folders()
    monkeypatch.setattr(job_folder.shutil, "disk_usage", lambda folder: FullDisk)
    message = ending(worker("pass"), feedback, JobNotWritten)
    assert message.startswith("Too little disk space for the run: it needs about 16.8 MB, and 1 kB are free")
    assert job_folders() == before


class FullDisk:
    free = 1000


def test_parameter_outside_json_is_error(worker, feedback, job_folders):
    before = job_folders()
    for wrong in (float("nan"), object()):
        message = ending(worker("pass"), feedback, JobNotWritten, Task("any", {"theta": wrong}, {}))
        assert message.startswith("The files of the run cannot be written to")
    assert job_folders() == before


def test_failing_feedback_stops_engine(worker, feedback, tmp_path):
    def fail(text):
        raise ValueError("the window is gone")

    feedback.pushWarning = fail
    engine = worker(f"""
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        say("warning", text="x")
        time.sleep(60)
    """)
    with pytest.raises(ValueError, match="the window is gone"):
        run(task(), feedback, engine=engine)
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path(tmp_path / "pid").read_text()), 0)
