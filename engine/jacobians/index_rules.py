"""Partial derivatives of what moves entries: found by moving the numbers of the entries instead.

If the indices of a gather or scatter are constants, the derivative is a fixed selection of entries. If they depend on
data, each result may be any entry, and the derivative is a full matrix with one selected entry in each row.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .partial import Application, Partial, constant, identity, size
from .pattern import Pattern, full

#: What takes over all entries as they are: result i is operand i.
IDENTITIES = frozenset(
    "copy copy_p convert_element_type device_put optimization_barrier real reduce_precision sharding_constraint".split()
)

#: What rearranges entries, with the operands that are indices rather than entries.
MOVES: dict[str, slice] = {
    "broadcast_in_dim": slice(1, None),
    "concatenate": slice(0),
    "dynamic_slice": slice(1, None),
    "dynamic_update_slice": slice(2, None),
    "expand_dims": slice(0),
    "gather": slice(1, 2),
    "pad": slice(0),
    "reshape": slice(1, None),
    "rev": slice(0),
    "scatter": slice(1, 2),
    "select_n": slice(0, 1),
    "slice": slice(0),
    "split": slice(0),
    "squeeze": slice(0),
    "stack": slice(0),
    "tile": slice(0),
    "transpose": slice(0),
}

#: Entries of the largest full matrix: 800 MB.
MOST_FULL_ENTRIES = 10**8


def identities(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of results that equal their operands."""
    for operand in application.active:
        if jnp.issubdtype(application.results[operand].dtype, jnp.inexact):
            yield identity(operand, operand, application.operands[operand])


