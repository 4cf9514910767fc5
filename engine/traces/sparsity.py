"""Which values of a function depend on which of its inputs, from the operations of its derivative."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax.extend.core import Jaxpr, Literal
from jaxtyping import Array, Float

#: More entries than this, from an operation whose sparsity is not known, are an error: about 0.5 GB.
MAX_ENTRIES = 50_000_000

#: Operations of which each value depends on the same entry of every operand.
ELEMENTWISE = frozenset(
    "add add_any convert_element_type copy copy_p div mul neg real reduce_precision select_n sub".split()
)
#: Operations that move entries: each value is one entry of one operand, or none.
MOVING = frozenset(
    "broadcast_in_dim concatenate dynamic_slice dynamic_update_slice expand_dims gather pad reshape rev slice split "
    "squeeze transpose".split()
)
#: Operations that add entries up, each into one value at most.
SUMMING = frozenset({"reduce_sum", "scatter-add"})
#: Operations that only call other ones.
CALLING = frozenset("checkpoint closed_call core_call custom_jvp_call custom_vjp_call jit pjit remat2".split())


class Traced(NamedTuple):
    """What is known of an array in a derivative.

    Parameters
    ----------
    dependence
        Row for each value, not zero in the columns of the inputs on which it depends; None if it depends on none.
    value
        Its value, where that does not depend on x.
    """

    dependence: scipy.sparse.csr_array | None = None
    value: Any = None


def jacobian_sparsity(f: Callable[[Array], Array], x: Float[Array, " *shape"]) -> scipy.sparse.csr_array:
    """Return which values of f depend on which entries of x: the sparsity of its Jacobian, at any x of this shape.

    Parameters
    ----------
    f
        Maps an array to an array.
    x
        An array of the shape and type that f takes; its values have no effect.

    Returns
    -------
    scipy.sparse.csr_array
        Boolean, one row a value, one column an entry of x. It holds every entry of the Jacobian that can differ from
        zero, and possibly others: operations whose dependences are not known count as depending on everything.

    Raises
    ------
    ValueError
        Such an operation would make a dense matrix of more than 50 million entries; the message names it.

    Examples
    --------
    >>> jacobian_sparsity(lambda x: x[1:] * x[:-1], jnp.ones(3)).toarray().astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    x = jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x))
    closed = jax.make_jaxpr(lambda x, tangent: jax.jvp(f, (x,), (tangent,))[1])(x, x)
    size = int(np.prod(x.shape))
    identity = scipy.sparse.eye_array(size, dtype=bool, format="csr")
    (result,) = _propagate(closed.jaxpr, [_constant(c) for c in closed.consts], [Traced(), Traced(identity)], size)
    if result.dependence is None:
        return scipy.sparse.csr_array((int(np.prod(closed.out_avals[0].shape)), size), dtype=bool)
    return result.dependence


