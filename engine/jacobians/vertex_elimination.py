"""Sparse Jacobians by vertex elimination, in the order that takes the fewest operations."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO
from jaxtyping import Array, Float

from .elimination import Elimination, in_order, markowitz
from .pattern import Pattern, diagonal
from .products import Values
from .program import Program, Variable

Order: TypeAlias = str | Sequence[int]

#: Other names of orders.
SHORT_NAMES = {"fwd": "forward", "rev": "reverse", "markowitz": "markowitz_lowest"}
#: The orders that are compared for the best one.
COMPARED_ORDERS = ("forward", "reverse", "markowitz_lowest", "markowitz_highest")


class EliminationOrder(NamedTuple):
    """An elimination order and what it takes.

    Parameters
    ----------
    order
        Vertices in the order of their elimination.
    num_muls
        Number of multiplications of two partial derivatives.
    num_adds
        Number of additions to partial derivatives that were there before.
    """

    order: list[int]
    num_muls: int
    num_adds: int


def jacve(
    fun: Callable,
    order: Order,
    argnums: int | Sequence[int] = (0,),
    has_aux: bool = False,
    count_ops: bool = False,
    sparse_representation: bool = False,
) -> Callable:
    """Return a function that computes the Jacobian of another by vertex elimination.

    The Jacobian is accumulated on the graph of the function's elementary operations. Forward and reverse mode are two
    of many orders in which its vertices can be eliminated; others often take fewer operations. All partial derivatives
    are sparse matrices whose patterns are known before any value is.

    Parameters
    ----------
    fun
        A function of arrays, or of pytrees of arrays, with real results.
    order
        `"forward"` (`"fwd"`), `"reverse"` (`"rev"`), `"markowitz_lowest"` (`"markowitz"`) and `"markowitz_highest"`
        (the vertex of lowest Markowitz degree next; of equals, the one of lowest or highest number), `"best"` (the
        one of these with the fewest multiplications), or the numbers of the vertices in the order of elimination.
    argnums
        The argument to differentiate by, or several.
    has_aux
        Return the value of the function and the Jacobian.
    count_ops
        Return the Jacobian (or, with `has_aux`, value and Jacobian) and a dictionary with the numbers of
        multiplications `num_muls` and additions `num_adds`, and `order_counts`, the pairs of vertex and
        multiplications in the order of elimination.
    sparse_representation
        Return sparse arrays (`jax.experimental.sparse.BCOO`) instead of dense ones.

    Returns
    -------
    Callable
        A function of the same arguments. Its result has the structure of `jax.jacrev`: for each result of the function
        and each argument an array with the shape of the result followed by the shape of the argument.

    Raises
    ------
    NotImplementedError
        When called, if the function uses a primitive that has no rule; the error names it.
    ValueError
        When called, if vertices are missing in the order, are repeated or do not exist; the error names them.
    TypeError
        When called, if an argument to differentiate by, or a result, is not an array of real numbers.

    Notes
    -----
    Vertices are numbered from 1 on in the order in which the program computes results, with nested calls expanded;
    `elimination_orders` lists those that have to be eliminated. Vertices that lie on no path from the chosen arguments
    to the results may be left out.

    A multiplication is one product of two entries of partial derivatives, counted also where an entry is one, as that
    of a sum; moving entries (reshape, slice, broadcast, gather, …) multiplies nothing.

    Wrap the result in `jax.jit`: planning takes place when the function is traced. Indices that depend on traced
    arguments make full matrices out of selections; those from constants keep them sparse.

    References
    ----------
    Griewank, A. and Walther, A. (2008). Evaluating Derivatives, 2nd ed., SIAM. Chapters 9 and 10.
    Lohoff, J. and Neftci, E. (2024). Optimizing automatic differentiation with deep reinforcement learning. NeurIPS.

    Examples
    --------
    >>> def current(conductances, voltages):
    ...     flow = conductances * (voltages[1:] - voltages[:-1])
    ...     return jnp.concatenate([flow, -flow.sum(keepdims=True)])
    >>> jacobian = jax.jit(jacve(current, "best", argnums=1))
    >>> jacobian(jnp.array([2.0, 3.0]), jnp.array([0.0, 1.0, 1.0]))
    Array([[-2.,  2.,  0.],
           [ 0., -3.,  3.],
           [ 2.,  1., -3.]], dtype=float64)
    """

    @wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        traced = _Trace(fun, args, kwargs, argnums)
        elimination = _eliminate(traced.program, order)
        blocks = elimination.accumulate(traced.program.values())
        result = traced.assemble(elimination, blocks, sparse_representation)
        if has_aux:
            result = (traced.value, result)
        if not count_ops:
            return result
        counts = {
            "num_muls": elimination.num_muls,
            "num_adds": elimination.num_adds,
            "order_counts": elimination.order_counts,
        }
        return result, counts

    return jacobian


def elimination_orders(fun: Callable, *args: Any, argnums: int | Sequence[int] = (0,)) -> dict[str, EliminationOrder]:
    """Return the elimination orders that `jacve` knows by name, and the numbers of operations they take.

    Parameters
    ----------
    fun
        A function as for `jacve`.
    *args
        Its arguments, or their shapes and types (`jax.ShapeDtypeStruct`).
    argnums
        The argument to differentiate by, or several.

    Returns
    -------
    dict[str, EliminationOrder]
        For `"forward"`, `"reverse"`, `"markowitz_lowest"` and `"markowitz_highest"` the order and its counts.

    Examples
    --------
    >>> orders = elimination_orders(lambda x: x * jnp.log(x / (1 - jnp.sum(x))), jnp.full(4, 0.1))
    >>> {name: order.num_muls for name, order in orders.items()}
    {'forward': 52, 'reverse': 32, 'markowitz_lowest': 32, 'markowitz_highest': 32}
    """
    leaves, tree = jax.tree.flatten(args)
    traceable = [number for number, leaf in enumerate(leaves) if _is_array(leaf) and _is_real(leaf)]
    orders: dict[str, EliminationOrder] = {}

    def plan(*values: Array) -> None:
        replaced = list(leaves)
        for number, value in zip(traceable, values, strict=True):
            replaced[number] = value
        program = _Trace(fun, jax.tree.unflatten(tree, replaced), {}, argnums).program
        for name, elimination in _compared(program).items():
            orders[name] = EliminationOrder(elimination.order, elimination.num_muls, elimination.num_adds)

    jax.eval_shape(plan, *(leaves[number] for number in traceable))
    return orders


class _Trace:
    """A call of a function, traced: its program, and how its results and arguments are put together."""

    def __init__(self, fun: Callable, args: tuple, kwargs: dict, argnums: int | Sequence[int]):
        self._single = isinstance(argnums, int)
        numbers = [argnums] if self._single else list(argnums)
        wrong = [number for number in numbers if not -len(args) <= number < len(args)]
        if wrong:
            raise ValueError(f"argnums names the arguments {wrong}, but the function was called with {len(args)}")
        numbers = [number % len(args) for number in numbers]
        leaves, tree = jax.tree.flatten((args, kwargs))
        owners = jax.tree.leaves([jax.tree.map(lambda _, n=n: n, arg) for n, arg in enumerate(args)])
        self._trees = [jax.tree.structure(args[number]) for number in numbers]
        positions = [[leaf for leaf, owner in enumerate(owners) if owner == number] for number in numbers]
        chosen = sorted({leaf for leaves_of_argument in positions for leaf in leaves_of_argument})
        arrays = [number for number, leaf in enumerate(leaves) if _is_array(leaf)]
        for number in chosen:
            if not _is_array(leaves[number]) or not _is_real(leaves[number]):
                kind = jnp.result_type(leaves[number]).name if _is_array(leaves[number]) else repr(leaves[number])
                raise TypeError(
                    f"argument {owners[number]} is differentiated by, so it must hold arrays of real numbers; one of "
                    f"them is {kind}"
                )
        self.structure: Any = None

        def flat(*values: Array) -> list[Array]:
            replaced = list(leaves)
            for number, value in zip(arrays, values, strict=True):
                replaced[number] = value
            args, kwargs = jax.tree.unflatten(tree, replaced)
            results, self.structure = jax.tree.flatten(fun(*args, **kwargs))
            return results

        values = [_typed(leaves[n]) if n in chosen else _constant(leaves[n]) for n in arrays]
        self.program = Program(flat, values, [arrays.index(number) for number in chosen])
        vertices = dict(zip(chosen, self.program.inputs, strict=True))
        self._inputs = [[(vertices[leaf], jnp.shape(leaves[leaf])) for leaf in argument] for argument in positions]
        for output in self.program.outputs:
            if not _is_real(output.value):
                raise TypeError(f"the results must be real numbers, but one is {jnp.asarray(output.value).dtype}")

    @property
    def value(self) -> Any:
        """Value of the function."""
        return jax.tree.unflatten(self.structure, [jnp.asarray(output.value) for output in self.program.outputs])

    def assemble(self, elimination: Elimination, blocks: dict[tuple[int, int], Values], sparse: bool) -> Any:
        """Return the Jacobians in the structure of the results and arguments."""
        rows = [
            [
                jax.tree.unflatten(tree, [_block(elimination, blocks, output, *entry, sparse) for entry in argument])
                for argument, tree in zip(self._inputs, self._trees, strict=True)
            ]
            for output in self.program.outputs
        ]
        return jax.tree.unflatten(self.structure, [row[0] if self._single else tuple(row) for row in rows])


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex, jax.ShapeDtypeStruct))


def _is_real(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.floating))


def _constant(leaf: Any) -> Any:
    """Return an argument that is not differentiated by: a constant that patterns may depend on, unless it is traced."""
    if jax.dtypes.issubdtype(jnp.result_type(leaf), jax.dtypes.extended):
        return leaf
    if isinstance(leaf, jax.core.Tracer):
        return _typed(leaf)
    return leaf if isinstance(leaf, np.ndarray) else np.asarray(_typed(leaf))


def _typed(leaf: Any) -> Array:
    """Return an array of a definite type: Python's numbers would be converted in vertices of the program."""
    return jnp.asarray(leaf, jnp.result_type(leaf))


