"""Partial derivatives of sums, products and extremes along axes, and of contractions of two arrays."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from .index_rules import along_fibers
from .partial import Application, Partial, size
from .pattern import Pattern


def reduced_pattern(shape: tuple[int, ...], axes: tuple[int, ...]) -> Pattern:
    """Return the pattern of a reduction: each entry belongs to one result.

    Examples
    --------
    >>> reduced_pattern((2, 2), (0,)).rows
    array([0, 1, 0, 1])
    """
    remaining = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    results = np.arange(int(np.prod(remaining))).reshape(remaining)
    rows = np.broadcast_to(results, shape).ravel()
    return Pattern(rows, np.arange(len(rows)), (results.size, len(rows)))


def reduced_sum(application: Application) -> Iterator[Partial]:
    """Yield the derivative of a sum along axes: ones."""
    yield Partial(0, 0, reduced_pattern(np.shape(application.operands[0]), application.params["axes"]))


def reduced_extreme(application: Application) -> Iterator[Partial]:
    """Yield the derivative of a maximum or minimum along axes; equal extremes share it equally."""
    operand, axes = application.operands[0], application.params["axes"]

    def values() -> jax.Array:
        extreme = operand == jnp.expand_dims(application.results[0], axes)
        return (extreme / extreme.sum(axes, dtype=operand.dtype, keepdims=True)).ravel()

    yield Partial(0, 0, reduced_pattern(np.shape(operand), axes), values)


def reduced_product(application: Application) -> Iterator[Partial]:
    """Yield the derivative of a product along axes: the products of the other entries."""
    operand, axes = application.operands[0], application.params["axes"]

    def values() -> jax.Array:
        lines = jnp.moveaxis(operand, axes, range(len(axes))).reshape(-1, *np.delete(np.shape(operand), axes))
        ones = jnp.ones_like(lines[:1])
        before = jnp.cumprod(jnp.concatenate([ones, lines[:-1]]), axis=0)
        after = jnp.cumprod(jnp.concatenate([ones, lines[:0:-1]]), axis=0)[::-1]
        moved = (before * after).reshape([np.shape(operand)[axis] for axis in axes] + list(lines.shape[1:]))
        return jnp.moveaxis(moved, range(len(axes)), axes).ravel()

    yield Partial(0, 0, reduced_pattern(np.shape(operand), axes), values)


def cumulative(application: Application) -> Iterator[Partial]:
    """Yield the derivative of a cumulative function along an axis: triangular along each line."""
    operand, axis = application.operands[0], application.params["axis"]
    shape = np.shape(operand)
    lines = along_fibers(shape, shape, axis)
    result, entry = (np.unravel_index(numbers, shape)[axis] for numbers in (lines.rows, lines.columns))
    inside = result <= entry if application.params["reverse"] else result >= entry
    pattern = Pattern(lines.rows[inside], lines.columns[inside], lines.shape)
    if application.primitive.name == "cumsum":
        yield Partial(0, 0, pattern)
        return

    def values() -> jax.Array:
        unit = jnp.eye(shape[axis], dtype=operand.dtype)
        unit = unit.reshape([shape[axis], *(shape[axis] if a == axis else 1 for a in range(len(shape)))])

        def line(tangent: jax.Array) -> jax.Array:
            tangent = jnp.broadcast_to(tangent, shape)
            return jax.jvp(lambda value: application.bind_one(0, value)[0], (operand,), (tangent,))[1].ravel()

        return jax.vmap(line)(unit)[entry[inside], pattern.rows]

    yield Partial(0, 0, pattern, values)


def contraction(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of a contraction of two arrays, a matrix product and its relatives.

    The entries of one operand's derivative are entries of the other operand; zeros of a constant one are left out.
    """
    (contracting, batch) = application.params["dimension_numbers"]
    entries = [np.arange(size(value)).reshape(np.shape(value)) for value in application.operands]
    # The axes of the result: batch, free of the first, free of the second; the contracted ones stand behind.
    aligned = []
    for numbers, contracted, batched in zip(entries, contracting, batch, strict=True):
        free = [axis for axis in range(numbers.ndim) if axis not in (*contracted, *batched)]
        ordered = numbers.transpose([*batched, *free, *contracted])
        batches, lengths = ordered.shape[: len(batched)], ordered.shape[len(batched) + len(free) :]
        aligned.append(ordered.reshape(int(np.prod(batches)), -1, int(np.prod(lengths))))
    first, second = np.broadcast_arrays(aligned[0][:, :, None, :], aligned[1][:, None, :, :])
    results = np.arange(int(np.prod(first.shape[:-1]))).reshape(*first.shape[:-1], 1)
    rows = np.broadcast_to(results, first.shape).ravel()
    columns = (first.ravel(), second.ravel())
    for operand in application.active:
        other, inside = application.operands[1 - operand], columns[1 - operand]
        if application.is_constant(1 - operand):
            nonzero = np.flatnonzero(other.ravel()[inside])
        else:
            nonzero = np.arange(len(rows))
        pattern = Pattern(rows[nonzero], columns[operand][nonzero], (results.size, size(application.operands[operand])))
        yield Partial(0, operand, pattern, lambda other=other, chosen=inside[nonzero]: other.ravel()[chosen])
