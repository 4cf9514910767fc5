"""Distances in all windows of a batch by one call to the CPU kernels, for the distances that have such kernels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import jax
from jaxtyping import Array, Float

from ..distances import AbstractDistance, LCPDistance, ResistanceDistance, edge_costs, require_undirected
from ..graph import GridGraph
from .least_cost import least_costs_in_windows
from .resistance import MAX_ELIMINATED_WIDTH, resistances_in_windows


@dataclass(frozen=True)
class DistanceKernel:
    """How the windows of one kind of distance are computed on the CPU.

    Attributes
    ----------
    supports
        Whether the kernels compute a distance in windows of (rows, columns).
    distances
        Distances between the seeds and all cells of their windows, from the distance, the graph of the tile, the
        corners and seeds of the windows, their shape, whether movement leads from the seeds, and the number of threads.
    sequential
        Whether windows that the kernels do not support are computed one after the other on the CPU, because batched
        factorizations save no time there.
    """

    supports: Callable[[AbstractDistance, tuple[int, int]], bool]
    distances: Callable[..., Float[Array, "windows height width"]]
    sequential: bool = False


@singledispatch
def distance_kernel(distance: AbstractDistance) -> DistanceKernel | None:
    """Return the kernels of a distance, or None if it has none; register those of a new distance for its class."""
    return None


@distance_kernel.register(LCPDistance)
def _least_cost_kernel(distance: LCPDistance) -> DistanceKernel:
    return DistanceKernel(_supports_least_cost, _least_costs)


@distance_kernel.register(ResistanceDistance)
def _resistance_kernel(distance: ResistanceDistance) -> DistanceKernel:
    return DistanceKernel(_supports_resistance, _resistances, sequential=True)


def _supports_least_cost(distance: LCPDistance, window_shape: tuple[int, int]) -> bool:
    on_cpu = jax.default_backend() == "cpu"
    return distance.solver == "dijkstra" or (distance.solver == "automatic" and on_cpu)


def _least_costs(distance: LCPDistance, grid: GridGraph, corners, seeds, window_shape, from_seeds: bool, threads: int):
    costs = edge_costs(grid, distance.cost)
    return least_costs_in_windows(costs, corners, seeds, window_shape, not from_seeds, threads)


def _supports_resistance(distance: ResistanceDistance, window_shape: tuple[int, int]) -> bool:
    on_cpu = jax.default_backend() == "cpu"
    return distance.solver is None and on_cpu and window_shape[1] <= MAX_ELIMINATED_WIDTH


def _resistances(
    distance: ResistanceDistance, grid: GridGraph, corners, seeds, window_shape, from_seeds: bool, threads: int
):
    require_undirected(grid)
    return resistances_in_windows(grid.edges, corners, seeds, window_shape, threads)
