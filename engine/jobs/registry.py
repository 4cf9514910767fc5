"""What a task is, and the list of them."""

import abc
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..windows import DiskRaster
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
    folder
        Where outputs that are never held in memory as a whole are written, under the name of the output.
    """

    parameters: dict[str, Any]
    inputs: dict[str, np.ndarray]
    report: Reporter
    folder: Path = field(default_factory=Path)


@dataclass(frozen=True)
class Answer:
    """What a task gives back: arrays (or rasters on disk, in the job's folder already) and numbers, by name."""

    outputs: dict[str, np.ndarray | DiskRaster]
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
    from .barriers import FlowBarriers
    from .circuit_advanced import CircuitAdvancedTask
    from .circuit_current import CircuitCurrentTask
    from .circuit_network import CircuitNetworkTask
    from .components import LabelComponents
    from .connected_habitat import ConnectedHabitatTask
    from .distance_matrix import DistanceMatrixTask
    from .least_cost_corridor import LeastCostCorridorTask
    from .least_cost_distance import LeastCostDistance
    from .least_cost_paths import LeastCostPathsTask
    from .resistance_distance import ResistanceDistanceTask
    from .rsp_distance import RSPDistanceTask
    from .rsp_flow import RSPFlow
    from .sensitivity import ConnectivitySensitivity
    from .windowed_connectivity import WindowedConnectivityTask
    from .windowed_current import WindowedCurrentTask
    from .windowed_current_sensitivity import WindowedCurrentSensitivityTask
    from .windowed_sensitivity import WindowedSensitivityTask

    known = (
        LeastCostDistance(),
        ResistanceDistanceTask(),
        RSPDistanceTask(),
        ConnectivitySensitivity(),
        LabelComponents(),
        WindowedConnectivityTask(),
        WindowedSensitivityTask(),
        CircuitCurrentTask(),
        CircuitAdvancedTask(),
        CircuitNetworkTask(),
        DistanceMatrixTask(),
        LeastCostPathsTask(),
        LeastCostCorridorTask(),
        WindowedCurrentTask(),
        WindowedCurrentSensitivityTask(),
        RSPFlow(),
        FlowBarriers(),
        ConnectedHabitatTask(),
    )
    return {task.name: task for task in known}
