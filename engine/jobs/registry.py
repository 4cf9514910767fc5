"""What a task is, and the list of them."""

import abc
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .reporting import Reporter


@dataclass(frozen=True)
class Job:
    """What a task is given.

    Attributes
    ----------
    parameters
        As in `job.json`.
    inputs
        The arrays, by name.
    report
        Where to say how far the task is.
    """

    parameters: dict[str, Any]
    inputs: dict[str, np.ndarray]
    report: Reporter


@dataclass(frozen=True)
class Answer:
    """What a task gives back: arrays and numbers, by name."""

    outputs: dict[str, np.ndarray]
    numbers: dict[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Forecast:
    """What a job will need: bytes of memory at its peak, seconds of time (None if unknown)."""

    bytes: int
    seconds: float | None = None


class Task(abc.ABC):
    """One thing the worker can do."""

    name: ClassVar[str]

    @abc.abstractmethod
    def forecast(self, job: Job) -> Forecast:
        """Say what the job will need, before any work."""

    @abc.abstractmethod
    def run(self, job: Job) -> Answer:
        """Do it.

        Raises
        ------
        ValueError
            The input is refused, in words for the user.
        """


def tasks() -> dict[str, Task]:
    """Return every task by its name."""
    # Imported here: each task imports this module for its base class.
    from .components import LabelComponents
    from .least_cost_distance import LeastCostDistance
    from .resistance_distance import ResistanceDistanceTask
    from .rsp_distance import RSPDistanceTask
    from .sensitivity import ConnectivitySensitivity

    known = (
        LeastCostDistance(),
        ResistanceDistanceTask(),
        RSPDistanceTask(),
        ConnectivitySensitivity(),
        LabelComponents(),
    )
    return {task.name: task for task in known}
