"""Partial derivatives of whole blocks: full matrices from JAX's own derivatives of the block.

Factorisations, linear solves, convolutions, branches and loops are not taken apart: every result of the block may
depend on every operand.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from .index_rules import require_size
from .partial import Application, Partial, size
from .pattern import full

#: Blocks that JAX differentiates forward and backward.
BLOCKS = frozenset(
    """cholesky cond conv_general_dilated eigh householder_product linear_solve lu qr
    reduce_window_max reduce_window_min reduce_window_sum scan svd triangular_solve tridiagonal_solve""".split()
)
#: Blocks that JAX differentiates only forward.
FORWARD_BLOCKS = frozenset(["while"])
#: Blocks that JAX differentiates only backward.
BACKWARD_BLOCKS = frozenset(["custom_vjp_call", "custom_vjp_call_jaxpr"])


def block(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of all results of a block by all its operands."""
    for operand in application.active:
        for result, value in enumerate(application.results):
            if jnp.issubdtype(value.dtype, jnp.inexact):
                shape = (size(value), size(application.operands[operand]))
                require_size(application, shape, "it is not taken apart: let it have fewer results or operands")
                yield Partial(
                    result, operand, full(*shape), lambda r=result, o=operand: _jacobian(application, r, o).ravel()
                )


def _jacobian(application: Application, result: int, operand: int) -> jax.Array:
    name = application.primitive.name
    value = jnp.asarray(application.operands[operand])

    def function(value: jax.Array) -> jax.Array:
        return application.bind_one(operand, value)[result]

    forward = name in FORWARD_BLOCKS or size(value) <= size(application.results[result])
    if name in BACKWARD_BLOCKS or not forward:
        return jax.jacrev(function)(value)
    return jax.jacfwd(function)(value)
