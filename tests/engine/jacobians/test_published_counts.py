"""Numbers of operations of nine functions, as published."""

import jax
import numpy as np
import pytest
from reference_jacobians import COUNTED_FUNCTIONS

from permea.engine.jacobians import elimination_orders, jacve

ORDERS = ("forward", "reverse", "markowitz_lowest", "markowitz_highest")


@pytest.mark.parametrize("name", COUNTED_FUNCTIONS)
def test_named_orders_take_the_published_multiplications(name):
    counted = COUNTED_FUNCTIONS[name]
    argnums = tuple(range(len(counted.arguments)))
    orders = elimination_orders(counted.function, *counted.arguments, argnums=argnums)
    assert {order: orders[order].num_muls for order in ORDERS} == {order: getattr(counted, order) for order in ORDERS}
    assert (orders["forward"].num_adds, orders["reverse"].num_adds) == counted.additions


def test_published_order_of_helmholtz_takes_33_multiplications():
    counted = COUNTED_FUNCTIONS["helmholtz"]
    _, counts = jacve(counted.function, [2, 5, 4, 3, 1], count_ops=True)(*counted.arguments)
    assert counts["num_muls"] == 33
    assert [vertex for vertex, _ in counts["order_counts"]] == [2, 5, 4, 3, 1]
    assert sum(count for _, count in counts["order_counts"]) == 33


def test_best_order_of_the_robot_arm_takes_221_multiplications():
    counted = COUNTED_FUNCTIONS["robot arm"]
    _, counts = jacve(counted.function, "best", range(6), count_ops=True)(*counted.arguments)
    assert counts["num_muls"] == 221


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", COUNTED_FUNCTIONS)
@pytest.mark.costly_variants
def test_jacobians_of_the_counted_functions_equal_both_modes(name, order):
    counted = COUNTED_FUNCTIONS[name]
    argnums = tuple(range(len(counted.arguments)))
    result = jacve(counted.function, order, argnums)(*counted.arguments)
    for mode in (jax.jacfwd, jax.jacrev):
        expected = mode(counted.function, argnums)(*counted.arguments)
        assert jax.tree.structure(result) == jax.tree.structure(expected)
        defined = 0
        for row, expected_row in zip(result, expected, strict=True):
            if np.all([np.isfinite(entry).all() for entry in expected_row]):
                scale = max(np.abs(entry).max() for entry in expected_row)
                for entry, expected_entry in zip(row, expected_row, strict=True):
                    np.testing.assert_allclose(entry, expected_entry, rtol=1e-10, atol=1e-12 * scale)
                defined += 1
        # An undefined result of the random graph makes products of zero and NaN of all that reverse mode returns.
        assert defined == len(expected) - (name == "random graph") or (mode is jax.jacrev and name == "random graph")
