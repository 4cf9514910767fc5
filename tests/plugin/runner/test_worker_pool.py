"""The engine stays loaded between runs, and is never used again when anything may have changed."""

import os
import signal
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from permea.plugin.cancelled import Cancelled
from permea.plugin.engine_environment import EngineInfo, scrubbed_environment
from permea.plugin.runner import InvalidInput, OutOfMemory, Task, WorkerCrashed, WorkerProcess, open_job, run
from permea.plugin.runner.errors import RunFailed
from permea.plugin.settings import CLUSTER, DEVICE, KEEP_MINUTES, MEMORY, THREADS

LANDSCAPE = np.ones((3, 4))

SERVES = """
    import json, os, pathlib, signal, sys, time
    import numpy as np

    def say(type, **others):
        print(json.dumps({"type": type, **others}), flush=True)

    def finish(**numbers):
        answer = {"format": 2, "outputs": {}, "metrics": {"pid": os.getpid(), **numbers}}
        (job_folder / "result.json").write_text(json.dumps(answer))

    say("ready", pid=os.getpid(), memory_bytes=1000)
    for number, line in enumerate(sys.stdin):
        job_folder = pathlib.Path(json.loads(line)["job"])
        kind = json.loads((job_folder / "job.json").read_text())["parameters"].get("kind")
        status, memory = 0, 1000
"""


@pytest.fixture
def serving(tmp_path, own_pool):
    """Make an engine that runs one job after the other, each with some lines."""

    def make(lines="finish(number=number)"):
        package = tmp_path / "engine that serves" / "engine"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        body = textwrap.indent(textwrap.dedent(lines).strip(), "    ")
        end = '    say("done", status=status, memory_bytes=memory)'
        (package / "__main__.py").write_text(f"{textwrap.dedent(SERVES)}\n{body}\n{end}\n")
        return EngineInfo(sys.executable, folder=str(package.parent))

    return make


def task(kind=""):
    return Task("any", {"kind": kind}, {"landscape": LANDSCAPE, "valid": LANDSCAPE > 0}, rasters=())


def exists(pid):
    """Return whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid, seconds=5):
    patience = time.monotonic() + seconds
    while exists(pid) and time.monotonic() < patience:
        time.sleep(0.01)
    return not exists(pid)


@pytest.fixture
def pid(feedback):
    """Run a task and return the number of the process that ran it."""

    def pid(engine, kind="", heard=feedback):
        return run(task(kind), heard, engine=engine).metrics["pid"]

    return pid


def test_next_run_uses_the_same_process(serving, pid, feedback):
    engine = serving()
    first, second = pid(engine), pid(engine)
    assert first == second
    assert any("stays loaded for the next run, for 10 min " in text and "1 kB" in text for text in feedback.infos)


def test_run_in_another_thread_uses_the_same_process(serving, pid):
    engine, pids = serving(), []
    pids.append(pid(engine))
    thread = threading.Thread(target=lambda: pids.append(pid(engine)))
    thread.start()
    thread.join(20)
    pids.append(pid(engine))
    assert len(pids) == 3 and len(set(pids)) == 1


@pytest.mark.parametrize(
    ("setting", "text"), [(THREADS, "1"), (MEMORY, "2"), (DEVICE, "cpu"), (CLUSTER, "local"), (KEEP_MINUTES, "3")]
)
def test_changed_setting_starts_another_process(serving, pid, setting, text):
    engine = serving()
    first = pid(engine)
    setting.store(text)
    assert pid(engine) != first
    assert ends(first)


@pytest.mark.parametrize("changed", ["environment", "engine", "version", "interpreter"])
def test_changed_engine_or_environment_starts_another_process(serving, pid, monkeypatch, tmp_path, changed):
    engine = serving()
    first = pid(engine)
    if changed == "environment":
        monkeypatch.setenv("XLA_FLAGS", "--xla_anything")
    elif changed == "engine":
        engine = serving("finish(number=number, newer=True)")
    elif changed == "version":
        (tmp_path / "engine that serves" / "metadata.txt").write_text("version=2")
    else:
        script = tmp_path / "python"
        script.write_text(f'#!/bin/sh\nexec "{engine.python}" "$@"\n')
        script.chmod(0o755)
        engine = EngineInfo(str(script), folder=engine.folder)
    assert pid(engine) != first
    assert ends(first)


def test_error_about_the_input_keeps_the_process(serving, pid, feedback):
    engine = serving("""
        if kind == "wrong":
            say("error", kind="input", text="theta must be positive")
            status = 2
        finish()
    """)
    first = pid(engine)
    with pytest.raises(InvalidInput, match="theta must be positive"):
        run(task("wrong"), feedback, engine=engine)
    assert pid(engine) == first


SLEEPS = """
    if kind == "long":
        say("progress", percent=50, text="half-way")
        time.sleep(60)
    finish()