def _propagate(jaxpr: Jaxpr, constants: Sequence[Traced], inputs: Sequence[Traced], size: int) -> list[Traced]:
    """Follow the dependences through all operations, and return those of the results."""
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *inputs], strict=True))

    def read(variable: Any) -> Traced:
        return Traced(value=variable.val) if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        known.update(zip(equation.outvars, _outputs(equation, [read(v) for v in equation.invars], size), strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _outputs(equation: Any, operands: list[Traced], size: int) -> list[Traced]:
    name, inner = equation.primitive.name, _called(equation)
    if all(operand.dependence is None for operand in operands):
        return _constants(equation, operands)
    if name in CALLING and inner is not None:
        return _propagate(inner.jaxpr, [_constant(c) for c in inner.consts], operands, size)
    if name == "optimization_barrier":
        return operands
    if name in ELEMENTWISE:
        shape = equation.outvars[0].aval.shape
        return [
            Traced(_union([_spread(o, v.aval.shape, shape) for o, v in zip(operands, equation.invars, strict=True)]))
        ]
    if name in MOVING and all(o.value is not None for o in operands[_moved(name, len(operands)) :]):
        return _move(equation, operands, size)
    if name in SUMMING and (name == "reduce_sum" or operands[1].value is not None):
        return [Traced(_sum(equation, operands))]
    if name == "dot_general" and None in (operands[0].dependence, operands[1].dependence):
        return [Traced(_contract(equation, operands))]
    if name == "conv_general_dilated" and operands[1].dependence is None:
        return [Traced(_convolve(equation, operands[0].dependence))]
    return _everything(equation, operands)


def _called(equation: Any) -> Any:
    """Return the program that an operation calls with its own operands, or None."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = equation.params.get(name)
        if hasattr(inner, "jaxpr"):
            return inner
        if inner is not None and hasattr(inner, "eqns") and not inner.constvars:
            return _Open(inner)
    return None


class _Open(NamedTuple):
    jaxpr: Any
    consts: tuple = ()


def _constant(value: Any) -> Traced:
    return Traced() if isinstance(value, jax.core.Tracer) else Traced(value=value)


def _constants(equation: Any, operands: list[Traced]) -> list[Traced]:
    """Return results that do not depend on the input, with their values if those of all operands are known."""
    if any(operand.value is None for operand in operands) or equation.effects:
        return [Traced()] * len(equation.outvars)
    with jax.ensure_compile_time_eval():
        bound = equation.primitive.get_bind_params(equation.params)
        # Versions of JAX differ in whether functions among the parameters come apart from the others.
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        values = equation.primitive.bind(*functions, *(operand.value for operand in operands), **params)
    return [Traced(value=value) for value in (values if equation.primitive.multiple_results else [values])]


def _union(dependences: Sequence[scipy.sparse.csr_array | None]) -> scipy.sparse.csr_array:
    first, *rest = (dependence for dependence in dependences if dependence is not None)
    for dependence in rest:
        first = first + dependence
    return first


def _spread(operand: Traced, shape: tuple[int, ...], result_shape: tuple[int, ...]) -> scipy.sparse.csr_array | None:
    """Return an operand's dependence for each value of an elementwise result, repeated along axes of length 1."""
    if operand.dependence is None or shape == result_shape:
        return operand.dependence
    entries = np.arange(int(np.prod(shape))).reshape(shape)
    return operand.dependence[np.broadcast_to(entries, result_shape).ravel()]


def _moved(name: str, count: int) -> int:
    """Return how many of the operands are moved; the others are indices."""
    return {"concatenate": count, "dynamic_update_slice": 2, "pad": 2}.get(name, 1)


def _move(equation: Any, operands: list[Traced], size: int) -> list[Traced]:
    """Move the numbers of the entries, and take the rows of the entries that the results hold; 0 is none."""
    count, params = _moved(equation.primitive.name, len(operands)), dict(equation.params)
    if "fill_value" in params:
        params["fill_value"] = 0
    rows, numbers = [scipy.sparse.csr_array((1, size), dtype=bool)], []
    total = 1
    for operand, variable in zip(operands[:count], equation.invars, strict=False):
        shape = variable.aval.shape
        if operand.dependence is None:
            numbers.append(np.zeros(shape))
            continue
        numbers.append(np.arange(total, total + operand.dependence.shape[0], dtype=float).reshape(shape))
        rows.append(operand.dependence)
        total += operand.dependence.shape[0]
    stacked = scipy.sparse.vstack(rows, format="csr")
    with jax.ensure_compile_time_eval():
        # Doubles hold whole numbers exactly, far beyond the number of entries.
        arrays = [jnp.asarray(array, jnp.float64) for array in numbers]
        moved = equation.primitive.bind(*arrays, *(operand.value for operand in operands[count:]), **params)
    results = moved if equation.primitive.multiple_results else [moved]
    return [Traced(stacked[np.asarray(result).ravel().astype(int)]) for result in results]


def _sum(equation: Any, operands: list[Traced]) -> scipy.sparse.csr_array:
    """Add rows into the values to which the transposed operation leads back."""
    shape = equation.outvars[0].aval.shape
    count = int(np.prod(shape))
    scattered = equation.primitive.name == "scatter-add"
    position = 2 if scattered else 0
    base, added = operands[0].dependence if scattered else None, operands[position].dependence
    if added is None:
        return base
    like = jax.ShapeDtypeStruct(equation.invars[position].aval.shape, jnp.float64)

    def apply(entries: Array) -> Array:
        """Add entries up."""
        arguments = (jnp.zeros(shape), operands[1].value, entries) if scattered else (entries,)
        return equation.primitive.bind(*arguments, **equation.params)

    with jax.ensure_compile_time_eval():
        (target,) = jax.linear_transpose(apply, like)(jnp.arange(1.0, count + 1).reshape(shape))
    target = np.asarray(target).ravel().astype(int) - 1
    source = np.flatnonzero(target >= 0)
    selection = scipy.sparse.csr_array(
        (np.ones(source.size, bool), (target[source], source)), shape=(count, target.size)
    )
    return _union([base, selection @ added])


def _contract(equation: Any, operands: list[Traced]) -> scipy.sparse.csr_array:
    """Return the dependence of a product with a constant: on all entries over which it sums."""
    contracting, batch = equation.params["dimension_numbers"]
    side = 0 if operands[0].dependence is not None else 1
    shapes = [variable.aval.shape for variable in equation.invars]
    free = [[axis for axis in range(len(shapes[s])) if axis not in (*contracting[s], *batch[s])] for s in (0, 1)]
    shape, numbers = shapes[side], np.arange(int(np.prod(shapes[side]))).reshape(shapes[side])
    ordered = numbers.transpose([*batch[side], *free[side], *contracting[side]])
    groups = int(np.prod([shape[axis] for axis in (*batch[side], *free[side])]))
    entries = ordered.reshape(groups, -1)
    selection = scipy.sparse.csr_array(
        (np.ones(entries.size, bool), (np.repeat(np.arange(groups), entries.shape[1]), entries.ravel())),
        shape=(groups, numbers.size),
    )
    # The values are ordered by batch, free axes of the first and free axes of the second operand.
    group = np.arange(groups).reshape([shape[axis] for axis in (*batch[side], *free[side])])
    other = [shapes[1 - side][axis] for axis in free[1 - side]]
    n_batch = len(batch[side])
    if side == 0:
        group = group.reshape(*group.shape, *[1] * len(other))
    else:
        group = group.reshape(*group.shape[:n_batch], *[1] * len(other), *group.shape[n_batch:])
    group = np.broadcast_to(group, equation.outvars[0].aval.shape)
    return (selection @ operands[side].dependence)[group.ravel()]


def _convolve(equation: Any, dependence: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Return the dependence of a convolution: on the entries under each weight of the kernel."""
    image, kernel = (variable.aval.shape for variable in equation.invars)
    kernel_layout = equation.params["dimension_numbers"].rhs_spec
    numbers = np.arange(1.0, int(np.prod(image)) + 1).reshape(image)
    rows = scipy.sparse.vstack([scipy.sparse.csr_array((1, dependence.shape[1]), dtype=bool), dependence], format="csr")
    params = {**equation.params, "preferred_element_type": None}
    results = []
    with jax.ensure_compile_time_eval():
        for weight in np.ndindex(*(kernel[axis] for axis in kernel_layout[1:])):
            index: list[Any] = [slice(None)] * len(kernel)
            for axis, position in zip(kernel_layout[1:], weight, strict=True):
                index[axis] = position
            moved = equation.primitive.bind(jnp.asarray(numbers), jnp.zeros(kernel).at[tuple(index)].set(1), **params)
            results.append(rows[np.rint(np.asarray(moved)).ravel().astype(int)])
    return _union(results)


def _everything(equation: Any, operands: list[Traced]) -> list[Traced]:
    """Return results all of whose values depend on all that any operand depends on."""
    columns = np.unique(np.concatenate([o.dependence.indices for o in operands if o.dependence is not None]))
    width = next(o.dependence.shape[1] for o in operands if o.dependence is not None)
    results = []
    for variable in equation.outvars:
        count = int(np.prod(variable.aval.shape))
        if count * columns.size > MAX_ENTRIES:
            raise ValueError(
                f"the sparsity of the operation {equation.primitive.name!r} is not known, and a dense one would have "
                f"{count:,} × {columns.size:,} entries; pass the sparsity instead of having it detected"
            )
        pattern = np.tile(columns, count), np.arange(count + 1) * columns.size
        results.append(Traced(scipy.sparse.csr_array((np.ones(pattern[0].size, bool), *pattern), shape=(count, width))))
    return results
