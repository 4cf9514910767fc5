"""Run one task of the engine in a process of its own."""

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
from .job_folder import format_bytes, require_disk_space
from .memory import out_of_memory, require_memory
from .system_memory import free_memory
from .task import PartialResult, Result, Task
from .time_estimate import SECONDS_WITHOUT_ESTIMATE, format_duration

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
    "Unsolved",
    "WorkerCrashed",
    "WorkerFailedToStart",
    "format_bytes",
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
