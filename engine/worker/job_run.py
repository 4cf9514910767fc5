"""Run one job folder: read it, compare its estimate with the memory, run its task, write the result."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import NamedTuple

from ..parallel import available_memory, end_first_if_memory_runs_out, peak_memory, reset_peak_memory
from ..storage import format_bytes
from .failures import FailureKind, describe_failure, traceback_text
from .job_folder import read_job, write_result
from .protocol import Reporter
from .task import Job
from .tasks import TASKS

#: Exit statuses. A process that has run other jobs declines one that needs much memory.
DONE, FAILED, INVALID_INPUT, OUT_OF_MEMORY, DECLINED = 0, 1, 2, 3, 4
STATUSES = {FailureKind.INPUT: INVALID_INPUT, FailureKind.MEMORY: OUT_OF_MEMORY}

#: Fraction of the free memory above which a job has a process of its own, which ends with it.
OWN_PROCESS_FRACTION = 0.25


class JobEnd(NamedTuple):
    """How a job ended.

    Attributes
    ----------
    status
        Exit status.
    needs_much_memory
        Whether the job was estimated to need more than `OWN_PROCESS_FRACTION` of the free memory.
    """

    status: int
    needs_much_memory: bool = False


def run_job(folder: Path, report: Reporter, *, is_first: bool = True) -> JobEnd:
    """Run a job folder and report its progress and, if it fails, the reason.

    Parameters
    ----------
    folder
        The job folder.
    report
        Receives the messages.
    is_first
        Whether the process has run no other job before. Otherwise a job that needs much memory is declined.
    """
    try:
        return _run(folder, report, is_first)
    except Exception as error:
        return JobEnd(report_failure(error, report))


def report_failure(error: Exception, report: Reporter) -> int:
    """Report an error, log its traceback unless it is about the input, and return the exit status."""
    failure = describe_failure(error)
    if failure.kind is not FailureKind.INPUT or error.__cause__ is not None:
        sys.stderr.write(traceback_text(error) + "\n")
    report.error(failure.kind, failure.text + _estimated_memory(failure.kind, report))
    return STATUSES.get(failure.kind, FAILED)


def _estimated_memory(kind: FailureKind, report: Reporter) -> str:
    """Return the memory that a job was estimated to need, to append to the error if the memory ran out."""
    if kind is not FailureKind.MEMORY:
        return ""
    needed = report.estimated_bytes
    return f". The whole run was estimated to need {format_bytes(needed)}." if needed else "."


def _run(folder: Path, report: Reporter, is_first: bool) -> JobEnd:
    can_reset = reset_peak_memory()
    name, parameters, inputs = read_job(folder)
    if name not in TASKS:
        raise ValueError(f'there is no task "{name}"; this engine knows {", ".join(sorted(TASKS))}')
    task, job = TASKS[name], Job(parameters, inputs, report, folder)
    try:
        estimate = task.estimate(job)
    except KeyError as missing:
        raise ValueError(f"the job lacks {missing}") from None
    free = available_memory()
    needs_much_memory = estimate.bytes > OWN_PROCESS_FRACTION * free
    if needs_much_memory and not is_first:
        return JobEnd(DECLINED, needs_much_memory)
    report.estimate(estimate.bytes, estimate.seconds, free)
    if estimate.bytes > free:
        # Compiled code that runs out of memory may crash instead of raising an error.
        needed, left = format_bytes(estimate.bytes), format_bytes(free)
        text = f"this job needs about {needed} of memory, and only {left} are free; it was not started."
        report.error(FailureKind.MEMORY, text)
        return JobEnd(OUT_OF_MEMORY, needs_much_memory)
    end_first_if_memory_runs_out()
    before, start = peak_memory(), time.perf_counter()
    result = task.run(job)
    seconds, peak = round(time.perf_counter() - start, 3), peak_memory()
    if not (is_first or can_reset or peak > before):
        report.message(
            f"The peak memory, {format_bytes(peak)}, is that of this and earlier runs of the engine: this system does "
            "not measure it for one run."
        )
    metrics = {**result.metrics, "seconds": seconds, "peak_memory_bytes": peak}
    report.progress(99, "Writing the result")
    write_result(folder, dataclasses.replace(result, metrics=metrics))
    report.progress(100, "Done")
    return JobEnd(DONE, needs_much_memory)
