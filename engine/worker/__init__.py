"""The worker process: reads a job folder, runs its task, and writes the result into the folder.

`run_command` is the command line. `job_run` runs one job, `serve` a series of jobs that `job_stream` reads from
standard input, and `explore` an interactive session. `job_folder` and `protocol` are input and output; `tasks` holds
one task a file and the table `TASKS`; `inputs` and its siblings turn parameters and arrays into objects of the engine;
`job_checkpoint`, `accumulator_checkpoint` and `resumable_runs` store progress, so that an interrupted job can resume.
"""

from .main import run_command
from .protocol import Reporter
from .task import Job, ResourceEstimate, Task, TaskResult

__all__ = [
    "Job",
    "Reporter",
    "ResourceEstimate",
    "Task",
    "TaskResult",
    "run_command",
]
