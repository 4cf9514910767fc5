"""Effective resistance: of pairs by multigrid, from every cell by nested dissection."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from permea.engine import GridGraph, ResistanceDistance
from permea.engine.linalg import Multigrid, NestedDissection, SolveRecord, record_stats

from ..landscapes import BenchmarkLandscape
from ..timer import Timer

SOLVERS = {
    "automatic": None,
    "multigrid": Multigrid(tolerance=1e-8),
    "nested dissection": NestedDissection(symmetric=True),
}

#: Step h of the finite differences; extrapolated from h and h/2, their error is of the order h⁴.
STEP = 1e-3


def rasters(landscape: BenchmarkLandscape, repetition: int) -> tuple[jax.Array, jax.Array]:
    """Return permeability, imperceptibly perturbed in each repetition, and the mask of active cells."""
    return jnp.asarray(landscape.perturbed(repetition)), jnp.asarray(landscape.active)


def vertices(landscape: BenchmarkLandscape, cells: np.ndarray | int) -> np.ndarray:
    """Return the vertex numbers of cells given by flat raster index."""
    return (np.cumsum(landscape.active) - 1)[np.atleast_1d(cells)]


def pair(landscape: BenchmarkLandscape, timer: Timer, *, gradient: bool = True) -> dict:
    """Resistance of one pair with its gradient, starting from the raster."""
    source, target = landscape.pair
    return _pairs(landscape, timer, [source], [target], SOLVERS["multigrid"], gradient)


def star(landscape: BenchmarkLandscape, timer: Timer, *, count: int = 18, solver: str = "automatic") -> dict:
    """Resistance from one of some points to all others, with the gradient of their sum."""
    target, *sources = landscape.points(count)
    return _pairs(landscape, timer, sources, [target] * len(sources), SOLVERS[solver])


def everywhere(landscape: BenchmarkLandscape, timer: Timer, *, samples: int = 200) -> dict:
    """Resistance from every cell to one, exactly."""
    compute = jax.jit(_map_function(landscape))
    result = timer.time(lambda repetition: compute(*rasters(landscape, repetition)).block_until_ready(), compiled=True)
    cells = landscape.sample(samples)
    return {"values": result[vertices(landscape, cells[cells != landscape.centre])]}


def everywhere_gradient(landscape: BenchmarkLandscape, timer: Timer) -> dict:
    """Gradient of the sum of that map, with the time of the map alone, and its difference from finite differences."""
    component = jnp.asarray(vertices(landscape, np.flatnonzero(landscape.largest_component)))
    to_centre = _map_function(landscape)
    total = jax.jit(lambda permeability, active: to_centre(permeability, active)[component].sum())
    total_and_gradient = jax.jit(jax.value_and_grad(total))

    def run(repetition: int):
        with timer.part("forward"):
            total(*rasters(landscape, 2 * repetition)).block_until_ready()
        with timer.part("gradient"):
            return jax.block_until_ready(total_and_gradient(*rasters(landscape, 2 * repetition + 1)))

    value, gradient = timer.time(run, compiled=True)
    # Along one direction of the logarithm of the permeability, all cells at once.
    direction = np.random.default_rng(3).normal(size=landscape.permeability.shape)

    def central_difference(h: float) -> float:
        forward, backward = (
            total(jnp.asarray(landscape.permeability * np.exp(t * direction)), landscape.active) for t in (h, -h)
        )
        return float(forward - backward) / (2 * h)

    difference = (4 * central_difference(STEP / 2) - central_difference(STEP)) / 3
    predicted = float((np.asarray(gradient) * landscape.permeability * direction).sum())
    return {"values": [value], "difference": abs(predicted - difference) / abs(difference)}


def _pairs(landscape, timer, sources, targets, solver, gradient=True) -> dict:
    first, second = jnp.asarray(vertices(landscape, sources)), jnp.asarray(vertices(landscape, targets))
    distance, n_vertices = ResistanceDistance(solver), int(landscape.active.sum())

    def total(permeability, active):
        resistance = distance.pairs(GridGraph(permeability, active, n_vertices), first, second)
        return resistance.sum(), resistance

    compute = jax.jit(jax.value_and_grad(total, has_aux=True) if gradient else lambda *args: (total(*args), None))

    def run(repetition: int) -> tuple[np.ndarray, list[SolveRecord]]:
        with record_stats() as stats:
            (_, resistance), _ = jax.block_until_ready(compute(*rasters(landscape, repetition)))
        return np.asarray(resistance), stats

    resistance, stats = timer.time(run, compiled=True)
    solves = [solve for solve in stats if solve.succeeded and solve.right_hand_sides and solve.residual is not None]
    return {
        "values": resistance,
        "iterations": max(solve.iterations for solve in solves),
        "residual": max(solve.residual for solve in solves),
    }


def _map_function(landscape: BenchmarkLandscape) -> Callable[[jax.Array, jax.Array], jax.Array]:
    distance, n_vertices = ResistanceDistance(), int(landscape.active.sum())
    target = vertices(landscape, landscape.centre)
    return lambda permeability, active: distance(GridGraph(permeability, active, n_vertices), targets=target)[:, 0]
