"""The cost of crossing an edge, from its conductance."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..graph.grid_graph import GridGraph, concrete_or_none


def inverse(conductance: Array) -> Array:
    """Return 1 / w: the resistance of the edge (resistance of the landscape times length)."""
    return 1 / conductance


def minus_log(conductance: Array) -> Array:
    """Return −log w: costs that add up along a path as probabilities multiply; w must not exceed 1."""
    return -jnp.log(conductance)


#: Cost functions by the names under which jobs choose them.
COST_FUNCTIONS: dict[str, Callable[[Array], Array]] = {"inverse": inverse, "minus_log": minus_log}


def edge_costs(
    grid: GridGraph, cost: Callable[[Array], Array], *, once: bool = False
) -> Float[Array, "stored rows columns"]:
    """Return the cost of every step; infinite where there is no edge.

    Parameters
    ----------
    grid
        The landscape.
    cost
        Function of the conductance.
    once
        Only for the first half of the steps: for a graph whose edges are the same both ways.

    Raises
    ------
    ValueError
        The cost is negative or undefined somewhere.
    """
    edges = grid.edges[: grid.directions // 2] if once else grid.edges
    exists = edges > 0
    # A harmless 1 where there is no edge: cost(0) may be infinite, and its masked derivative NaN.
    costs = jnp.where(exists, cost(jnp.where(exists, edges, 1.0)), jnp.inf)
    values = concrete_or_none(costs)
    if values is not None:
        wrong = ~(values >= 0)
        if wrong.any():
            conductances, copies = concrete_or_none(edges)[wrong], 2 if once else 1
            faults, all_edges = copies * wrong.sum(), copies * (values < float("inf")).sum()
            raise ValueError(
                f"the cost is negative or undefined on {faults} of {all_edges} edges, whose "
                f"conductances range from {conductances.min():g} to {conductances.max():g}; a cost must be zero or "
                "more (for −log of the conductance no conductance may exceed 1)"
            )
    return costs


def finite_costs(grid: GridGraph, cost: Callable[[Array], Array]) -> Float[Array, "directions rows columns"]:
    """Return the cost of every step; 0 where there is no edge.

    Raises
    ------
    ValueError
        As `edge_costs`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> finite_costs(GridGraph(jnp.array([[1.0, 3.0]]), neighbors="rook"), inverse)[:, 0, 0]
    Array([0. , 0. , 0.5, 0. ], dtype=float64)
    """
    return jnp.where(grid.edges > 0, edge_costs(grid, cost), 0.0)
