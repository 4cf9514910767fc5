"""Divergence of fields: linear ones, stencils on rasters and nonlinear ones, against the full Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine.traces import diagonal_colouring, divergence, jacobian_sparsity, sparse_divergence


def stretched(x):
    return jnp.array([1.0, 2.0, 3.0]) * x


def nonlinear(x):
    return jnp.sin(x) * jnp.roll(x, 1) + jnp.outer(x, x).sum(0) * x**2


def reaction_diffusion(u, *, reach=((1, 0), (-1, 0), (0, 1), (0, -1))):
    """A field that depends on the neighbours of each cell, by harmonic means of a permeability that depends on u."""
    permeability = 1 + u**2
    padded, padded_permeability = jnp.pad(u, 1), jnp.pad(permeability, 1, mode="edge")
    rows, columns = u.shape
    total = u * (1 - u) * jnp.exp(-u)
    for down, across in reach:
        window = slice(1 + down, 1 + down + rows), slice(1 + across, 1 + across + columns)
        conductance = 2 / (1 / permeability + 1 / padded_permeability[window])
        total = total + jnp.where(padded[window] > 5, 0.0, conductance * (padded[window] - u))
    return total


QUEEN = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
FIELDS = {"linear": (stretched, (3,)), "nonlinear": (nonlinear, (7,)), "raster": (reaction_diffusion, (5, 6))}


def full(f, x):
    return jnp.trace(jax.jacfwd(f)(x).reshape(x.size, x.size))


@pytest.mark.parametrize("name", FIELDS)
def test_exact_forms_agree_with_the_jacobian(name):
    f, shape = FIELDS[name]
    x = jnp.asarray(np.random.default_rng(0).normal(size=shape))
    for value in (divergence(f, -1)(x), divergence(f, 0)(x), sparse_divergence(f)(x)):
        np.testing.assert_allclose(value, full(f, x), rtol=1e-12)


def test_published_numbers():
    x = jnp.ones(3)
    assert divergence(stretched, -1, True)(x, None) == 6
    assert divergence(stretched, 0, True)(x, None) == 6
    np.testing.assert_allclose(divergence(stretched, 1000, False)(x, jax.random.PRNGKey(0)), 6.0000005, rtol=1e-6)
    # The published number was drawn in single precision by the older way of splitting keys.
    with jax.threefry_partitionable(False):
        value = divergence(stretched, 1000, True)(x.astype(jnp.float32), jax.random.PRNGKey(0))
    np.testing.assert_allclose(value, 6.1945615, rtol=1e-6)


def test_gaussian_probes_are_right_within_their_error():
    value, error = divergence(stretched, 1000, True, standard_error=True)(jnp.ones(3), jax.random.key(1))
    # The variance is 2‖A‖² / k.
    np.testing.assert_allclose(error, np.sqrt(2 * 14 / 1000), rtol=0.15)
    assert abs(value - 6) < 3 * error


@pytest.mark.costly_variants
@pytest.mark.parametrize("n", [0, -1, 5])
def test_gradient_and_vmap(n):
    x, key = jnp.asarray(np.random.default_rng(1).normal(size=(2, 7))), jax.random.key(0)
    field = divergence(nonlinear, n)
    values = jax.jit(jax.vmap(lambda each: field(each, key)))(x)
    np.testing.assert_allclose(values, [field(each, key) for each in x], rtol=1e-12)
    gradient = jax.grad(lambda each: field(each, key))(x[0])
    step = 1e-5 * jnp.eye(7)
    expected = [(field(x[0] + h, key) - field(x[0] - h, key)) / 2e-5 for h in step]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7)


def test_gradient_of_the_sparse_divergence():
    u = jnp.asarray(np.random.default_rng(2).normal(size=(5, 6)))
    np.testing.assert_allclose(
        jax.jit(jax.grad(sparse_divergence(reaction_diffusion)))(u),
        jax.grad(lambda u: full(reaction_diffusion, u))(u),
        rtol=1e-10,
    )


@pytest.mark.parametrize(("offsets", "colours"), [(FIELDS["raster"], 2), (QUEEN, 4)], ids=["rook", "queen"])
@pytest.mark.parametrize("side", [8, 60])
@pytest.mark.costly_variants
def test_stencil_takes_few_colours_at_any_size(offsets, colours, side):
    f = reaction_diffusion if colours == 2 else lambda u: reaction_diffusion(u, reach=QUEEN)
    u = jnp.asarray(np.random.default_rng(3).normal(size=(side, side + 1)))
    pattern = jacobian_sparsity(f, u)
    assert diagonal_colouring(pattern).max() + 1 == colours
    if side == 8:
        np.testing.assert_array_equal(pattern.toarray(), jax.jacfwd(f)(u).reshape(u.size, u.size) != 0)
    detected = sparse_divergence(f)(u)
    np.testing.assert_allclose(sparse_divergence(f, "rook" if colours == 2 else "queen")(u), detected, rtol=1e-12)
    np.testing.assert_allclose(sparse_divergence(f, pattern)(u), detected, rtol=1e-12)


def convolved(x):
    kernel = jnp.arange(1.0, 10).reshape(1, 1, 3, 3)
    return jax.lax.conv_general_dilated(x[None, None], kernel, (1, 1), "SAME")[0, 0] * x


def scattered(x):
    index = jnp.array([[0, 3], [5, 1], [2, 2]])
    flat = x.ravel()
    return jnp.zeros(x.size).at[index[:, 0]].add(flat[index[:, 1]] ** 2).at[4].set(flat[0]).reshape(x.shape)


@pytest.mark.parametrize(
    "f",
    [
        convolved,
        scattered,
        lambda x: jnp.cumsum(x, 0) * x,
        lambda x: x @ jnp.ones((4, 4)) + jnp.einsum("ij,jk->ik", jnp.eye(3), x),
        lambda x: jnp.where(x.sum(0) > 0, x, jnp.flip(x, 1)).max(1, keepdims=True) * x,
        lambda x: jax.lax.fori_loop(0, 2, lambda _, y: y + jnp.roll(x, 1, 0), x),
        lambda x: jnp.concatenate([x[1:], x[:1] * 2]) + jnp.sort(x.ravel())[0],
        lambda x: x[jnp.argsort(x[:, 0])],
        lambda x: jax.lax.stop_gradient(x) * 2 + jnp.ones((3, 4)),
    ],
)
def test_detected_sparsity_holds_every_entry(f):
    x = jnp.asarray(np.random.default_rng(4).normal(size=(3, 4)))
    missing = (jax.jacfwd(f)(x).reshape(12, 12) != 0) & ~jacobian_sparsity(f, x).toarray()
    assert not missing.any()
    np.testing.assert_allclose(jax.jit(sparse_divergence(f))(x), full(f, x), rtol=1e-12, atol=1e-14)


def test_convolution_is_as_sparse_as_its_kernel():
    pattern = jacobian_sparsity(convolved, jnp.ones((6, 7)))
    np.testing.assert_array_equal(pattern.toarray(), jax.jacfwd(convolved)(jnp.ones((6, 7))).reshape(42, 42) != 0)


def test_operation_without_known_sparsity_is_named():
    with pytest.raises(ValueError, match=r"operation 'cumsum' is not known.*10,000 × 10,000 entries"):
        jacobian_sparsity(jnp.cumsum, jnp.ones(10_000))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: divergence(stretched, -3), ValueError, r"n must be -1 \(full Jacobian\), 0 .* probes, not -3"),
        (lambda: divergence(stretched, 2.5), TypeError, "n must be a whole number, not 2.5|'n'.*\\n.*2.5"),
        (lambda: divergence(stretched, True), TypeError, "n must be a whole number, not True"),
        (lambda: divergence(stretched, 4)(jnp.ones(3)), ValueError, "4 random probes need a key"),
        (lambda: divergence(jnp.sum)(jnp.ones(3)), ValueError, r"keeps the shape \(3,\); it returns .* shape \(\)"),
        (lambda: divergence(stretched)(jnp.ones(3, int)), TypeError, "array of floats .* not of int64|i64"),
        (lambda: sparse_divergence(stretched, "king")(jnp.ones(3)), ValueError, "'rook', 'queen', a matrix or None"),
        (lambda: sparse_divergence(stretched, "rook")(jnp.ones(3)), ValueError, r"rasters.* not for shape \(3,\)"),
        (lambda: sparse_divergence(stretched, np.eye(4))(jnp.ones(3)), ValueError, "for 4 values, but x has 3"),
        (lambda: diagonal_colouring(np.ones((2, 3))), ValueError, r"square matrix, not one of shape \(2, 3\)"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
