"""Results of omnidirectional current flow: the maps, and the gradient of a weighted sum of currents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MovingWindowCurrentResult:
    """Cumulative currents of all windows.

    Attributes
    ----------
    maps
        By name, (rows, columns), NaN where a cell is no vertex: "current", the cumulative current in ampere;
        "flow_potential", the same without resistance; "normalized_current", their ratio, NaN where the flow potential
        is 0.
    total
        Sum of the currents into all targets, in ampere.
    windows, skipped
        Number of windows computed, and of those skipped because their target has no strength.
    """

    maps: Mapping[str, Any]
    total: float
    windows: int
    skipped: int


@dataclass(frozen=True)
class CurrentSensitivity:
    """A weighted sum of the cumulative current and its derivative by each cell.

    Attributes
    ----------
    total
        Σ weights · current.
    raster
        Its derivative by every cell's x, or x times that; NaN where a cell is no vertex.
    windows, skipped
        As for `MovingWindowCurrentResult`.
    """

    total: float
    raster: Any
    windows: int
    skipped: int