def _eliminate(program: Program, order: Order) -> Elimination:
    """Return the complete elimination of a program's vertices in an order."""
    if isinstance(order, str):
        name = SHORT_NAMES.get(order, order)
        if name == "best":
            return min(
                _compared(program).values(), key=lambda elimination: (elimination.num_muls, elimination.num_adds)
            )
        if name not in COMPARED_ORDERS:
            known = ", ".join(map(repr, ("best", *COMPARED_ORDERS, *SHORT_NAMES)))
            raise ValueError(f"order is {order!r}; it must be one of {known}, or a list of vertices")
        return _named(program, name, Elimination(program.graph))
    order, needed = [int(vertex) for vertex in order], program.graph.intermediate
    if missing := sorted(set(needed) - set(order)):
        raise ValueError(f"the order misses the vertices {missing}; these have to be eliminated: {needed}")
    if unknown := sorted({vertex for vertex in order if not 1 <= vertex <= program.vertices}):
        raise ValueError(f"the order names the vertices {unknown}, but they run from 1 to {program.vertices}")
    if repeated := sorted({vertex for vertex in order if order.count(vertex) > 1}):
        raise ValueError(f"the order names the vertices {repeated} more than once")
    intermediate = set(needed)
    return in_order(Elimination(program.graph), (vertex for vertex in order if vertex in intermediate))


