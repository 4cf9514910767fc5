"""Run one job after the other in one process, which loads its code only once."""

import gc
from typing import TextIO

from ..linalg import HIERARCHY_CACHE, clear_factors
from ..parallel import return_free_memory, used_memory
from .job_run import DECLINED, DONE, INVALID_INPUT, report_failure, run_job
from .job_stream import JobLines, job_folder
from .machine_speed import speed_factors
from .protocol import Reporter
from .warm_up import JOBS, run_small_jobs

#: Exit statuses of jobs after which the process can run further jobs.
GOOD_ENDS = (DONE, INVALID_INPUT, DECLINED)

#: Small jobs that load the code of most others while no job is waiting.
JOBS_AHEAD = JOBS[:3]


def serve(lines: JobLines, stream: TextIO) -> int:
    """Run the jobs that the lines name, until the lines end or a job leaves the process unfit for the next one.

    Parameters
    ----------
    lines
        A line of JSON for each job, ``{"job": "FOLDER"}``.
    stream
        Receives the messages of all jobs, and a message ``done`` after each job that leaves the process running.

    Returns
    -------
    int
        Exit status: 0 at the end of the lines, or that of the job that ended the process. A job does so by a failure
        that is not about the input, or by its need of much memory, which only the end of the process returns to the
        system.
    """
    Reporter(stream).ready(used_memory())
    speed_factors()
    for _ in run_small_jobs(JOBS_AHEAD):
        if lines.is_waiting():
            break
    _release_memory()
    is_first = True
    for line in lines:
        report = Reporter(stream)
        try:
            folder = job_folder(line)
        except ValueError as error:
            return report_failure(error, report)
        status, needs_much_memory = run_job(folder, report, is_first=is_first)
        if status not in GOOD_ENDS or (needs_much_memory and status != DECLINED):
            return status
        is_first = False
        _release_memory()
        report.done(status, used_memory())
    return DONE


def _release_memory() -> None:
    clear_factors()
    HIERARCHY_CACHE.clear()
    return_free_memory()
    # The remaining objects are code: garbage collections that traversed them would take half a second.
    gc.freeze()
