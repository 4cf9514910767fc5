"""Currents between focal nodes, and least-cost paths."""

import numpy as np

from permea.engine import FocalNodes, GridGraph, LCPDistance
from permea.engine.circuits import GridCircuit, Pairwise
from permea.engine.paths import least_cost_paths

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import rasters, vertices

#: Margin of the lattice of focal regions in cells, and its rows and columns.
LATTICE_MARGIN, LATTICE_SHAPE = 20, (5, 10)


def cumulative(landscape: BenchmarkLandscape, timer: Timer, *, count: int = 18, pairs: str = "all") -> dict:
    """Cumulative current of all pairs among some points, or only of the pairs with the first point."""
    cells = np.array(landscape.points(count))
    focal = FocalNodes.from_cells(np.arange(count) + 1, *np.divmod(cells, landscape.side), landscape.permeability.shape)
    selected = None if pairs == "all" else [(1, point) for point in range(2, count + 1)]

    def run(repetition: int) -> np.ndarray:
        pairwise = Pairwise(GridCircuit(GridGraph(*rasters(landscape, repetition))), focal, selected)
        pairwise.cumulative(with_maximum=False)
        return pairwise.resistances().matrix[0, 1:]

    return {"values": timer.time(run, compiled=True)}


def resistances_of_regions(landscape: BenchmarkLandscape, timer: Timer, *, width: int, maps: bool) -> dict:
    """Resistances, and the cumulative current with `maps`, between the squares of a lattice, `width` cells wide."""
    last = landscape.side - 2 * LATTICE_MARGIN
    positions = [np.linspace(LATTICE_MARGIN, last, count).astype(int) for count in LATTICE_SHAPE]
    corners = np.stack(np.meshgrid(*positions, indexing="ij"), -1).reshape(-1, 2)
    square = np.stack(np.meshgrid(np.arange(width), np.arange(width), indexing="ij"), -1).reshape(-1, 2)
    ids = np.repeat(np.arange(len(corners)) + 1, len(square))
    rows, columns = (corners[:, None] + square[None]).reshape(-1, 2).T
    focal = FocalNodes.from_cells(ids, rows, columns, landscape.permeability.shape)

    def run(repetition: int) -> np.ndarray:
        pairwise = Pairwise(GridCircuit(GridGraph(*rasters(landscape, repetition))), focal)
        if maps:
            pairwise.cumulative()
        return pairwise.resistances().matrix[0, 1:]

    return {"values": timer.time(run, compiled=True)}


def paths(landscape: BenchmarkLandscape, timer: Timer, *, count: int) -> dict:
    """Least-cost paths from one cell to some others, as lines."""
    source, targets = vertices(landscape, landscape.centre), vertices(landscape, landscape.sample(count))

    def run(repetition: int) -> list[float]:
        grid = GridGraph(*rasters(landscape, repetition), edge_rule="resistance")
        return [path.cost for path in least_cost_paths(grid, source, targets)]

    return {"values": timer.time(run, compiled=True)}


def distances(landscape: BenchmarkLandscape, timer: Timer, *, count: int) -> dict:
    """Least cost from one cell to all others by one search, without tracing paths."""
    source, targets = vertices(landscape, landscape.centre), vertices(landscape, landscape.sample(count))

    def run(repetition: int) -> np.ndarray:
        grid = GridGraph(*rasters(landscape, repetition), edge_rule="resistance")
        return np.asarray(LCPDistance()(grid, source))[0]

    return {"values": timer.time(run, compiled=True)[targets]}
