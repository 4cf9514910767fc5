"""Jacobians of all kinds of operations equal those of JAX's forward mode, dense and sparse, in several orders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from permea.engine.jacobians import jacve

GENERATOR = np.random.default_rng(7)
VECTOR = GENERATOR.uniform(0.2, 0.9, 6)
MATRIX = GENERATOR.uniform(0.2, 0.9, (3, 4))
OTHER = GENERATOR.uniform(0.2, 0.9, (4, 2))
SQUARE = 3 * np.eye(4) + GENERATOR.uniform(size=(4, 4))
STACK = GENERATOR.uniform(0.2, 0.9, (2, 3, 4))
SECOND_STACK = GENERATOR.uniform(0.2, 0.9, (2, 4, 2))


@jax.custom_jvp
def spike(voltage):
    """A spiking neuron's threshold, with a surrogate for its derivative."""
    return (voltage > 0.5).astype(voltage.dtype)


spike.defjvp(lambda primals, tangents: (spike(*primals), tangents[0] / (1 + jnp.abs(primals[0] - 0.5)) ** 2))


def leaky_integrate_and_fire(voltage, current):
    voltage = 0.9 * voltage + current
    spikes = spike(voltage)
    return voltage * (1 - spikes), spikes


def spiking_network(voltage, weights):
    def step(voltage, inputs):
        voltage, spikes = leaky_integrate_and_fire(voltage, inputs @ weights)
        return voltage, spikes

    return lax.scan(step, voltage, np.linspace(0, 1, 15).reshape(5, 3))


def double_both_branches(x):
    return jax.jit(lambda y: 2 * y + jnp.where(y > 0.3, y, 0))(x) * jax.jit(lambda y: 2 * y)(x)


