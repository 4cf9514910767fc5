"""What goes to the engine and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..npy_file import NpyFile


@dataclass(frozen=True, eq=False)
class Task:
    """One task for the engine; see the developer guide for names, parameters and arrays.

    Parameters
    ----------
    name
        For example ``"leastcost.distance"``.
    parameters
        Anything that JSON can hold; numpy's numbers are welcome.
    arrays
        Inputs by name, in memory or in files of the job folder; ``landscape`` and ``valid`` are (rows, columns).
    rasters
        Names of the outputs that must lie on the landscape's grid, (…, rows, columns); None means all of them.

    Examples
    --------
    >>> Task("components.label", {"values": "permeability"}, {"landscape": np.ones((2, 3))}).name
    'components.label'
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray | NpyFile] = field(default_factory=dict)
    rasters: tuple[str, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Rows and columns of the landscape, None for a task without one."""
        return self.arrays["landscape"].shape if "landscape" in self.arrays else None

    @property
    def on_disk(self) -> bool:
        """Whether the landscape, and with it every output, stays on disk."""
        return isinstance(self.arrays.get("landscape"), NpyFile)


@dataclass(frozen=True, eq=False)
class Result:
    """What the engine returned.

    Parameters
    ----------
    outputs
        Arrays by name, in memory, or in files of the job folder for a task on disk.
    metrics
        Totals, solver, iterations, residual, seconds, peak memory, by name; None where one does not apply.
    """

    outputs: dict[str, np.ndarray | NpyFile]
    metrics: dict[str, Any]


@dataclass(frozen=True, eq=False)
class PartialResult:
    """A part of the result that is there before the end.

    Parameters
    ----------
    name
        Of the part, as the task calls it.
    arrays
        By what they hold, in memory.
    metrics
        Numbers that belong to it; None where one does not apply.
    """

    name: str
    arrays: dict[str, np.ndarray]
    metrics: dict[str, Any]
