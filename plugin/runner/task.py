"""Tasks for the engine, and their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..npy_file import NpyFile

# Partial results on the grid of the landscape, by the engine's names: the maps of a run of a circuit.
PARTIAL_RASTERS = ("currents", "potentials")


@dataclass(frozen=True, eq=False)
class Task:
    """One task for the engine; see the developer guide for names, parameters and arrays.

    Parameters
    ----------
    name
        For example ``"leastcost.distance"``.
    parameters
        Values that JSON can hold, and NumPy's scalars and arrays.
    arrays
        Inputs by name, in memory or as files of the job folder; ``landscape`` and ``valid`` are (rows, columns).
    rasters
        Names of the outputs that must have the shape of the raster, (…, rows, columns); None for all.
    landscape_name
        Name of the layer of the landscape, or of the file of a network, for messages.
    node_ids
        The user's ids of the nodes of a network, for messages.
    raster
        Name of the array on whose grid the rasters lie.

    Examples
    --------
    >>> Task("components.label", {"values": "permeability"}, {"landscape": np.ones((2, 3))}).name
    'components.label'
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray | NpyFile] = field(default_factory=dict)
    rasters: tuple[str, ...] | None = None
    landscape_name: str = ""
    node_ids: np.ndarray | None = None
    raster: str = "landscape"

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Rows and columns of the landscape, or of another raster; None for a task without one."""
        return self.arrays[self.raster].shape if self.raster in self.arrays else None

    def is_raster(self, output: str) -> bool:
        """Return whether an output must have the shape of the raster."""
        return self.shape is not None and (self.rasters is None or output in self.rasters)


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a task.

    Parameters
    ----------
    outputs
        Arrays by name: rasters on the grid of the landscape as files of the job folder, others in memory.
    metrics
        Scalars by name, such as solver, iterations, residual, seconds; None where one does not apply.
    """

    outputs: dict[str, np.ndarray | NpyFile]
    metrics: dict[str, Any]


@dataclass(frozen=True, eq=False)
class PartialResult:
    """Part of a result, available before the run ends.

    Parameters
    ----------
    name
        As the task names it.
    arrays
        Arrays by name: rasters on the grid of the landscape as files that exist until the result has been handled,
        others in memory.
    metrics
        Scalars by name; None where one does not apply.
    """

    name: str
    arrays: dict[str, np.ndarray | NpyFile]
    metrics: dict[str, Any]
