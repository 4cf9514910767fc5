"""The base class of tasks, with the input and the output of a task."""

import abc
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..storage import NpyBands, NpyRaster
from .protocol import Reporter


@dataclass(frozen=True)
class Job:
    """The input of a task.

    Attributes
    ----------
    parameters
        As in `job.json`.
    inputs
        Arrays by name.
    report
        Receives progress and messages.
    folder
        The job folder, for partial results and outputs that are written slice by slice.
    """

    parameters: dict[str, Any]
    inputs: dict[str, np.ndarray]
    report: Reporter
    folder: Path = field(default_factory=Path)


@dataclass(frozen=True)
class TaskResult:
    """The output of a task.

    Attributes
    ----------
    outputs
        Arrays by name; rasters on disk already lie in the job folder.
    metrics
        Scalars by name; None for those that do not apply.
    """

    outputs: dict[str, np.ndarray | NpyRaster | NpyBands]
    metrics: dict[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceEstimate:
    """The expected cost of a job.

    Attributes
    ----------
    bytes
        Peak memory.
    seconds
        Time, None if unknown.
    """

    bytes: int
    seconds: float | None = None


class Task(abc.ABC):
    """A computation that a job folder can name.

    Attributes
    ----------
    name
        The value of "task" in `job.json`.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def estimate(self, job: Job) -> ResourceEstimate:
        """Return the expected memory and time, without computing anything."""

    @abc.abstractmethod
    def run(self, job: Job) -> TaskResult:
        """Compute the result.

        Raises
        ------
        ValueError
            The input is invalid; the message is shown to the user.
        """
