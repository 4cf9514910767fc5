"""The jobs that compile the engine after its installation."""

import pytest
from worker_process import DONE, start

from permea.engine.worker import warm_up
from permea.engine.worker.explore import warm_up_exploration
from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS


def test_jobs_are_of_known_tasks_with_their_inputs(tmp_path):
    arrays = warm_up._arrays()
    with (tmp_path / "messages").open("w") as messages:
        for label, task, names, parameters in warm_up.JOBS:
            inputs = {name: arrays[name] for name in ("landscape", "valid", *names)}
            job = Job({**warm_up.LANDSCAPE, **parameters}, inputs, Reporter(messages), tmp_path)
            assert TASKS[task].estimate(job).bytes > 0, label


@pytest.mark.parametrize("solver", ["multigrid", "nested dissection"])
def test_jobs_of_both_solvers_use_them(solver, tmp_path):
    arrays = warm_up._arrays()
    (job,) = (job for job in warm_up.JOBS if job[0] == f"Distance matrix, {solver}")
    _, task, names, parameters = job
    inputs = {name: arrays[name] for name in ("landscape", "valid", *names)}
    with (tmp_path / "messages").open("w") as messages:
        result = TASKS[task].run(Job({**warm_up.LANDSCAPE, **parameters}, inputs, Reporter(messages), tmp_path))
    assert result.metrics["solver"] == solver


@pytest.mark.long
def test_warm_up_reports_each_job():
    ended = start("--warm-up")
    assert ended.status == DONE, ended.log
    texts = [line["text"] for line in ended.said("progress")]
    jobs, explorer = [label for label, *_ in warm_up.JOBS], len(list(warm_up_exploration()))
    assert texts == [*jobs, *["Explorer"] * explorer, "Done"]
    percents = [line["percent"] for line in ended.said("progress")]
    assert percents == sorted(percents) and percents[-1] == 100
    assert not ended.said("message") and not ended.said("error")


def test_job_that_fails_is_reported(tmp_path):
    job = ("A job", "leastcost.distance", warm_up.POINTS, {"values": "height"})
    with (tmp_path / "messages").open("w") as messages, pytest.raises(ValueError, match='"values" must be one of'):
        warm_up.warm_up(Reporter(messages), [job])
