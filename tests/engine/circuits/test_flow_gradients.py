"""Gradients of current maps against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense

from permea.engine import GridGraph
from permea.engine.circuits.differentiable import cumulative_current_map, current_map, potential_map
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.graph.focal_nodes import FocalNodes

RTOL = 1e-6


def rough(rows=6, columns=5, seed=3):
    rng = np.random.default_rng(seed)
    landscape = np.exp(rng.normal(size=(rows, columns)))
    landscape[2, 1] = landscape[4, 3] = 0.0
    return landscape


def injected_between(shape, source, target):
    return jnp.zeros(shape).at[source].set(1.0).at[target].add(-1.0)


WEIGHTS = jnp.asarray(np.random.default_rng(5).normal(size=(6, 5)))
REGION = np.array([6, 7, 11])
FIXED = np.zeros((6, 5), bool)
FIXED[5, 2] = True
GROUNDS = jnp.zeros((6, 5)).at[0, 4].set(0.4).at[3, 0].set(2.0)

FUNCTIONS = {
    "between points": lambda grid: current_map(grid, injected_between(grid.shape, (0, 0), (5, 4))),
    "with a short circuit": lambda grid: current_map(
        grid, injected_between(grid.shape, (0, 0), (5, 4)), short_circuits=[REGION]
    ),
    "out of a short circuit": lambda grid: current_map(
        grid, injected_between(grid.shape, (1, 1), (5, 4)), short_circuits=[REGION]
    ),
    "to grounds": lambda grid: current_map(
        grid, jnp.zeros(grid.shape).at[1, 2].set(1.0), grounds=GROUNDS, fixed=jnp.asarray(FIXED)
    ),
    "potentials": lambda grid: potential_map(
        grid, jnp.zeros(grid.shape).at[1, 2].set(1.0), grounds=GROUNDS, fixed=jnp.asarray(FIXED)
    ),
    "of all pairs": lambda grid: cumulative_current_map(grid, [0, 12, 20, 27]),
}


CASES = [*((name, "mean") for name in FUNCTIONS), ("between points", "resistance"), ("to grounds", "resistance")]


@pytest.mark.long
@pytest.mark.parametrize(("name", "edge_rule"), CASES)
def test_map_gradient_matches_finite_differences(name, edge_rule):
    landscape = rough()
    active = landscape > 0

    def value(permeability):
        grid = GridGraph(permeability, active, int(active.sum()), edge_rule=edge_rule)
        return (FUNCTIONS[name](grid) * WEIGHTS).sum()

    gradient = np.asarray(jax.grad(value)(jnp.asarray(landscape)))
    expected = reference_dense.gradient(lambda permeability: float(value(jnp.asarray(permeability))), landscape)
    np.testing.assert_allclose(gradient, expected, atol=RTOL * np.abs(expected).max())


def test_ground_and_source_gradients_match_finite_differences():
    grid = GridGraph(rough())
    injected = jnp.zeros(grid.shape).at[1, 2].set(1.0)

    def value(grounds, injected):
        return (potential_map(grid, injected, grounds=grounds, fixed=jnp.asarray(FIXED)) * WEIGHTS).sum()

    ground_gradient, injected_gradient = jax.grad(value, (0, 1))(GROUNDS, injected)
    expected = reference_dense.gradient(
        lambda grounds: float(value(jnp.asarray(grounds), injected)), np.asarray(GROUNDS)
    )
    grounded = np.asarray(GROUNDS) > 0
    np.testing.assert_allclose(np.asarray(ground_gradient)[grounded], expected[grounded], rtol=1e-5)
    # Potentials are linear in the injected currents.
    np.testing.assert_allclose((injected_gradient * injected).sum(), value(GROUNDS, injected), rtol=1e-9)


def test_differentiable_map_equals_cumulative_map():
    landscape = rough()
    grid = GridGraph(landscape)
    cells = np.flatnonzero(landscape.ravel() > 0)[[0, 12, 20, 27]]
    focal = FocalNodes(np.arange(4), tuple(cells[:, None]))
    total = Pairwise(GridCircuit(grid, [REGION]), focal).cumulative().total
    result = cumulative_current_map(grid, [0, 12, 20, 27], short_circuits=[REGION])
    np.testing.assert_allclose(np.asarray(result), np.nan_to_num(total), atol=1e-9)


def test_unbalanced_currents_raise():
    grid = GridGraph(rough())
    with pytest.raises(ValueError, match="a component without a ground sum to 1 A"):
        current_map(grid, jnp.zeros(grid.shape).at[0, 0].set(1.0))
    with pytest.raises(ValueError, match="jax.jit"):
        jax.jit(lambda p: current_map(GridGraph(p, rough() > 0, 28), injected_between((6, 5), (0, 0), (5, 4))))(rough())
