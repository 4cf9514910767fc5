"""Current maps change with the landscape as finite differences say."""

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

ACCURATE = 1e-6


def rough(rows=6, columns=5, seed=3):
    rng = np.random.default_rng(seed)
    landscape = np.exp(rng.normal(size=(rows, columns)))
    landscape[2, 1] = landscape[4, 3] = 0.0
    return landscape


def fed_between(shape, source, target):
    return jnp.zeros(shape).at[source].set(1.0).at[target].add(-1.0)


WEIGHTS = jnp.asarray(np.random.default_rng(5).normal(size=(6, 5)))
REGION = np.array([6, 7, 11])
HELD = np.zeros((6, 5), bool)
HELD[5, 2] = True
GROUNDS = jnp.zeros((6, 5)).at[0, 4].set(0.4).at[3, 0].set(2.0)

FUNCTIONS = {
    "between points": lambda grid: current_map(grid, fed_between(grid.shape, (0, 0), (5, 4))),
    "with a short circuit": lambda grid: current_map(
        grid, fed_between(grid.shape, (0, 0), (5, 4)), short_circuits=[REGION]
    ),
    "out of a short circuit": lambda grid: current_map(
        grid, fed_between(grid.shape, (1, 1), (5, 4)), short_circuits=[REGION]
    ),
    "to grounds": lambda grid: current_map(
        grid, jnp.zeros(grid.shape).at[1, 2].set(1.0), grounds=GROUNDS, fixed=jnp.asarray(HELD)
    ),
    "potentials": lambda grid: potential_map(
        grid, jnp.zeros(grid.shape).at[1, 2].set(1.0), grounds=GROUNDS, fixed=jnp.asarray(HELD)
    ),
    "of all pairs": lambda grid: cumulative_current_map(grid, [0, 12, 20, 27]),
}


CASES = [*((name, "mean") for name in FUNCTIONS), ("between points", "resistance"), ("to grounds", "resistance")]


@pytest.mark.parametrize(("name", "edge_rule"), CASES)
def test_the_gradient_of_a_map_is_that_of_finite_differences(name, edge_rule):
    landscape = rough()
    active = landscape > 0

    def value(permeability):
        grid = GridGraph(permeability, active, int(active.sum()), edge_rule=edge_rule)
        return (FUNCTIONS[name](grid) * WEIGHTS).sum()

    gradient = np.asarray(jax.grad(value)(jnp.asarray(landscape)))
    expected = reference_dense.slopes(lambda permeability: float(value(jnp.asarray(permeability))), landscape)
    np.testing.assert_allclose(gradient, expected, atol=ACCURATE * np.abs(expected).max())


def test_the_gradient_with_respect_to_grounds_and_sources_is_that_of_finite_differences():
    grid = GridGraph(rough())
    fed = jnp.zeros(grid.shape).at[1, 2].set(1.0)

    def value(grounds, fed):
        return (potential_map(grid, fed, grounds=grounds, fixed=jnp.asarray(HELD)) * WEIGHTS).sum()

    at_grounds, at_fed = jax.grad(value, (0, 1))(GROUNDS, fed)
    slopes = reference_dense.slopes(lambda grounds: float(value(jnp.asarray(grounds), fed)), np.asarray(GROUNDS))
    here = np.asarray(GROUNDS) > 0
    np.testing.assert_allclose(np.asarray(at_grounds)[here], slopes[here], rtol=1e-5)
    # Potentials are linear in what is fed.
    np.testing.assert_allclose((at_fed * fed).sum(), value(GROUNDS, fed), rtol=1e-9)


def test_the_differentiable_map_is_the_map():
    landscape = rough()
    grid = GridGraph(landscape)
    cells = np.flatnonzero(landscape.ravel() > 0)[[0, 12, 20, 27]]
    focal = FocalNodes(np.arange(4), tuple(cells[:, None]))
    total = Pairwise(GridCircuit(grid, [REGION]), focal).cumulative().total
    found = cumulative_current_map(grid, [0, 12, 20, 27], short_circuits=[REGION])
    np.testing.assert_allclose(np.asarray(found), np.nan_to_num(total), atol=1e-9)


def test_what_cannot_leave_is_refused():
    grid = GridGraph(rough())
    with pytest.raises(ValueError, match="1 A more enter than leave a component without a ground"):
        current_map(grid, jnp.zeros(grid.shape).at[0, 0].set(1.0))
    with pytest.raises(ValueError, match="jax.jit"):
        jax.jit(lambda p: current_map(GridGraph(p, rough() > 0, 28), fed_between((6, 5), (0, 0), (5, 4))))(rough())
