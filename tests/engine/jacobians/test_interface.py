"""What `jacve` takes and returns, and the errors it raises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine.jacobians import elimination_orders, jacve


def flow(conductances, voltages, scale):
    return {"flow": scale * conductances * jnp.sin(voltages[1:] - voltages[:-1])}


ARGUMENTS = (np.array([2.0, 3.0]), np.array([0.0, 1.0, 1.5]), 2.0)


@pytest.mark.parametrize("argnums", [0, 1, (0,), (2, 0), -1])
def test_structure_is_that_of_reverse_mode(argnums):
    expected = jax.jacrev(flow, argnums)(*ARGUMENTS)
    result = jacve(flow, "best", argnums)(*ARGUMENTS)
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14), result, expected)


def test_arguments_and_results_may_be_trees():
    def function(tree, factor):
        return [factor * tree["a"] ** 2, (tree["a"].sum() * tree["b"][0],)]

    tree = {"a": np.array([1.0, 2.0]), "b": [np.array([3.0])]}
    expected = jax.jacrev(function)(tree, 2.0)
    result = jacve(function, "reverse", 0)(tree, factor=2.0)
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_allclose, result, expected)


def test_results_that_are_arguments_have_the_identity():
    result = jacve(lambda x, y: (x, y, jnp.zeros(2)), "forward", (0, 1))(np.ones(2), np.ones(3))
    expected = ((np.eye(2), np.zeros((2, 3))), (np.zeros((3, 2)), np.eye(3)), (np.zeros((2, 2)), np.zeros((2, 3))))
    jax.tree.map(np.testing.assert_array_equal, result, expected)


def test_value_and_counts_are_returned_on_request():
    value, jacobian = jacve(flow, "forward", 0, has_aux=True)(*ARGUMENTS)
    np.testing.assert_allclose(value["flow"], flow(*ARGUMENTS)["flow"])
    (same_value, same_jacobian), counts = jacve(flow, "forward", 0, True, True)(*ARGUMENTS)
    np.testing.assert_array_equal(same_jacobian["flow"], jacobian["flow"])
    np.testing.assert_array_equal(same_value["flow"], value["flow"])
    orders = elimination_orders(flow, *ARGUMENTS, argnums=0)
    assert counts["num_muls"] == orders["forward"].num_muls == sum(muls for _, muls in counts["order_counts"])
    assert [vertex for vertex, _ in counts["order_counts"]] == orders["forward"].order
    assert counts["num_adds"] == orders["forward"].num_adds


def test_orders_are_known_from_shapes_only():
    shapes = [jax.ShapeDtypeStruct(np.shape(value), float) for value in ARGUMENTS]
    assert elimination_orders(flow, *shapes) == elimination_orders(flow, *ARGUMENTS)


def test_an_explicit_order_has_the_counts_of_its_name():
    orders = elimination_orders(flow, *ARGUMENTS, argnums=(0, 1))
    for order in orders.values():
        _, counts = jacve(flow, order.order, (0, 1), count_ops=True)(*ARGUMENTS)
        assert counts["num_muls"] == order.num_muls


def test_maps_over_batches():
    batch = np.random.default_rng(0).uniform(size=(5, 3))
    mapped = jax.jit(jax.vmap(jacve(lambda v: flow(ARGUMENTS[0], v, 2.0)["flow"], "best", 0)))(batch)
    expected = jax.vmap(jax.jacfwd(lambda v: flow(ARGUMENTS[0], v, 2.0)["flow"]))(batch)
    np.testing.assert_allclose(mapped, expected, rtol=1e-13)


@pytest.mark.costly
def test_jacobians_can_be_differentiated():
    def function(x):
        return jnp.sum(jnp.sin(x) * x[::-1] ** 2)

    x = np.array([0.1, 0.4, 0.7])
    hessian = jacve(jacve(function, "reverse", 0), "best", 0)(x)
    np.testing.assert_allclose(hessian, jax.hessian(function)(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        jax.jacfwd(jacve(function, "reverse", 0))(x), jax.hessian(function)(x), rtol=1e-12, atol=1e-13
    )


def test_single_precision_stays_single():
    x = np.array([1.0, 2.0], np.float32)
    result = jacve(lambda x: jnp.sum(2 * x) * x, "best", 0)(x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, jax.jacfwd(lambda x: jnp.sum(2 * x) * x)(x), rtol=1e-6)


def test_unknown_primitives_are_named():
    def doubled(x):
        return jax.pure_callback(lambda x: 2 * x, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    with pytest.raises(NotImplementedError, match="no rule for the primitive 'pure_callback'"):
        jacve(doubled, "forward")(np.ones(2))


def test_complex_numbers_are_refused():
    with pytest.raises(NotImplementedError, match="complex"):
        jacve(lambda x: jnp.abs(jnp.fft.fft(x)), "forward")(np.ones(4))


def test_missing_vertices_are_named():
    with pytest.raises(ValueError, match=r"misses the vertices \[1, 3\]"):
        jacve(lambda x: jnp.log(jnp.cos(jnp.sin(jnp.exp(x)))), [2])(1.0)


def test_vertices_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match=r"vertices \[0, 9\], but they run from 1 to 3"):
        jacve(lambda x: jnp.cos(jnp.sin(jnp.exp(x))), [2, 1, 9, 0])(1.0)


def test_repeated_vertices_are_named():
    with pytest.raises(ValueError, match=r"vertices \[2\] more than once"):
        jacve(lambda x: jnp.cos(jnp.sin(jnp.exp(x))), [2, 1, 2])(1.0)


def test_unknown_orders_are_named():
    with pytest.raises(ValueError, match="order is 'backwards'; it must be one of 'best', 'forward'"):
        jacve(jnp.sin, "backwards")(1.0)


@pytest.mark.parametrize(("argument", "named"), [(np.arange(3), "int64"), (np.ones(3, complex), "complex128")])
def test_arguments_must_be_real(argument, named):
    with pytest.raises(TypeError, match=f"argument 0 .* real numbers; one of them is {named}"):
        jacve(jnp.square, "forward")(argument)


def test_results_must_be_real():
    with pytest.raises(TypeError, match="results must be real numbers, but one is int"):
        jacve(lambda x: jnp.argsort(x), "forward")(np.ones(3))


def test_arguments_must_exist():
    with pytest.raises(ValueError, match=r"argnums names the arguments \[3\], but the function was called with 1"):
        jacve(jnp.sin, "forward", 3)(1.0)


def test_selections_from_data_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="full matrix of 20000 by 20000 entries"):
        jax.jit(jacve(lambda x, i: x[i], "forward", sparse_representation=True))(np.ones(20000), np.arange(20000))


def test_blocks_that_do_not_fit_are_refused():
    @jax.custom_vjp
    def reversed_entries(x):
        return x[::-1]

    reversed_entries.defvjp(lambda x: (x[::-1], None), lambda _, cotangent: (cotangent[::-1],))
    with pytest.raises(ValueError, match="custom_vjp_call is a full matrix of 20000 by 20000 .* not taken apart"):
        jacve(reversed_entries, "reverse")(np.ones(20000))


def test_constant_indices_keep_the_jacobian_sparse():
    (jacobian,) = jacve(lambda x, i: x[i], "forward", sparse_representation=True)(np.ones(20000), np.arange(20000))
    assert jacobian.nse == 20000