def copied_entries(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of results whose entries are entries of the operands."""
    indices = MOVES[application.primitive.name]
    positions = set(range(len(application.operands))[indices])
    if all(application.is_constant(position) for position in positions):
        sources = constant_sources(application, positions)
        for result, numbers in enumerate(sources):
            for operand, offset in _offsets(application):
                inside = (numbers >= offset) & (numbers < offset + size(application.operands[operand]))
                rows = np.flatnonzero(inside)
                shape = (len(numbers), size(application.operands[operand]))
                yield Partial(result, operand, Pattern(rows, numbers[rows] - offset, shape), None, True)
    else:
        yield from _selected_entries(application, positions)


def _offsets(application: Application) -> Iterator[tuple[int, int]]:
    """Yield the active operands and the number of their first entry; entries of others have the number 0."""
    offset = 1
    for operand in application.active:
        yield operand, offset
        offset += size(application.operands[operand])


def _numbered(application: Application, positions: set[int]) -> list[Any]:
    """Return the operands with the numbers of their entries instead of the entries, and indices as they are."""
    offsets = dict(_offsets(application))
    return [
        value
        if position in positions
        else np.arange(offsets[position], offsets[position] + size(value)).reshape(np.shape(value))
        if position in offsets
        else np.zeros(np.shape(value), int)
        for position, value in enumerate(application.operands)
    ]


def constant_sources(application: Application, positions: set[int]) -> list[np.ndarray]:
    """Return the numbers of the entries that each result takes over, 0 or less for none."""
    changes = {"fill_value": 0} if application.primitive.name == "gather" else {}
    with jax.ensure_compile_time_eval():
        numbers = application.bind(*map(jnp.asarray, _numbered(application, positions)), **changes)
    return [np.asarray(number).ravel() for number in numbers]


def _selected_entries(application: Application, positions: set[int]) -> Iterator[Partial]:
    """Yield the derivatives of a selection whose indices depend on data."""
    changes = {"fill_value": 0} if application.primitive.name == "gather" else {}
    (numbers,) = application.bind(*map(jnp.asarray, _numbered(application, positions)), **changes)
    for operand, offset in _offsets(application):
        yield selection(0, operand, numbers.ravel() - offset, size(application.operands[operand]), application)


def selection(
    result: int, operand: int, columns: jax.Array, operand_size: int, application: Application, transposed: bool = False
) -> Partial:
    """Return the derivative whose row i (or column i, if transposed) has a one in a column that depends on data."""
    shape = (operand_size, columns.size) if transposed else (columns.size, operand_size)
    require_size(application, shape, "its indices depend on data: make them constants of the function")
    across, along = columns[:, None], jnp.arange(operand_size)[None]
    return Partial(
        result,
        operand,
        full(*shape),
        lambda: (across == along).T.ravel() if transposed else (across == along).ravel(),
    )


def require_size(application: Application, shape: tuple[int, int], cause: str) -> None:
    """Raise an error if a full matrix would not fit into memory."""
    if shape[0] * shape[1] > MOST_FULL_ENTRIES:
        raise ValueError(
            f"the derivative of {application.primitive.name} is a full matrix of {shape[0]} by {shape[1]} entries, "
            f"more than {MOST_FULL_ENTRIES}, because {cause}, or differentiate a smaller part of it"
        )


def added_entries(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of a scatter that adds (or subtracts) updates to entries of an array."""
    operand, indices, updates = application.operands
    sign = None if application.primitive.name == "scatter-add" else lambda: np.full(targets.size, -1.0)
    if 0 in application.active:
        yield identity(0, 0, operand)
    if 2 not in application.active:
        return
    if application.is_constant(1):
        targets = constant(lambda: update_targets(application, jnp.asarray(indices))).ravel()
        inside = np.flatnonzero(targets >= 0)
        targets = targets[inside]
        yield Partial(0, 2, Pattern(targets, inside, (size(operand), size(updates))), sign)
    else:
        targets = update_targets(application, indices).ravel()
        partial = selection(0, 2, targets, size(operand), application, transposed=True)
        if sign is not None:
            selected = partial.values
            partial = partial._replace(values=lambda: -selected().astype(updates.dtype))
        yield partial


def update_targets(application: Application, indices: jax.Array) -> jax.Array:
    """Return the entry of the operand that each update of a scatter goes to, −1 outside."""
    operand, _, updates = application.operands
    numbers = application.params["dimension_numbers"]
    window = iter(np.shape(updates)[axis] for axis in numbers.update_window_dims)
    collapsed = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    return lax.gather(
        jnp.arange(size(operand)).reshape(np.shape(operand)),
        indices,
        lax.GatherDimensionNumbers(
            offset_dims=numbers.update_window_dims,
            collapsed_slice_dims=numbers.inserted_window_dims,
            start_index_map=numbers.scatter_dims_to_operand_dims,
            operand_batching_dims=numbers.operand_batching_dims,
            start_indices_batching_dims=numbers.scatter_indices_batching_dims,
        ),
        slice_sizes=tuple(1 if axis in collapsed else next(window) for axis in range(np.ndim(operand))),
        mode=application.params["mode"],
        fill_value=-1,
    )


def sorted_entries(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of arrays that are sorted together along a dimension."""
    dimension, operands = application.params["dimension"], application.operands
    shape = np.shape(operands[0])
    positions = lax.broadcasted_iota(np.int64, shape, dimension)
    order = lax.sort(
        (*map(jnp.asarray, operands), positions),
        dimension=dimension,
        num_keys=application.params["num_keys"],
        is_stable=application.params["is_stable"],
    )[-1]
    for operand in application.active:
        yield picked_along(application, operand, dimension, order)


def largest_entries(application: Application) -> Iterator[Partial]:
    """Yield the derivative of the largest entries along a dimension."""
    dimension = application.params.get("axis", np.ndim(application.operands[0]) - 1)
    yield picked_along(application, 0, dimension, application.results[1])


def picked_along(application: Application, operand: int, dimension: int, positions: jax.Array) -> Partial:
    """Return the derivative of a result whose entries have been picked along a dimension, at positions from data."""
    shape = np.shape(application.operands[operand])
    pattern = along_fibers(shape, np.shape(positions), dimension)
    across = np.unravel_index(pattern.columns, shape)[dimension]
    return Partial(operand, operand, pattern, lambda: positions.ravel()[pattern.rows] == across)


def along_fibers(shape: Sequence[int], result_shape: Sequence[int], dimension: int) -> Pattern:
    """Return the pattern of results that depend on all entries of one line along a dimension.

    Examples
    --------
    >>> along_fibers((2, 2), (2, 1), 1).columns
    array([0, 1, 2, 3])
    """
    entries = np.moveaxis(np.arange(int(np.prod(shape))).reshape(shape), dimension, -1)
    results = np.moveaxis(np.arange(int(np.prod(result_shape))).reshape(result_shape), dimension, -1)
    rows, columns = np.broadcast_arrays(results[..., :, None], entries[..., None, :])
    return Pattern(rows.ravel(), columns.ravel(), (results.size, entries.size))
