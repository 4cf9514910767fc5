"""Run one task of the engine in a process of its own."""

from .endings import (
    InputRefused,
    OutOfMemory,
    RunCancelled,
    RunFailed,
    WorkerCrashed,
    WorkerFailedToStart,
)
from .running import run
from .task import Result, Task

__all__ = [
    "InputRefused",
    "OutOfMemory",
    "Result",
    "RunCancelled",
    "RunFailed",
    "Task",
    "WorkerCrashed",
    "WorkerFailedToStart",
    "run",
]
