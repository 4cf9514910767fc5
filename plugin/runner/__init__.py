"""Run one task of the engine in another process, which stays loaded for the next one."""

from .errors import (
    EnvironmentFailed,
    InvalidInput,
    JobNotWritten,
    OutOfMemory,
    RunCancelled,
    RunFailed,
    Unsolved,
    WorkerCrashed,
    WorkerFailedToStart,
)
from .execution import Job, open_job, run
from .input_memory import require_memory_for_features, require_memory_for_landscape
from .job_folder import require_disk_space
from .memory import out_of_memory, require_memory
from .system_memory import free_memory
from .task import PartialResult, Result, Task
from .time_estimate import SECONDS_WITHOUT_ESTIMATE, TimeLeft, format_duration
from .worker_pool import WORKERS
from .worker_process import WorkerProcess

__all__ = [
    "EnvironmentFailed",
    "InvalidInput",
    "Job",
    "JobNotWritten",
    "OutOfMemory",
    "PartialResult",
    "Result",
    "RunCancelled",
    "RunFailed",
    "SECONDS_WITHOUT_ESTIMATE",
    "Task",
    "TimeLeft",
    "Unsolved",
    "WORKERS",
    "WorkerCrashed",
    "WorkerFailedToStart",
    "WorkerProcess",
    "format_duration",
    "free_memory",
    "open_job",
    "out_of_memory",
    "require_disk_space",
    "require_memory",
    "require_memory_for_features",
    "require_memory_for_landscape",
    "run",
]
