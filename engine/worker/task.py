"""What a task is, and the list of them."""

import abc
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..storage.npy_raster import NpyRaster
from .protocol import Reporter


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
class TaskResult:
    """What a task gives back: arrays (or rasters on disk, in the job's folder already) and numbers, by name."""

    outputs: dict[str, np.ndarray | NpyRaster]
    metrics: dict[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceEstimate:
    """What a job will need: bytes of memory at its peak, seconds of time (None if unknown)."""

    bytes: int
    seconds: float | None = None


class Task(abc.ABC):
    """One thing the worker can do."""

    name: ClassVar[str]

    @abc.abstractmethod
    def estimate(self, job: Job) -> ResourceEstimate:
        """Say what the job will need, before any work."""

    @abc.abstractmethod
    def run(self, job: Job) -> TaskResult:
        """Do it.

        Raises
        ------
        ValueError
            The input is refused, in words for the user.
        """


def tasks() -> dict[str, Task]:
    """Return every task by its name."""
    # Imported here: each task imports this module for its base class.
    from .tasks.barriers import BarriersTask
    from .tasks.circuit_advanced import CircuitAdvancedTask
    from .tasks.circuit_current import CircuitCurrentTask
    from .tasks.circuit_network import CircuitNetworkTask
    from .tasks.connected_components import ConnectedComponentsTask
    from .tasks.connected_habitat import ConnectedHabitatTask
    from .tasks.distance_matrix import DistanceMatrixTask
    from .tasks.least_cost_corridor import LeastCostCorridorTask
    from .tasks.least_cost_distance import LeastCostDistanceTask
    from .tasks.least_cost_paths import LeastCostPathsTask
    from .tasks.resistance_distance import ResistanceDistanceTask
    from .tasks.rsp_distance import RSPDistanceTask
    from .tasks.rsp_flow import RSPFlowTask
    from .tasks.sensitivity import SensitivityTask
    from .tasks.windowed_connectivity import WindowedConnectivityTask
    from .tasks.windowed_current import WindowedCurrentTask
    from .tasks.windowed_current_sensitivity import WindowedCurrentSensitivityTask
    from .tasks.windowed_sensitivity import WindowedSensitivityTask

    known = (
        LeastCostDistanceTask(),
        ResistanceDistanceTask(),
        RSPDistanceTask(),
        SensitivityTask(),
        ConnectedComponentsTask(),
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
        RSPFlowTask(),
        BarriersTask(),
        ConnectedHabitatTask(),
    )
    return {task.name: task for task in known}