def _named(program: Program, name: str, elimination: Elimination) -> Elimination:
    if name.startswith("markowitz"):
        return markowitz(elimination, highest=name == "markowitz_highest")
    vertices = program.graph.intermediate
    return in_order(elimination, vertices if name == "forward" else reversed(vertices))


def _compared(program: Program) -> dict[str, Elimination]:
    """Return the eliminations in all named orders, which share the products they have in common."""
    products: dict = {}
    return {name: _named(program, name, Elimination(program.graph, products)) for name in COMPARED_ORDERS}


def _block(
    elimination: Elimination,
    blocks: dict[tuple[int, int], Values],
    output: Variable,
    vertex: int,
    shape: tuple[int, ...],
    sparse: bool,
) -> Float[Array, "..."] | BCOO:
    """Return the Jacobian of one result by one argument."""
    value = jnp.asarray(output.value)
    rows, columns = int(np.prod(value.shape)), int(np.prod(shape))
    if output.vertex == vertex:
        pattern, values = diagonal(rows), None
    elif output.vertex is not None and vertex in elimination.predecessors.get(output.vertex, {}):
        pattern, values = elimination.predecessors[output.vertex][vertex].pattern, blocks[vertex, output.vertex]
    else:
        pattern, values = Pattern(np.zeros(0, int), np.zeros(0, int), (rows, columns)), None
    values = jnp.ones(pattern.size, value.dtype) if values is None else jnp.asarray(values).astype(value.dtype)
    joint = (*value.shape, *shape)
    if sparse:
        return _sparse(pattern, values, value.shape, shape)
    if pattern.size == rows * columns and np.array_equal(pattern.keys, np.arange(pattern.size)):
        return values.reshape(joint)
    dense = jnp.zeros(rows * columns, value.dtype)
    return dense.at[pattern.keys].set(values, unique_indices=True).reshape(joint)


def _sparse(pattern: Pattern, values: Array, rows: tuple[int, ...], columns: tuple[int, ...]) -> BCOO:
    joint = (*rows, *columns)
    indices = np.stack(np.unravel_index(pattern.keys, joint), axis=1) if joint else np.zeros((pattern.size, 0), int)
    ordered = bool(np.all(np.diff(pattern.keys) > 0))
    # Half the memory of 64 bits, and half the time to return them.
    numbers = jnp.asarray(indices, np.int32 if max(joint, default=0) < 2**31 else np.int64)
    return BCOO((values, numbers), shape=joint, indices_sorted=ordered, unique_indices=True)