UNARY = [
    *(jnp.sin, jnp.cos, jnp.tan, jnp.arcsin, jnp.arccos, jnp.arctan, jnp.sinh, jnp.cosh, jnp.tanh, jnp.arcsinh),
    *(jnp.arctanh, jnp.exp, jnp.exp2, jnp.expm1, jnp.log, jnp.log1p, jnp.sqrt, jnp.cbrt, lax.rsqrt, jnp.square),
    *(jnp.abs, jnp.negative, jnp.reciprocal, jnp.floor, jnp.sign, jnp.round, jax.nn.sigmoid, jax.nn.relu),
    *(jax.nn.softplus, jax.nn.gelu, jax.nn.silu, jax.scipy.special.erf, jax.scipy.special.erfinv),
    *(jax.scipy.special.gammaln, jax.scipy.special.digamma, jax.scipy.special.i0e, jnp.sinc),
    lambda x: jnp.arccosh(x + 1),
]
FUNCTIONS = {
    "functions of entries": (lambda x: [function(x) for function in UNARY], VECTOR),
    "functions of two entries": (
        lambda x, y: (x**y, jnp.arctan2(x, y), x**3, x / y, jnp.maximum(x, y), jnp.hypot(x, y), jnp.logaddexp(x, y)),
        VECTOR,
        VECTOR[::-1] + 0.1,
    ),
    "same operand twice": (lambda x: (x * x, x + x, x / x[:1], jnp.clip(x, 0.3, 0.6), lax.rem(x, x[::-1])), VECTOR),
    "broadcasting": (lambda a, x: (a * x[:4], a / a.sum(1, keepdims=True), x[0] * a), MATRIX, VECTOR),
    "reductions": (
        lambda a: (a.sum(0), a.prod(1), a.prod(), a.max(), a.min(0), a.mean(), a.std(1), jnp.linalg.norm(a)),
        MATRIX,
    ),
    "softmax": (lambda a: (jax.nn.logsumexp(a, axis=1), jax.nn.softmax(a)), MATRIX),
    "equal extremes": (lambda x: (jnp.max(x[jnp.array([1, 1, 0])]), jnp.maximum(x, x)), VECTOR),
    "cumulative functions": (
        lambda a: (jnp.cumsum(a, 0), jnp.cumprod(a, 1), lax.cummax(a, 1), lax.cumsum(a, 1, reverse=True)),
        MATRIX,
    ),
    "matrix products": (lambda a, b: (a @ b, jnp.einsum("ij,jk->k", a, b), jnp.tensordot(a, a)), MATRIX, OTHER),
    "batched products": (lambda a, b: (a @ b, jnp.einsum("bij,bjk->ikb", a, b)), STACK, SECOND_STACK),
    "convolution": (lambda x: jnp.convolve(x, jnp.array([1.0, 2.0, 3.0])), VECTOR),
    "shapes": (
        lambda a: (
            *(a.T.reshape(2, 6), a[:, ::2], a[::-1], jnp.pad(a, 1), jnp.roll(a, 1, 1), jnp.tile(a, (2, 1)), a[None]),
            *(jnp.concatenate([a, 2 * a]), jnp.repeat(a, 2, 0), jnp.split(a, 2, 1), jnp.diag(a[:3, :3]), jnp.tril(a)),
            *(jnp.stack([a, a]), lax.pad(a, 0.0, ((-1, 0, 1), (0, 1, 0))), a.astype(jnp.float32)),
        ),
        MATRIX,
    ),
    "fixed indices": (
        lambda x: (
            *(x[np.array([3, 0, 0])], x.at[np.array([1, 1, 4])].add(x[:3]), x.at[2].set(x[0] ** 2), jnp.take(x, 2)),
            *(x.at[np.array([1, 1])].set(x[:2]), lax.dynamic_slice(x, (2,), (3,)), x.at[1].subtract(x[3])),
            *(lax.dynamic_update_slice(x, 2 * x[:2], (3,)), x.at[np.array([1, 7])].add(x[:2], mode="drop")),
            jnp.take(x, np.array([0, 9, -1]), mode="fill", fill_value=0.0),
            jax.ops.segment_sum(x, np.array([0, 1, 1, 0, 2, 2]), 3),
        ),
        VECTOR,
    ),
    "indices from data": (
        lambda x: (
            *(x[jnp.argsort(x)], jnp.sort(x), x[jnp.argmax(x)], x.at[jnp.argsort(x)[:2]].add(x[1:3]), jnp.median(x)),
            *(x.at[jnp.argmin(x)].set(x[0] ** 2), lax.top_k(x, 3)[0], lax.dynamic_slice(x, (jnp.argmax(x),), (3,))),
            *(jnp.interp(x, np.linspace(0, 1, 5), np.arange(5.0) ** 2), jnp.sort(x.reshape(2, 3), 0)),
        ),
        VECTOR,
    ),
    "choices": (
        lambda x: (
            *(jnp.where(x > 0.5, jnp.sqrt(x - 0.5), 0.0), jnp.where(np.arange(6) % 2 > 0, x, x**2)),
            *(jnp.select([x < 0.3, x < 0.6], [x, 2 * x], 3 * x), lax.cond(x[0] > 0.5, jnp.sin, jnp.cos, x)),
        ),
        VECTOR,
    ),
    "linear algebra": (
        lambda a, x: (
            *(jnp.linalg.solve(a, x[:4]), jnp.linalg.inv(a), jnp.linalg.slogdet(a)[1], jnp.linalg.cholesky(a @ a.T)),
            *(jax.scipy.linalg.solve_triangular(a, x[:4]), jnp.linalg.eigvalsh(a + a.T)),
        ),
        SQUARE,
        VECTOR,
    ),
    "nested calls": (lambda x: (double_both_branches(x), jax.checkpoint(jnp.sin)(x), jax.vmap(jnp.cos)(x)), VECTOR),
    "loops": (
        lambda x: (
            *(lax.fori_loop(0, 3, lambda i, v: v * jnp.sin(v) + i, x), lax.map(jnp.sin, x)),
            *(lax.while_loop(lambda v: v.sum() < 10, lambda v: 1.5 * v, x), lax.associative_scan(jnp.multiply, x)),
            lax.scan(lambda c, y: (c * jnp.sin(y), c), x[0], jnp.tile(x, 12))[0],
        ),
        VECTOR,
    ),
    "own derivative": (lambda x: spike(x) * x, VECTOR),
    "spiking neuron": (leaky_integrate_and_fire, VECTOR, VECTOR[::-1]),
    "spiking network": (spiking_network, np.zeros(4), MATRIX),
}


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobians_equal_forward_mode(name):
    function, *arguments = FUNCTIONS[name]
    argnums = tuple(range(len(arguments)))
    expected = jax.jit(jax.jacfwd(function, argnums))(*arguments)
    for order in ("forward", "reverse", "markowitz_lowest"):
        result = jax.jit(jacve(function, order, argnums))(*arguments)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), result, expected)
        jax.tree.map(lambda a, b: assert_same_kind(a, b), result, expected)
    sparse = jax.jit(jacve(function, "best", argnums, sparse_representation=True))(*arguments)
    dense = jax.tree.map(lambda block: block.todense(), sparse, is_leaf=lambda block: hasattr(block, "todense"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), dense, expected)


def assert_same_kind(result, expected):
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)


def test_functions_with_a_pullback_are_differentiated_by_it():
    @jax.custom_vjp
    def weighted_sine(x, weights):
        return jnp.sin(x) * weights.sum()

    def backward(residuals, cotangent):
        x, weights = residuals
        return cotangent * jnp.cos(x) * weights.sum(), jnp.full_like(weights, jnp.vdot(cotangent, jnp.sin(x)))

    weighted_sine.defvjp(lambda x, weights: (weighted_sine(x, weights), (x, weights)), backward)
    expected = jax.jacrev(lambda x: weighted_sine(x, x**2))(VECTOR)
    for order in ("forward", "reverse"):
        result = jacve(lambda x: weighted_sine(x, x**2), order, 0)(VECTOR)
        np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_unselected_infinite_derivatives_do_no_harm():
    """The square root has an infinite derivative at zero, which a choice does not take."""
    x = np.array([0.0, 0.25])
    for order in ("forward", "reverse"):
        result = jacve(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), order, 0)(x)
        np.testing.assert_array_equal(result, [[0, 0], [0, 1]])
