"""Run one task of the engine in a process of its own."""

from .endings import (
    InputRefused,
    JobNotWritten,
    OutOfMemory,
    RunCancelled,
    RunFailed,
    WorkerCrashed,
    WorkerFailedToStart,
)
from .job_folder import refuse_without_room
from .running import OpenJob, open_job, run
from .task import Piece, Result, Task

__all__ = [
    "InputRefused",
    "JobNotWritten",
    "OpenJob",
    "OutOfMemory",
    "Piece",
    "Result",
    "RunCancelled",
    "RunFailed",
    "Task",
    "WorkerCrashed",
    "WorkerFailedToStart",
    "open_job",
    "refuse_without_room",
    "run",
]
