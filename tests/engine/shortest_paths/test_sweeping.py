"""Fast sweeping compared with Dijkstra's algorithm: the same least costs and the same gradient, ties included."""

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
SOURCES = {"one": [14], "several": [0, 61, 107], "one inside, one beyond the raster": [14, 108], "none": [108]}


def lognormal(seed=42):
    return np.random.default_rng(seed).lognormal(size=SHAPE)


def with_holes():
    """A third of the cells are holes; a wall separates the rest."""
    permeability = np.where(np.random.default_rng(43).random(SHAPE) < 0.3, 0.0, lognormal())
    permeability[:, 8] = 0
    permeability.ravel()[list(SOURCES["several"]) + SOURCES["one"]] = 1
    return permeability


def costs_one_third_zero():
    """There are ties, and cycles of free steps."""
    costs = costs_of(lognormal(), "mean", "queen")
    free = np.random.default_rng(44).random(costs.shape) < 1 / 3
    return jnp.where(free & jnp.isfinite(costs), 0.0, costs)


def costs_of(permeability, edge_rule="mean", neighbors="queen"):
    return edge_costs(GridGraph(permeability, edge_rule=edge_rule, neighbors=neighbors), inverse)


COSTS = {
    "random": lambda: costs_of(lognormal()),
    "four neighbours": lambda: costs_of(lognormal(), neighbors="rook"),
    "holes": lambda: costs_of(with_holes()),
    "maze": lambda: costs_of(gallery.serpentine(*SHAPE)),
    "uniform, many ties": lambda: costs_of(gallery.uniform(*SHAPE)),
    "uniform, four neighbours": lambda: costs_of(gallery.uniform(*SHAPE), neighbors="rook"),
    "directed": lambda: costs_of(lognormal(), "target"),
    "directed holes": lambda: costs_of(with_holes(), "target"),
    "eight orders of magnitude": lambda: costs_of(10 ** np.random.default_rng(45).uniform(-4, 4, SHAPE), "resistance"),
    "some steps free": costs_one_third_zero,
    "all steps free": lambda: jnp.where(jnp.isfinite(costs_of(with_holes())), 0.0, jnp.inf),
}
#: Where steps are free, equally cheap paths may differ in every step, and the two methods may choose different ones.
UNIQUE_GRADIENT = [name for name in COSTS if not name.endswith("free")]
every_landscape = pytest.mark.parametrize("name", COSTS)
both_directions = pytest.mark.parametrize("reverse", [False, True], ids=["away", "towards"])
#: Every cell has a different weight, so that no error is hidden by symmetry.
WEIGHTS = np.random.default_rng(46).uniform(0.5, 2, SHAPE)


def total(distance):
    return jnp.where(jnp.isfinite(distance), WEIGHTS * jnp.where(jnp.isfinite(distance), distance, 0.0), 0.0).sum()


def sweeping_with_gradient(costs, initial, reverse):
    distance, vjp = jax.vjp(lambda costs: fast_sweeping(costs, initial, reverse), costs)
    return distance, vjp(jax.grad(total)(distance))[0]


COMPILED_SWEEPING = jax.jit(sweeping_with_gradient, static_argnums=2)


def dijkstra_with_gradient(costs, sources, reverse):
    distance, vjp = jax.vjp(lambda costs: least_costs(costs, jnp.asarray(sources), reverse, True)[0], costs)
    return distance, vjp(jax.grad(total)(distance))[0]


@pytest.mark.costly_variants
@both_directions
@every_landscape
@pytest.mark.parametrize("sources", SOURCES)
def test_distances_match_dijkstra(name, sources, reverse):
    costs = COSTS[name]()
    result = COMPILED_SWEEPING(costs, initial_costs(jnp.asarray(SOURCES[sources]), SHAPE), reverse)[0]
    np.testing.assert_allclose(result, dijkstra_with_gradient(costs, SOURCES[sources], reverse)[0], rtol=1e-13)