"""


def test_cancel_kills_at_once_and_starts_a_fresh_process(serving, pid, feedback, own_pool):
    engine = serving(SLEEPS)
    first = pid(engine)
    stopped = []
    threading.Timer(0.3, lambda: (stopped.append(time.monotonic()), feedback.cancel())).start()
    with pytest.raises(Cancelled):
        run(task("long"), feedback, engine=engine)
    assert time.monotonic() - stopped[0] < 1.0 and not exists(first)
    assert own_pool.waits()  # before another run asks for it
    assert pid(engine, heard=QgsProcessingFeedback()) != first


@pytest.mark.parametrize(
    ("end", "error"),
    [("os.abort()", WorkerCrashed), ("os.kill(os.getpid(), signal.SIGKILL)", OutOfMemory), ("sys.exit(1)", RunFailed)],
)
def test_process_is_not_used_after_a_failure(serving, pid, feedback, end, error):
    engine = serving(f"""
        if kind == "fails":
            say("progress", percent=5, text="begun")
            {end}
        finish()
    """)
    first = pid(engine)
    with pytest.raises(error):
        run(task("fails"), feedback, engine=engine)
    assert pid(engine) != first


def test_process_that_died_while_it_waited_costs_no_run(serving, pid):
    engine = serving()
    first = pid(engine)
    os.kill(first, signal.SIGKILL)
    assert pid(engine) != first


def test_crash_before_the_first_word_is_reported_after_a_second_try(serving, pid, feedback):
    engine = serving("""
        if kind == "fails":
            os.abort()
        finish()
    """)
    pid(engine)
    with pytest.raises(WorkerCrashed):
        run(task("fails"), feedback, engine=engine)


def test_job_that_is_declined_gets_a_process_of_its_own(serving, pid):
    engine = serving("""
        if kind == "large" and number:
            status = 4
        finish()
    """)
    first = pid(engine)
    assert pid(engine, "large") != first
    assert ends(first)


def test_process_that_keeps_much_memory_is_ended(serving, pid, own_pool):
    engine = serving("""
        memory = 10**15
        finish()
    """)
    assert ends(pid(engine))
    assert own_pool.idle_memory() is None


def test_no_process_stays_if_the_user_wants_none(serving, pid, own_pool, feedback):
    KEEP_MINUTES.store("0")
    assert ends(pid(serving()))
    assert not own_pool.waits() and not any("stays loaded" in text for text in feedback.infos)


def test_process_ends_after_its_time(serving, tmp_path):
    engine = serving()
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text('{"parameters": {}}')
    command = [engine.python, "-m", "engine", "--serve"]
    worker = WorkerProcess(command, scrubbed_environment(engine.folder), engine.folder, idle_seconds=0.2)
    end = worker.run_job(folder, on_line=lambda line: True, is_cancelled=lambda: False)
    assert end.result.status == 0 and end.memory_bytes == 1000
    assert ends(worker.process_id)
    assert not worker.is_alive


def test_process_ends_with_the_plugin(serving, pid, own_pool):
    number = pid(serving())
    own_pool.close()
    assert not exists(number)


def test_runs_at_the_same_time_have_their_own_processes(serving, own_pool):
    engine, pids = serving("time.sleep(0.4); finish()"), []

    def one():
        pids.append(run(task(), QgsProcessingFeedback(), engine=engine).metrics["pid"])

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(pids)) == 2
    assert sum(ends(number, 1) for number in pids) == 1  # one waits, the other has ended


def test_error_in_a_callback_ends_the_process(serving, pid, feedback, own_pool):
    engine = serving("""
        if kind == "partial":
            say("partial_result", name="1", files={}, metrics={})
            time.sleep(60)
        finish()
    """)
    first = pid(engine)

    def fails(partial):
        raise QgsProcessingException("The disk is full.")

    with pytest.raises(QgsProcessingException, match="The disk is full"), open_job(feedback, engine=engine) as job:
        job.run(task("partial"), feedback, fails)
    assert not exists(first)


def test_log_of_a_failure_has_no_lines_of_earlier_jobs(serving, pid, feedback):
    engine = serving("""
        print("job", number, file=sys.stderr, flush=True)
        say("progress", percent=5, text="begun")
        if kind == "fails":
            sys.exit(1)
        finish()
    """)
    pid(engine)
    with pytest.raises(QgsProcessingException) as failed:
        run(task("fails"), feedback, engine=engine)
    assert "job 1" in failed.value.details and "job 0" not in failed.value.details
