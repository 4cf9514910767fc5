"""Sweeps find the same least costs as Dijkstra's algorithm, and the same gradient, ties included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from permea.engine import GridGraph
from permea.engine.distances.cost_functions import edge_costs, inverse
from permea.engine.graph import gallery
from permea.engine.linalg.stencil_matrix import StencilMatrix
from permea.engine.shortest_paths.differentiable import least_costs
from permea.engine.shortest_paths.sweeping import fast_sweeping, initial_costs

SHAPE = (9, 12)
SEEDS = {"one": [14], "several": [0, 61, 107], "one beyond the raster, too": [14, 108], "none": [108]}


def lognormal(seed=42):
    return np.random.default_rng(seed).lognormal(size=SHAPE)


def holed():
    """A third of the cells are holes; a wall parts the rest."""
    permeability = np.where(np.random.default_rng(43).random(SHAPE) < 0.3, 0.0, lognormal())
    permeability[:, 8] = 0
    permeability.ravel()[list(SEEDS["several"]) + SEEDS["one"]] = 1
    return permeability


def free_here_and_there():
    """Costs of which a third are zero, so that there are ties, and free ways around in a circle."""
    costs = costs_of(lognormal(), "mean", "queen")
    free = np.random.default_rng(44).random(costs.shape) < 1 / 3
    return jnp.where(free & jnp.isfinite(costs), 0.0, costs)


def costs_of(permeability, edge_rule="mean", neighbors="queen"):
    return edge_costs(GridGraph(permeability, edge_rule=edge_rule, neighbors=neighbors), inverse)


COSTS = {
    "random": lambda: costs_of(lognormal()),
    "four neighbours": lambda: costs_of(lognormal(), neighbors="rook"),
    "holes": lambda: costs_of(holed()),
    "maze": lambda: costs_of(gallery.serpentine(*SHAPE)),
    "uniform, full of ties": lambda: costs_of(gallery.uniform(*SHAPE)),
    "uniform with four neighbours": lambda: costs_of(gallery.uniform(*SHAPE), neighbors="rook"),
    "directed": lambda: costs_of(lognormal(), "target"),
    "directed holes": lambda: costs_of(holed(), "target"),
    "over eight orders": lambda: costs_of(10 ** np.random.default_rng(45).uniform(-4, 4, SHAPE), "resistance"),
    "some steps free": free_here_and_there,
    "all steps free": lambda: jnp.where(jnp.isfinite(costs_of(holed())), 0.0, jnp.inf),
}
#: Where steps are free, cheapest ways of equal cost may differ in every step: each method takes ways of its own.
ONE_GRADIENT = [name for name in COSTS if not name.endswith("free")]
every_landscape = pytest.mark.parametrize("name", COSTS)
both_ways = pytest.mark.parametrize("reverse", [False, True], ids=["away", "towards"])
#: Every cell has a weight of its own, so that no error can hide behind a symmetry.
WEIGHTS = np.random.default_rng(46).uniform(0.5, 2, SHAPE)


def total(distance):
    return jnp.where(jnp.isfinite(distance), WEIGHTS * jnp.where(jnp.isfinite(distance), distance, 0.0), 0.0).sum()


def by_sweeps(costs, starts, reverse):
    distance, pull_back = jax.vjp(lambda costs: fast_sweeping(costs, starts, reverse), costs)
    return distance, pull_back(jax.grad(total)(distance))[0]


BY_SWEEPS = jax.jit(by_sweeps, static_argnums=2)


def by_dijkstra(costs, seeds, reverse):
    distance, pull_back = jax.vjp(lambda costs: least_costs(costs, jnp.asarray(seeds), reverse, True)[0], costs)
    return distance, pull_back(jax.grad(total)(distance))[0]


@both_ways
@every_landscape
@pytest.mark.parametrize("seeds", SEEDS)
def test_least_costs_are_those_of_dijkstra(name, seeds, reverse):
    costs = COSTS[name]()
    found = BY_SWEEPS(costs, initial_costs(jnp.asarray(SEEDS[seeds]), SHAPE), reverse)[0]
    np.testing.assert_allclose(found, by_dijkstra(costs, SEEDS[seeds], reverse)[0], rtol=1e-13)


@both_ways
@pytest.mark.parametrize("name", ONE_GRADIENT)
@pytest.mark.parametrize("seeds", SEEDS)
def test_gradients_are_those_of_dijkstra(name, seeds, reverse):
    costs = COSTS[name]()
    found = BY_SWEEPS(costs, initial_costs(jnp.asarray(SEEDS[seeds]), SHAPE), reverse)[1]
    np.testing.assert_allclose(found, by_dijkstra(costs, SEEDS[seeds], reverse)[1], rtol=1e-10, atol=1e-12)


@both_ways
@every_landscape
def test_the_gradient_adds_up_to_the_least_costs(name, reverse):
    # Euler: a least cost is homogeneous of degree one in the costs of the edges.
    costs = COSTS[name]()
    distance, gradient = BY_SWEEPS(costs, initial_costs(jnp.asarray(SEEDS["one"]), SHAPE), reverse)
    assert float((jnp.where(gradient == 0, 0.0, costs) * gradient).sum()) == pytest.approx(float(total(distance)))


@both_ways
@every_landscape
def test_what_crosses_the_edges_is_what_every_cell_that_is_reached_pulls(name, reverse):
    costs, starts = COSTS[name](), initial_costs(jnp.asarray(SEEDS["several"]), SHAPE)
    distance, gradient = BY_SWEEPS(costs, starts, reverse)
    arriving = StencilMatrix(jnp.zeros(SHAPE), gradient).transpose().edges.sum(0) - gradient.sum(0)
    expected = np.where(np.isfinite(distance) & (starts > 0), WEIGHTS, 0.0)
    np.testing.assert_allclose(jnp.where(starts > 0, -arriving if reverse else arriving, 0.0), expected, atol=1e-10)
    assert (gradient >= 0).all()


@both_ways
def test_many_landscapes_at_once_have_the_least_costs_and_gradients_of_each(reverse):
    several = jnp.stack([COSTS[name]() for name in ("random", "holes", "maze", "directed", "some steps free")])
    starts = initial_costs(jnp.asarray(SEEDS["one"]), SHAPE)
    found = jax.jit(jax.vmap(lambda costs: by_sweeps(costs, starts, reverse)))(several)
    expected = [BY_SWEEPS(costs, starts, reverse) for costs in several]
    for one, other in zip(found, map(jnp.stack, zip(*expected, strict=True)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)


def test_many_places_at_once_have_the_least_costs_of_each():
    costs, seeds = COSTS["directed holes"](), jnp.asarray(SEEDS["several"])
    found = jax.vmap(lambda seed: fast_sweeping(costs, initial_costs(seed[None], SHAPE), False))(seeds)
    np.testing.assert_allclose(found, least_costs(costs, seeds, False, False), rtol=1e-13)


def test_compiled_or_not_the_least_costs_are_the_same():
    costs, starts = COSTS["holes"](), initial_costs(jnp.asarray(SEEDS["several"]), SHAPE)
    np.testing.assert_array_equal(fast_sweeping(costs, starts, False), BY_SWEEPS(costs, starts, False)[0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_strips_and_a_single_cell_have_the_least_costs_of_dijkstra(shape):
    costs = costs_of(np.random.default_rng(47).lognormal(size=shape))
    found = fast_sweeping(costs, initial_costs(jnp.array([0]), shape), False)
    np.testing.assert_allclose(found, least_costs(costs, jnp.array([0]), False, True)[0], rtol=1e-13)


def test_in_a_maze_the_least_cost_is_the_length_of_its_only_path():
    costs = costs_of(gallery.serpentine(9, 12), neighbors="rook")
    found = fast_sweeping(costs, initial_costs(jnp.array([0]), SHAPE), False)
    assert found[8, 11] == 5 * 12 + 4 - 1
