"""Passage of random walks to one target through cells and edges, total or net (van Etten 2017, gdistance)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..distances import RSPDistance
from ..linalg import AbstractLinearSolver, StencilMatrix
from ..random_walks import ConditionedWalk, condition_on_hitting

#: Kinds of passage: all passages of an edge, or those in one direction minus those in the other.
PASSAGES = ("total", "net")
PassageKind = str


class Passage(NamedTuple):
    """Expected passages of walks to one target.

    Attributes
    ----------
    cells
        Passages through each cell: the flow into it or the flow out of it, whichever is larger.
    edges
        Passages of each step from a cell to its neighbour.
    visits
        Visits of each cell before the target is hit, for either kind of passage; 0 at the target.
    imbalance
        Largest difference between the flow into a cell and the flow out of it, relative to the most visits of a cell.
    """

    cells: Float[Array, "rows columns"]
    edges: Float[Array, "directions rows columns"]
    visits: Float[Array, "rows columns"]
    imbalance: Float[Array, ""]

    def __add__(self, other: "Passage") -> "Passage":
        sums = (a + b for a, b in zip(self[:3], other[:3], strict=True))
        return Passage(*sums, jnp.maximum(self.imbalance, other.imbalance))

    def __mul__(self, weight: Float[Array, ""]) -> "Passage":
        return Passage(*(weight * array for array in self[:3]), self.imbalance)


def zero_passage(conductances: Float[Array, "directions rows columns"]) -> Passage:
    """Return the passage of no walks.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> zero_passage(GridGraph(jnp.ones((1, 2))).edges).cells
    Array([[0., 0.]], dtype=float64)
    """
    zeros = jnp.zeros(conductances.shape[1:])
    return Passage(zeros, jnp.zeros_like(conductances), zeros, jnp.zeros(()))


def conditioned_walk(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
) -> ConditionedWalk:
    """Return the random walk of randomized shortest paths, conditioned on hitting a target.

    Parameters
    ----------
    distance
        Randomized shortest paths, with their θ.
    solver
        The solver that `distance.solver_for` returns.
    conductances, costs
        Conductance and cost of every step.
    target
        Flat raster index of the target.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> from permea.engine.distances.cost_functions import edge_costs
    >>> grid, distance = GridGraph(jnp.ones((1, 3)), neighbors="rook"), RSPDistance(theta=1.0)
    >>> costs = edge_costs(grid, distance.cost, fill=0.0)
    >>> walk = conditioned_walk(distance, distance.solver_for(grid), grid.edges, costs, jnp.array(2))
    >>> bool(jnp.isclose(walk.expected_cost[0, 0], distance(grid, [0], [2])[0, 0]))
    True
    """
    return condition_on_hitting(solver, conductances, costs, distance.theta, target)


def expected_passage(
    walk: ConditionedWalk, starts: Float[Array, "rows columns"], target: Int[Array, ""], kind: PassageKind
) -> Passage:
    """Return the passage of walks that start in given numbers in each cell and end at one target.

    Parameters
    ----------
    walk
        The walk to the target.
    starts
        Number of walks that start in each cell; 0 where the target is unreachable.
    target
        Flat raster index of the target.
    kind
        "total" or "net".

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> from permea.engine.distances.cost_functions import edge_costs
    >>> grid, distance = GridGraph(jnp.ones((1, 3)), neighbors="rook"), RSPDistance(theta=1.0)
    >>> costs = edge_costs(grid, distance.cost, fill=0.0)
    >>> walk = conditioned_walk(distance, distance.solver_for(grid), grid.edges, costs, jnp.array(2))
    >>> expected_passage(walk, jnp.array([[1.0, 0.0, 0.0]]), jnp.array(2), "net").cells.round(9)
    Array([[1., 1., 1.]], dtype=float64)
    """
    shape = starts.shape
    starts = starts.ravel().at[target].set(0.0, mode="drop").reshape(shape)

    def compute() -> Passage:
        """Return the passage, given at least one start."""
        visits = walk.expected_visits(starts[None])[0]
        edges = visits * walk.transition_probabilities
        reverse = _reverse_flow(edges)
        inflow = reverse.sum(0)
        hits = jnp.zeros(starts.size).at[target].set(starts.sum(), mode="drop").reshape(shape)
        # The visits of a cell are its starts and its inflow; all of them leave it, except at the target.
        residual = jnp.maximum(jnp.abs(starts + inflow - hits - visits), jnp.abs(edges.sum(0) - visits)).max()
        largest = jnp.maximum(visits.max(), starts.sum())
        if kind == "net":
            edges = jnp.maximum(edges - reverse, 0.0)
            inflow = _reverse_flow(edges).sum(0)
            return Passage(jnp.maximum(edges.sum(0), inflow), edges, visits, residual / largest)
        return Passage(jnp.maximum(visits, inflow), edges, visits, residual / largest)

    def empty() -> Passage:
        """Return the passage without any start."""
        zeros = jnp.zeros(shape)
        return Passage(zeros, jnp.zeros_like(walk.transition_probabilities), zeros, jnp.zeros(()))

    return jax.lax.cond((starts > 0).any(), compute, empty)


def _reverse_flow(edges: Float[Array, "directions rows columns"]) -> Float[Array, "directions rows columns"]:
    """Return the flow from each neighbour to a cell, given the flow from a cell to each neighbour."""
    return StencilMatrix(jnp.zeros(edges.shape[1:]), edges).transpose().edges
