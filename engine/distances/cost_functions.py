"""Costs of edges as functions of their conductance."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..counts import count_of
from ..graph import GridGraph, concrete_or_none


def inverse(conductance: Array) -> Array:
    """Return 1 / w, the resistance of an edge: that of the landscape times the length of the step.

    Examples
    --------
    >>> float(inverse(jnp.array(4.0)))
    0.25
    """
    return 1 / conductance


def minus_log(conductance: Array) -> Array:
    """Return −log w, which adds up along a path as probabilities multiply; w must not exceed 1.

    Examples
    --------
    >>> round(float(minus_log(jnp.array(0.5))), 3)
    0.693
    """
    return -jnp.log(conductance)


#: Cost functions by the names under which jobs choose them.
COST_FUNCTIONS: dict[str, Callable[[Array], Array]] = {"inverse": inverse, "minus_log": minus_log}


def edge_costs(
    grid: GridGraph, cost: Callable[[Array], Array], *, half: bool = False, fill: float = jnp.inf
) -> Float[Array, "stored rows columns"]:
    """Return the cost of the step from every cell in every direction.

    Parameters
    ----------
    grid
        The landscape.
    cost
        Function of the conductance; zero or more.
    half
        Return the first half of the directions only, which is enough for an undirected graph.
    fill
        Value where there is no edge.

    Raises
    ------
    ValueError
        The cost of an edge is negative or undefined.

    Examples
    --------
    >>> edge_costs(GridGraph(jnp.array([[1.0, 3.0]]), neighbors="rook"), inverse, fill=0.0)[:, 0, 0]
    Array([0. , 0. , 0.5, 0. ], dtype=float64)
    """
    edges = grid.edges[: grid.directions // 2] if half else grid.edges
    exists = edges > 0
    # A conductance of 1 replaces missing edges: cost(0) may be infinite, and its masked derivative NaN.
    costs = jnp.where(exists, cost(jnp.where(exists, edges, 1.0)), jnp.inf)
    values = concrete_or_none(costs)
    if values is not None:
        invalid = ~(values >= 0)
        if invalid.any():
            conductances, copies = concrete_or_none(edges)[invalid], 2 if half else 1
            n_invalid, n_edges = copies * invalid.sum(), copies * concrete_or_none(exists).sum()
            raise ValueError(
                f"the cost is negative or undefined on {n_invalid:,} of {count_of(n_edges, 'edge')}, whose "
                f"conductances range from {conductances.min():g} to {conductances.max():g}; a cost must be zero or "
                "more (for −log of the conductance no conductance may exceed 1)"
            )
    return costs if fill == jnp.inf else jnp.where(exists, costs, fill)


def has_symmetric_costs(grid: GridGraph) -> bool:
    """Return whether the costs in half of the directions determine all others, which halves memory and work.

    Examples
    --------
    >>> has_symmetric_costs(GridGraph(jnp.ones((2, 2)), edge_rule="target"))
    False
    """
    # For an edge rule that is a function, `is_undirected` is a guess from a few numbers.
    return grid.is_undirected and isinstance(grid.edge_rule, str)
