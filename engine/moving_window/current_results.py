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
        By name, (rows, columns), NaN in cells that are not vertices: "current", the cumulative current in ampere;
        "flow_potential", the same with equal conductances everywhere and no barriers; "normalized_current", their
        ratio, NaN where the flow potential is 0.
    total
        Sum of the currents into all targets, in ampere.
    windows, skipped
        Number of windows computed, and of those skipped because their target has no source strength.
    """

    maps: Mapping[str, Any]
    total: float
    windows: int
    skipped: int


@dataclass(frozen=True)
class CurrentSensitivity:
    """A weighted sum of the cumulative current and its derivative with respect to each cell.

    Attributes
    ----------
    total
        Σ weights · current.
    raster
        ∂C/∂x of every cell with C = `total`, or x ∂C/∂x; NaN in cells that are not vertices.
    windows, skipped
        As for `MovingWindowCurrentResult`.
    """

    total: float
    raster: Any
    windows: int
    skipped: int
