"""Distance maps of a job: of the nearest source, or of each source, written to disk one after the other."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..storage import NpyBands
from .metrics import range_metrics
from .task import Job

#: Name of the output.
OUTPUT = "distance"


class DistanceMaps:
    """Distance maps of sources, collected in memory that does not grow with their number.

    Parameters
    ----------
    job
        The job. With its parameter "per_source" every map is a band; without it all are combined into one map.
    active
        bool (rows, columns): cells that are vertices.
    sources
        Number of sources.
    nearest
        Function that combines two maps into that of the nearest source.
    is_reached
        Function that returns where a source can be reached, given the distances to it.
    """

    def __init__(
        self,
        job: Job,
        active: np.ndarray,
        sources: int,
        *,
        nearest: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.fmin,
        is_reached: Callable[[np.ndarray], np.ndarray] = np.isfinite,
    ):
        self._active, self._nearest, self._is_reached = active, nearest, is_reached
        self._map: np.ndarray | None = None
        self._bands: NpyBands | None = None
        if job.parameters.get("per_source"):
            self._bands = NpyBands(job.folder / f"{OUTPUT}.npy", (sources, *active.shape))
        self._reached = np.zeros(active.shape, bool)
        self._minimum, self._maximum, self._sum, self._count = math.inf, -math.inf, 0.0, 0

    def add(self, distance: np.ndarray) -> None:
        """Add the map of the next source, or of the nearest of several."""
        if self._bands is None:
            self._map = distance if self._map is None else self._nearest(self._map, distance)
            return
        self._bands.append(distance)
        self._reached |= self._is_reached(distance)
        finite = distance[self._active & np.isfinite(distance)]
        self._count += finite.size
        self._sum += float(finite.sum())
        self._minimum = min(self._minimum, float(finite.min(initial=math.inf)))
        self._maximum = max(self._maximum, float(finite.max(initial=-math.inf)))

    @property
    def outputs(self) -> dict[str, np.ndarray | NpyBands]:
        """The output by its name."""
        return {OUTPUT: self._map if self._bands is None else self._bands}

    @property
    def metrics(self) -> dict[str, Any]:
        """Range of the distances, and the number of active cells from which no source can be reached."""
        if self._bands is None:
            metrics, reached = range_metrics(self._map[self._active]), self._is_reached(self._map)
        else:
            values = (self._minimum, self._maximum, self._sum / self._count) if self._count else (None, None, None)
            metrics, reached = dict(zip(("minimum", "maximum", "mean"), values, strict=True)), self._reached
        return metrics | {"unreachable_cells": int((self._active & ~reached).sum())}
