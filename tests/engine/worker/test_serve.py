"""One process runs one job after the other, each as if it were the first, and ends with its parent."""

import io
import json
import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from worker_process import ROOT, Server, command, start_separately, write_job

from permea.engine.parallel import used_memory
from permea.engine.worker.job_stream import JobLines
from permea.engine.worker.serve import serve

CELLS = np.array([[0, 0], [2, 3]])
MAP = np.arange(1.0, 13.0).reshape(3, 4)


@pytest.fixture(scope="module")
def server():
    """A process that has run a job."""
    server = Server()
    yield server
    server.end()


def distance_job(folder, values=MAP, task="leastcost.distance", **parameters):
    return write_job(folder, task, parameters, {"landscape": values, "valid": values > 0, "sources": CELLS[:1]})


def test_two_jobs_share_a_process_and_differ_in_nothing(server, tmp_path):
    first, second = (server.run(distance_job(tmp_path / name)) for name in ("first", "second"))
    separate = start_separately(distance_job(tmp_path / "separate"))
    assert (first.status, second.status, separate.status) == (0, 0, 0)
    assert server.process.poll() is None
    for ended in (first, second):
        assert np.array_equal(ended.output("distance"), separate.output("distance"))
        assert ended.said("done")[0]["memory_bytes"] > 1e6
    assert first.lines[0]["type"] == "ready" and first.lines[0]["pid"] == server.process.pid
    kinds = [line["type"] for line in second.lines]
    assert kinds == [line["type"] for line in separate.lines] + ["done"]


def test_error_about_the_input_leaves_the_process_as_it_was(server, tmp_path):
    wrong = server.run(distance_job(tmp_path / "wrong", values=-MAP))
    missing = server.run(tmp_path / "nowhere")
    assert wrong.status == missing.status == 2
    assert wrong.error["kind"] == missing.error["kind"] == "input"
    assert server.run(distance_job(tmp_path / "right")).status == 0


def test_peak_memory_is_that_of_one_job(server, tmp_path):
    large = server.run(distance_job(tmp_path / "large", np.ones((1200, 1200))))
    small = server.run(distance_job(tmp_path / "small"))
    assert large.metrics["peak_memory_bytes"] > small.metrics["peak_memory_bytes"] + 50e6
    assert not any("peak memory" in line["text"] for line in small.said("message"))


def components_job(folder, values=MAP):
    return write_job(folder, "components.label", {}, {"landscape": values, "valid": values > 0})


@pytest.fixture
def serve_with(monkeypatch, tmp_path):
    """Serve jobs in this process, which may use so much more memory; return the exit status and the messages."""

    def serve_with(nbytes, *folders):
        monkeypatch.setenv("PERMEA_MEMORY_BYTES", str(used_memory() + nbytes))
        lines = "".join(json.dumps({"job": str(folder)}) + "\n" for folder in folders)
        with (tmp_path / "messages").open("w+") as stream:
            status = serve(JobLines(io.BytesIO(lines.encode())), stream)
            stream.seek(0)
            return status, [json.loads(line) for line in stream]

    return serve_with


def test_job_for_much_memory_is_declined_after_others(serve_with, tmp_path):
    small, large = components_job(tmp_path / "small"), components_job(tmp_path / "large", np.ones((1500, 1500)))
    status, lines = serve_with(1_800_000_000, small, large, small)
    assert status == 0
    assert [line["status"] for line in lines if line["type"] == "done"] == [0, 4, 0]
    assert not (large / "result.json").exists()


def test_process_ends_after_a_job_for_much_memory(serve_with, tmp_path):
    large, small = components_job(tmp_path / "large", np.ones((1500, 1500))), components_job(tmp_path / "small")
    status, lines = serve_with(1_800_000_000, large, small)
    assert status == 0 and (large / "result.json").exists()
    assert not (small / "result.json").exists() and lines[-1]["type"] == "progress"


def test_memory_limit_refuses_a_job(serve_with, tmp_path):
    status, lines = serve_with(200_000_000, components_job(tmp_path, np.ones((1500, 1500))))
    assert status == 3 and lines[-1]["kind"] == "memory" and "it was not started" in lines[-1]["text"]


def test_failure_of_the_engine_ends_the_process(serve_with, tmp_path):
    folder = components_job(tmp_path / "job")
    (folder / "result.json").mkdir()  # the result cannot be written there
    status, lines = serve_with(10**10, folder, folder)
    assert status == 1 and [line["type"] for line in lines].count("error") == 1


def test_line_that_names_no_folder_ends_the_process():
    ended = subprocess.run(**command("--serve"), input="[1, 2]\n", capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2 and "standard input is '[1, 2]'" in ended.stdout


def test_process_ends_when_its_input_is_closed_after_the_jobs_that_were_sent(tmp_path):
    folder = distance_job(tmp_path)
    line = f'{{"job": "{folder}"}}\n'
    ended = subprocess.run(**command("--serve"), input=line, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0 and '"done"' in ended.stdout and (folder / "result.json").exists()


def test_process_ends_with_its_parent_in_the_middle_of_a_job(tmp_path):
    """A parent that is killed keeps its end of the pipe open in a third process: only its death shows."""
    folder = distance_job(tmp_path / "job", np.ones((1500, 1500)), "rsp.distance", theta=0.1, cost="inverse")
    how = {**command("--serve"), "cwd": str(ROOT)}
    script = (
        "import os, subprocess, sys, time\n"
        f"how = {how!r}\n"
        "engine = subprocess.Popen(**how, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "keeper = subprocess.Popen(['sleep', '60'], pass_fds=[engine.stdin.fileno()], stdout=-3)\n"
        f'engine.stdin.write(\'{{"job": "{folder}"}}\\n\')\n'
        "engine.stdin.flush()\n"
        "engine.stdout.readline()\n"
        "print(engine.pid, keeper.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    engine, keeper = (int(word) for word in parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        patience = time.monotonic() + 20
        while psutil.pid_exists(engine) and time.monotonic() < patience:
            time.sleep(0.05)
        assert not psutil.pid_exists(engine) or psutil.Process(engine).status() == psutil.STATUS_ZOMBIE
    finally:
        os.kill(keeper, 9)
