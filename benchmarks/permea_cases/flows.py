"""Currents between focal nodes, and cheapest paths."""

import numpy as np

from permea.engine import GridGraph, LCPDistance
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.graph.focal_nodes import FocalNodes
from permea.engine.paths.path_search import least_cost_paths

from ..landscapes import BenchmarkLandscape
from ..timer import Timer
from .resistance import raster, vertices

#: Focal regions are squares of so many cells a side, on a lattice of so many by so many.
REGION, LATTICE = 20, (5, 10)


def cumulative(site: BenchmarkLandscape, watch: Timer, *, count: int = 18, pairs: str = "all") -> dict:
    """Current of all pairs among some points summed up, or of those with the first one only."""
    cells = np.array(site.points(count))
    focal = FocalNodes.from_cells(np.arange(count) + 1, *np.divmod(cells, site.side), site.permeability.shape)
    asked = None if pairs == "all" else [(1, other) for other in range(2, count + 1)]

    def run(repetition: int) -> np.ndarray:
        pairwise = Pairwise(GridCircuit(GridGraph(*raster(site, repetition))), focal, asked)
        pairwise.cumulative(largest=False)
        return pairwise.resistances().matrix[0, 1:]

    return {"values": watch.time(run, compiled=True)}


def among(site: BenchmarkLandscape, watch: Timer, *, width: int, maps: bool) -> dict:
    """Resistances, and the cumulative current if wanted, between the squares of a lattice, one cell wide or more."""
    spread = [np.linspace(REGION, site.side - 2 * REGION, count).astype(int) for count in LATTICE]
    corners = np.stack(np.meshgrid(*spread, indexing="ij"), -1).reshape(-1, 2)
    inside = np.stack(np.meshgrid(np.arange(width), np.arange(width), indexing="ij"), -1).reshape(-1, 2)
    ids = np.repeat(np.arange(len(corners)) + 1, len(inside))
    rows, columns = (corners[:, None] + inside[None]).reshape(-1, 2).T
    focal = FocalNodes.from_cells(ids, rows, columns, site.permeability.shape)

    def run(repetition: int) -> np.ndarray:
        pairwise = Pairwise(GridCircuit(GridGraph(*raster(site, repetition))), focal)
        if maps:
            pairwise.cumulative()
        return pairwise.resistances().matrix[0, 1:]

    return {"values": watch.time(run, compiled=True)}


def paths(site: BenchmarkLandscape, watch: Timer, *, count: int) -> dict:
    """Cheapest paths from one cell to some others, as lines."""
    source, targets = vertices(site, site.centre), vertices(site, site.sample(count))

    def run(repetition: int) -> list[float]:
        grid = GridGraph(*raster(site, repetition), edge_rule="resistance")
        return [path.cost for path in least_cost_paths(grid, source, targets)]

    return {"values": watch.time(run, compiled=True)}


def search(site: BenchmarkLandscape, watch: Timer, *, count: int) -> dict:
    """Least cost from one cell to all others: one search, and nothing is followed back."""
    source, targets = vertices(site, site.centre), vertices(site, site.sample(count))

    def run(repetition: int) -> np.ndarray:
        grid = GridGraph(*raster(site, repetition), edge_rule="resistance")
        return np.asarray(LCPDistance()(grid, source))[0]

    return {"values": watch.time(run, compiled=True)[targets]}
