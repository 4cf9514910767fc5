"""Run one job after the other in one process: what takes seconds to load is loaded once."""

import gc
from typing import TextIO

from ..linalg import HIERARCHY_CACHE, clear_factors
from ..parallel import return_free_memory, used_memory
from .job_run import DECLINED, DONE, INVALID_INPUT, report_failure, run_job
from .job_stream import JobLines, job_folder
from .machine_speed import speed_factors
from .protocol import Reporter
from .warm_up import JOBS, run_small_jobs

#: Ends of a job after which the process is as good as before.
GOOD_ENDS = (DONE, INVALID_INPUT, DECLINED)

#: Small jobs that load the code of most others while no job is waiting.
JOBS_AHEAD = JOBS[:3]


def serve(lines: JobLines, stream: TextIO) -> int:
    """Run the jobs that the lines name until there are no more, or one ends in a way that may have left damage.

    Parameters
    ----------
    lines
        A line of JSON for each job, ``{"job": "FOLDER"}``.
    stream
        Receives the messages of all jobs; after each that ended well a message ``done``.

    Returns
    -------
    int
        Exit status: that of the last job if the process ends because of it, without a message ``done``. It does after
        a failure that is not about the input, and after a job that needed much memory, which goes back to the system.
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
    # What is left is code: later collections need not look at it, which takes half a second.
    gc.freeze()
