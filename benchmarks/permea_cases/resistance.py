"""Effective resistance: of pairs by multigrid, from every cell by nested dissection."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from permea.engine import GridGraph, ResistanceDistance
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.linalg.nested_dissection import NestedDissection
from permea.engine.linalg.solver_stats import SolveStats, record_stats

from ..landscapes import BenchmarkLandscape
from ..timer import Timer

SOLVERS = {
    "automatic": None,
    "multigrid": Multigrid(tolerance=1e-8),
    "nested dissection": NestedDissection(symmetric=True),
}

#: Step of the finite differences; two of them, extrapolated, leave an error of h⁴.
STEP = 1e-3


def raster(site: BenchmarkLandscape, repetition: int) -> tuple[jax.Array, jax.Array]:
    """Return what a job is given: permeability, changed imperceptibly each time, and where one can be."""
    return jnp.asarray(site.nudged(repetition)), jnp.asarray(site.active)


def vertices(site: BenchmarkLandscape, cells: np.ndarray | int) -> np.ndarray:
    """Return the vertex numbers of cells given by flat raster index."""
    return (np.cumsum(site.active) - 1)[np.atleast_1d(cells)]


def pair(site: BenchmarkLandscape, watch: Timer, *, gradient: bool = True) -> dict:
    """Resistance of one pair with its gradient, from the raster on."""
    source, target = site.pair
    return _pairs(site, watch, [source], [target], SOLVERS["multigrid"], gradient)


def star(site: BenchmarkLandscape, watch: Timer, *, count: int = 18, solver: str = "automatic") -> dict:
    """Resistance from one of some points to each other one, with the gradient of their sum."""
    target, *others = site.points(count)
    return _pairs(site, watch, others, [target] * len(others), SOLVERS[solver])


def _pairs(site, watch, sources, targets, solver, gradient=True) -> dict:
    first, second = jnp.asarray(vertices(site, sources)), jnp.asarray(vertices(site, targets))
    distance, cells = ResistanceDistance(solver), int(site.active.sum())

    def total(permeability, active):
        resistance = distance.pairs(GridGraph(permeability, active, cells), first, second)
        return resistance.sum(), resistance

    job = jax.jit(jax.value_and_grad(total, has_aux=True) if gradient else lambda *given: (total(*given), None))

    def run(repetition: int) -> tuple[np.ndarray, list[SolveStats]]:
        with record_stats() as entries:
            (_, resistance), _ = jax.block_until_ready(job(*raster(site, repetition)))
        return np.asarray(resistance), entries

    resistance, entries = watch.time(run, compiled=True)
    solves = [entry for entry in entries if entry.right_hand_sides and entry.residual is not None]
    return {
        "values": resistance,
        "iterations": max(entry.iterations for entry in solves),
        "residual": max(entry.residual for entry in solves),
    }


def everywhere(site: BenchmarkLandscape, watch: Timer, *, samples: int = 200) -> dict:
    """Resistance from every cell to one, exactly."""
    job = jax.jit(_map_maker(site))
    result = watch.time(lambda repetition: job(*raster(site, repetition)).block_until_ready(), compiled=True)
    cells = site.sample(samples)
    return {"values": result[vertices(site, cells[cells != site.centre])]}


def everywhere_gradient(site: BenchmarkLandscape, watch: Timer) -> dict:
    """Gradient of the sum of that map, its time beside the map's, and its difference from finite differences."""
    mainland, to_centre = jnp.asarray(vertices(site, np.flatnonzero(site.mainland))), _map_maker(site)
    total = jax.jit(lambda permeability, active: to_centre(permeability, active)[mainland].sum())
    both = jax.jit(jax.value_and_grad(total))

    def run(repetition: int):
        with watch.part("forward"):
            total(*raster(site, 2 * repetition)).block_until_ready()
        with watch.part("gradient"):
            return jax.block_until_ready(both(*raster(site, 2 * repetition + 1)))

    value, gradient = watch.time(run, compiled=True)
    # Along one direction of the logarithm of the permeability, all cells at once.
    direction = np.random.default_rng(3).normal(size=site.permeability.shape)

    def slope(h: float) -> float:
        there, back = (total(jnp.asarray(site.permeability * np.exp(t * direction)), site.active) for t in (h, -h))
        return float(there - back) / (2 * h)

    difference = (4 * slope(STEP / 2) - slope(STEP)) / 3
    predicted = float((np.asarray(gradient) * site.permeability * direction).sum())
    return {"values": [value], "difference": abs(predicted - difference) / abs(difference)}


def _map_maker(site: BenchmarkLandscape) -> Callable[[jax.Array, jax.Array], jax.Array]:
    distance, cells = ResistanceDistance(), int(site.active.sum())
    target = vertices(site, site.centre)
    return lambda permeability, active: distance(GridGraph(permeability, active, cells), targets=target)[:, 0]
