"""Jacobians of the residuals of a network: the net current of each node."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, LCPDistance, ResistanceDistance
from permea.engine.jacobians import elimination_orders, jacve

ORDERS = ("forward", "reverse", "markowitz_lowest", "markowitz_highest", "best")


def residual_of_square(length):
    """Return the net currents of a square of nodes, as a function of the nodes' permeability and potential."""
    nodes = np.arange(length**2).reshape(length, length)
    first = np.concatenate([nodes[:, :-1].ravel(), nodes[:-1].ravel()])
    second = np.concatenate([nodes[:, 1:].ravel(), nodes[1:].ravel()])

    def residual(permeability, potential):
        conductance = 2 / (1 / permeability[first] + 1 / permeability[second])
        flow = conductance * (potential[first] - potential[second])
        return jnp.zeros(length**2).at[first].add(flow).at[second].add(-flow)

    generator = np.random.default_rng(1)
    return residual, generator.lognormal(size=length**2), generator.normal(size=length**2)


@pytest.mark.costly_variants
@pytest.mark.parametrize("order", ORDERS)
def test_residuals_equal_forward_and_reverse_mode(order):
    residual, *arguments = residual_of_square(6)
    expected = jax.jacfwd(residual, (0, 1))(*arguments)
    result = jax.jit(jacve(residual, order, (0, 1)))(*arguments)
    sparse = jax.jit(jacve(residual, order, (0, 1), sparse_representation=True))(*arguments)
    for block, sparse_block, *both in zip(
        result, sparse, expected, jax.jacrev(residual, (0, 1))(*arguments), strict=True
    ):
        for mode in both:
            np.testing.assert_allclose(block, mode, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(sparse_block.todense(), mode, rtol=1e-11, atol=1e-13)


def test_pattern_is_that_of_the_network():
    """900 diagonal entries and one for each direction of 1740 edges, of 810 000."""
    residual, *arguments = residual_of_square(30)
    jacobian = jacve(residual, "best", 1, sparse_representation=True)(*arguments)
    assert jacobian.nse == 900 + 2 * 1740


def test_markowitz_orders_take_fewer_operations_than_both_modes():
    """Two steps of a reaction and diffusion, whose middle is sparse."""
    residual, permeability, potential = residual_of_square(10)

    def two_steps(potential):
        for _ in range(2):
            potential = potential + 0.1 * (jax.nn.sigmoid(potential) - residual(permeability, potential))
        return potential

    orders = elimination_orders(two_steps, potential)
    both_modes = min(orders["forward"].num_muls, orders["reverse"].num_muls)
    assert min(orders["markowitz_lowest"].num_muls, orders["markowitz_highest"].num_muls) < 0.9 * both_modes
    np.testing.assert_allclose(
        jax.jit(jacve(two_steps, "best", 0))(potential), jax.jacfwd(two_steps)(potential), atol=1e-12
    )


def test_residuals_map_over_landscapes():
    residual, permeability, potential = residual_of_square(4)
    batch = permeability * np.array([[1.0], [2.0], [3.0]])
    result = jax.vmap(jacve(lambda p: residual(p, potential), "best", 0))(batch)
    expected = jax.vmap(jax.jacrev(lambda p: residual(p, potential)))(batch)
    np.testing.assert_allclose(result, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.costly
@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance()], ids=["least cost", "resistance"])
def test_distances_by_classes_equal_reverse_mode(distance):
    """Three pairs by the permeability of four land-cover classes."""
    classes = np.random.default_rng(0).integers(4, size=(4, 5))
    sources, targets = np.array([0, 7]), np.array([19, 13, 4])

    def distances(permeability):
        grid = GridGraph(permeability[classes], np.ones(classes.shape, bool), classes.size)
        return distance(grid, sources)[:, targets]

    permeability = np.array([0.5, 1.0, 2.0, 3.0])
    expected = jax.jacrev(distances)(permeability)
    result = jax.jit(jacve(distances, "best", 0))(permeability)
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)
