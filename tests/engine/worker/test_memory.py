"""A job that does not fit ends with what it needs, and the estimate does not grow with what is written to disk."""

import json
import subprocess
import sys

import numpy as np
import pytest
from worker_process import LANDSCAPE, ROOT, write_job

from permea.engine.parallel import cpu_count
from permea.engine.worker.failures import FailureKind, describe_failure
from permea.engine.worker.job_run import OUT_OF_MEMORY, _estimated_memory
from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS

RSP = {"theta": 0.1, "cost": "inverse", "measure": "expected_cost"}


@pytest.fixture
def lines(tmp_path):
    """Return the file into which a worker writes its messages."""
    with (tmp_path / "lines").open("w+") as stream:
        yield stream


@pytest.mark.parametrize("task", ["leastcost.distance", "resistance.distance", "rsp.distance"])
def test_estimate_does_not_grow_with_the_bands_of_a_result(task, lines):
    def estimated(sources):
        arrays = {"landscape": np.ones((300, 300)), "valid": np.ones((300, 300), bool)}
        cells = np.stack(np.divmod(np.arange(sources), 300), axis=1)
        job = Job({"per_source": True, **RSP}, {**arrays, "sources": cells}, Reporter(lines))
        return TASKS[task].estimate(job).bytes

    assert estimated(1000) == estimated(20)


def test_estimate_of_a_local_cluster_counts_every_process(lines):
    arrays = {"landscape": np.ones((200, 200)), "valid": np.ones((200, 200), bool)}
    window = {"distance": "leastcost", "alpha": 5.0, "range": 20.0, "coarsening": 0.2, "radius": 20.0}
    for task in ("windowed.connectivity", "windowed.current"):
        one, all_cores = (
            TASKS[task].estimate(Job({**LANDSCAPE, **window, **cluster}, arrays, Reporter(lines))).bytes
            for cluster in ({}, {"cluster": "local"})
        )
        assert all_cores > cpu_count() * one


def test_message_reports_how_much_is_needed_and_free(lines):
    report = Reporter(lines)
    report.estimate(3 * 10**9, None, 10**9)
    with pytest.raises(MemoryError) as error:
        np.empty((10**7, 10**7))
    failure = describe_failure(error.value)
    assert failure.kind is FailureKind.MEMORY
    text = failure.text + _estimated_memory(failure.kind, report)
    assert text.startswith("the memory ran out: 800 TB more were needed; ")
    assert text.endswith("are free. The whole run was estimated to need 3 GB.")


def test_job_beyond_the_limit_of_the_process_is_not_started(tmp_path):
    landscape = np.ones((2500, 2500))
    inputs = {"landscape": landscape, "valid": landscape > 0, "sources": np.array([[0, 0]])}
    write_job(tmp_path, "leastcost.distance", {}, inputs)
    command = f'ulimit -v 3000000; exec "{sys.executable}" -m engine "{tmp_path}"'
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == OUT_OF_MEMORY, ended.stderr
    estimate, error = (json.loads(line) for line in ended.stdout.splitlines())
    assert estimate["free_bytes"] < 3e9
    assert error["kind"] == "memory"
    assert error["text"].startswith("this job needs about 2.54 GB of memory, and only ")
    assert error["text"].endswith("are free; it was not started.")