@pytest.mark.costly_variants
@both_directions
@pytest.mark.parametrize("name", UNIQUE_GRADIENT)
@pytest.mark.parametrize("sources", SOURCES)
def test_gradients_match_dijkstra(name, sources, reverse):
    costs = COSTS[name]()
    result = COMPILED_SWEEPING(costs, initial_costs(jnp.asarray(SOURCES[sources]), SHAPE), reverse)[1]
    expected = dijkstra_with_gradient(costs, SOURCES[sources], reverse)[1]
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.costly
@both_directions
@every_landscape
def test_gradient_satisfies_eulers_theorem(name, reverse):
    """A least cost is homogeneous of degree one in the edge costs."""
    costs = COSTS[name]()
    distance, gradient = COMPILED_SWEEPING(costs, initial_costs(jnp.asarray(SOURCES["one"]), SHAPE), reverse)
    assert float((jnp.where(gradient == 0, 0.0, costs) * gradient).sum()) == pytest.approx(float(total(distance)))


@both_directions
@every_landscape
def test_gradient_is_a_conserved_flow(name, reverse):
    """The net inflow of every reached cell is its own weight."""
    costs, initial = COSTS[name](), initial_costs(jnp.asarray(SOURCES["several"]), SHAPE)
    distance, gradient = COMPILED_SWEEPING(costs, initial, reverse)
    inflow = StencilMatrix(jnp.zeros(SHAPE), gradient).transpose().edges.sum(0) - gradient.sum(0)
    expected = np.where(np.isfinite(distance) & (initial > 0), WEIGHTS, 0.0)
    np.testing.assert_allclose(jnp.where(initial > 0, -inflow if reverse else inflow, 0.0), expected, atol=1e-10)
    assert (gradient >= 0).all()


@pytest.mark.costly
@both_directions
def test_vmap_over_landscapes_matches_each(reverse):
    landscapes = jnp.stack([COSTS[name]() for name in ("random", "holes", "maze", "directed", "some steps free")])
    initial = initial_costs(jnp.asarray(SOURCES["one"]), SHAPE)
    results = jax.jit(jax.vmap(lambda costs: sweeping_with_gradient(costs, initial, reverse)))(landscapes)
    expected = [COMPILED_SWEEPING(costs, initial, reverse) for costs in landscapes]
    for batched, stacked in zip(results, map(jnp.stack, zip(*expected, strict=True)), strict=True):
        np.testing.assert_allclose(batched, stacked, rtol=1e-13, atol=1e-13)


def test_vmap_over_sources_matches_each():
    costs, sources = COSTS["directed holes"](), jnp.asarray(SOURCES["several"])
    result = jax.vmap(lambda source: fast_sweeping(costs, initial_costs(source[None], SHAPE), False))(sources)
    np.testing.assert_allclose(result, least_costs(costs, sources, False, False), rtol=1e-13)


def test_compiled_matches_eager():
    costs, initial = COSTS["holes"](), initial_costs(jnp.asarray(SOURCES["several"]), SHAPE)
    np.testing.assert_array_equal(fast_sweeping(costs, initial, False), COMPILED_SWEEPING(costs, initial, False)[0])


@pytest.mark.costly
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_degenerate_rasters_match_dijkstra(shape):
    costs = costs_of(np.random.default_rng(47).lognormal(size=shape))
    result = fast_sweeping(costs, initial_costs(jnp.array([0]), shape), False)
    np.testing.assert_allclose(result, least_costs(costs, jnp.array([0]), False, True)[0], rtol=1e-13)


def test_maze_distance_is_length_of_its_path():
    costs = costs_of(gallery.serpentine(9, 12), neighbors="rook")
    result = fast_sweeping(costs, initial_costs(jnp.array([0]), SHAPE), False)
    assert result[8, 11] == 5 * 12 + 4 - 1
