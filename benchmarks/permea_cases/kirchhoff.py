"""The Kirchhoff index with its map of mean resistance and its exact sensitivity, beside the map of one source."""

import numpy as np

from permea.engine import GridGraph, ResistanceDistance, kirchhoff_index

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import STEP, rasters, vertices


def index_and_sensitivity(landscape: BenchmarkLandscape, timer: Timer, *, samples: int = 200) -> dict:
    """Map of resistance to one cell, index with its map of mean resistance, and both with the sensitivity."""
    source = vertices(landscape, landscape.centre)

    def grid(repetition: int) -> GridGraph:
        """Return the landscape, imperceptibly perturbed, so that no factor is reused."""
        permeability, active = rasters(landscape, repetition)
        return GridGraph(permeability, active, int(landscape.active.sum()))

    def run(repetition: int):
        with timer.part("one source"):
            ResistanceDistance()(grid(3 * repetition), source).block_until_ready()
        with timer.part("index"):
            kirchhoff_index(grid(3 * repetition + 1), method="exact").cell_mean_resistance.block_until_ready()
        with timer.part("sensitivity"):
            result = kirchhoff_index(grid(3 * repetition + 2), method="exact", sensitivity=True)
            result.sensitivity.block_until_ready()

    timer.time(run, compiled=True)
    # Along one direction of the logarithm of the permeability, all cells at once.
    direction = np.random.default_rng(3).normal(size=landscape.permeability.shape)

    def index(step: float) -> float:
        """Return the sum of the indices of all components."""
        permeability = landscape.permeability * np.exp(step * direction)
        return float(kirchhoff_index(GridGraph(permeability, landscape.active), method="exact").value.sum())

    central, halved = ((index(h) - index(-h)) / (2 * h) for h in (STEP, STEP / 2))
    difference = (4 * halved - central) / 3
    result = kirchhoff_index(GridGraph(landscape.permeability, landscape.active), method="exact", sensitivity=True)
    predicted = np.nansum(np.asarray(result.sensitivity) * landscape.permeability * direction)
    means = np.asarray(result.cell_mean_resistance).ravel()[landscape.sample(samples)]
    return {"values": [float(result.value.sum()), *means], "difference": abs(predicted - difference) / abs(difference)}
