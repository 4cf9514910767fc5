"""Any square linear operator (function, matrix, lineax operator) as one that maps blocks of vectors."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax.experimental import sparse
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ..linalg import StencilMatrix


class LinearOperator(eqx.Module):
    """A square linear operator that maps several vectors at once.

    Parameters
    ----------
    function
        Maps an array of shape (k, n) to one of shape (k, n), each row by itself.
    size
        n.
    dtype
        The float type of the vectors.
    shape
        Shape of the array that a vector stands for; (n,) by default.

    Examples
    --------
    >>> as_operator(jnp.array([[0.0, 2.0], [0.0, 1.0]]))(jnp.array([[1.0, 3.0]]))
    Array([[6., 3.]], dtype=float64)
    """

    function: Callable[[Array], Array]
    size: int = eqx.field(static=True)
    dtype: Any = eqx.field(static=True)
    shape: tuple[int, ...] | None = eqx.field(static=True, default=None)

    def __call__(self, vectors: Float[Array, "k n"]) -> Float[Array, "k n"]:
        """Return A v for each row v."""
        return self.function(vectors)

    def transpose(self) -> "LinearOperator":
        """Return Aᵀ; JAX must be able to transpose the function."""
        like = jax.ShapeDtypeStruct((1, self.size), self.dtype)
        # One vector at a time under `vmap`, because the number of vectors is not known here.
        one = jax.linear_transpose(lambda vectors: self.function(vectors), like)
        return LinearOperator(jax.vmap(lambda vector: one(vector[None])[0][0]), self.size, self.dtype, self.shape)


def as_operator(operator: Any, shape: Any = None, *, batched: bool = False) -> LinearOperator:
    """Return a linear operator as one that maps rows of flat vectors.

    Parameters
    ----------
    operator
        A square matrix (JAX, NumPy, SciPy sparse or BCOO), a `StencilMatrix`, a lineax operator, a `LinearOperator`,
        or a linear function.
    shape
        What a function takes: the number of values, the shape of an array, or a pytree of arrays or of
        `jax.ShapeDtypeStruct`. Not for other operators.
    batched
        Whether a function of an array of `shape` takes and returns a stack of them, of shape (k, *shape).

    Raises
    ------
    TypeError
        The operator is of no such kind, or of complex numbers.
    ValueError
        It is not square, or the shape of a function is missing or does not agree with what it returns.

    Examples
    --------
    >>> as_operator(lambda raster: 2 * raster, (3, 4)).size
    12
    """
    if isinstance(operator, LinearOperator):
        return operator
    if isinstance(operator, StencilMatrix):
        return _of_function(operator.apply, operator.center, batched=True)
    if hasattr(operator, "mv") and hasattr(operator, "in_structure"):
        return _of_function(operator.mv, operator.in_structure(), batched=False)
    if scipy.sparse.issparse(operator):
        operator = sparse.BCOO.from_scipy_sparse(operator)
    if hasattr(operator, "shape") and hasattr(operator, "__matmul__"):
        return _of_matrix(operator)
    if not callable(operator):
        raise TypeError(
            "operator must be a square matrix, a linear function, a StencilMatrix or a lineax operator, "
            f"not {type(operator).__name__}"
        )
    if shape is None:
        raise ValueError("a function as operator needs shape: the number of values, or the shape of the array it takes")
    return _of_function(operator, shape, batched=batched)


def _of_matrix(matrix: Any) -> LinearOperator:
    if isinstance(matrix, np.ndarray):
        matrix = jnp.asarray(matrix)
    if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a trace needs a square matrix, not one of shape {tuple(matrix.shape)}")
    dtype = _float_type(matrix.dtype)
    return LinearOperator(_MatrixProduct(matrix), matrix.shape[0], dtype)


class _MatrixProduct(eqx.Module):
    matrix: Any

    def __call__(self, vectors: Array) -> Array:
        return (self.matrix @ vectors.T).T.astype(vectors.dtype)


def _of_function(function: Callable, shape: Any, *, batched: bool) -> LinearOperator:
    structure = _structure(shape)
    leaves = jax.tree.leaves(structure)
    size = sum(int(np.prod(leaf.shape)) for leaf in leaves)
    if not size:
        raise ValueError("the operator's shape holds no value")
    dtype = _float_type(jnp.result_type(*(leaf.dtype for leaf in leaves)))
    if batched and not isinstance(structure, jax.ShapeDtypeStruct):
        raise ValueError("batched=True is for functions of one array, not of a pytree")
    like = jax.ShapeDtypeStruct((1, *structure.shape), structure.dtype) if batched else structure
    returned = jax.eval_shape(function, like)
    if jax.tree.structure(returned) != jax.tree.structure(like) or any(
        got.shape != expected.shape
        for got, expected in zip(jax.tree.leaves(returned), jax.tree.leaves(like), strict=True)
    ):
        raise ValueError(
            f"a trace needs an operator that returns what it takes: {_shapes(like)}, not {_shapes(returned)}"
        )
    for leaf in jax.tree.leaves(returned):
        _float_type(leaf.dtype)
    if batched:
        shape = structure.shape

        def apply(vectors: Array) -> Array:
            return function(vectors.reshape(-1, *shape).astype(structure.dtype)).reshape(vectors.shape).astype(dtype)

        return LinearOperator(apply, size, dtype, shape)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), structure)
    _, unravel = ravel_pytree(zeros)

    def apply_each(vectors: Array) -> Array:
        return jax.vmap(lambda vector: ravel_pytree(function(unravel(vector)))[0].astype(dtype))(vectors)

    return LinearOperator(apply_each, size, dtype, leaves[0].shape if len(leaves) == 1 else None)


def _structure(shape: Any) -> Any:
    """Return shapes and types; an int or a tuple of ints is the shape of one array."""
    if isinstance(shape, (int, np.integer)) and not isinstance(shape, bool):
        shape = (int(shape),)
    if isinstance(shape, tuple) and all(isinstance(length, (int, np.integer)) for length in shape):
        if any(length < 1 for length in shape):
            raise ValueError(f"the operator's shape must be of positive lengths, not {shape}")
        return jax.ShapeDtypeStruct(tuple(int(length) for length in shape), jnp.result_type(float))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, _float_type(leaf.dtype)), shape)


def _float_type(dtype: Any) -> Any:
    """Return the float type for vectors, or raise for complex numbers."""
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"the operator must be of real numbers, not of {dtype}")
    return jnp.dtype(dtype) if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)


def _shapes(structure: Any) -> str:
    shapes = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(structure)]
    return ", ".join(shapes) or "nothing"
