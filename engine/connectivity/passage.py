"""How many pass through cells and edges on the way to one target, in all or net of who comes back."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..distances.rsp import RSPDistance
from ..graph.grid_graph import GridGraph
from ..linalg.base import AbstractLinearSolver
from ..linalg.stencil_matrix import StencilMatrix
from ..random_walks.visits import ConditionedWalk, condition_on_hitting

#: What counts: every passage, or those in one direction less those in the other.
PASSAGES = ("total", "net")
PassageKind = str


class Passage(NamedTuple):
    """What passes on the way to one target.

    Attributes
    ----------
    cells
        Passages through each cell: what enters or what leaves it, whichever is more.
    edges
        Passages of each step.
    visits
        Visits of each cell before the target is reached, whatever kind of passage counts; 0 at the target.
    imbalance
        By how much what enters a cell and what leaves it differ at most, beside the most visits of a cell.
    """

    cells: Float[Array, "rows columns"]
    edges: Float[Array, "directions rows columns"]
    visits: Float[Array, "rows columns"]
    imbalance: Float[Array, ""]

    def plus(self, other: "Passage") -> "Passage":
        """Return both together."""
        sums = (one + another for one, another in zip(self[:3], other[:3], strict=True))
        return Passage(*sums, jnp.maximum(self.imbalance, other.imbalance))

    def times(self, weight: Float[Array, ""]) -> "Passage":
        """Return so many times as much."""
        return Passage(*(weight * each for each in self[:3]), self.imbalance)


def zero_passage(grid: GridGraph) -> Passage:
    """Return a landscape in which nobody moves."""
    zeros = jnp.zeros(grid.shape)
    return Passage(zeros, jnp.zeros_like(grid.edges), zeros, jnp.zeros(()))


def walk_to(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    grid: GridGraph,
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
) -> ConditionedWalk:
    """Return how randomized shortest paths lead to a cell.

    Parameters
    ----------
    distance
        Whose θ it is.
    solver
        As `distance.solver_for` returns it.
    grid, costs
        The landscape, and the cost of every step.
    target
        Flat raster index.
    """
    return condition_on_hitting(solver, grid.edges, costs, distance.theta, target)


def passage_from_walk(
    way: ConditionedWalk, entering: Float[Array, "rows columns"], target: Int[Array, ""], kind: PassageKind
) -> Passage:
    """Return what passes when so many start in each cell and go to one target.

    Parameters
    ----------
    way
        To the target.
    entering
        How many start in each cell; 0 where the target cannot be reached.
    target
        Flat raster index.
    kind
        "total" or "net".
    """
    shape = entering.shape
    moving = entering.ravel().at[target].set(0.0, mode="drop").reshape(shape)

    def compute() -> Passage:
        visits = way.expected_visits(moving[None])[0]
        edges = visits * way.transition_probabilities
        coming = _turned(edges)
        came = coming.sum(0)
        arrived = jnp.zeros(moving.size).at[target].set(moving.sum(), mode="drop").reshape(shape)
        # What enters a cell is what was seen there, and all of that leaves again, or has arrived.
        missed = jnp.maximum(jnp.abs(moving + came - arrived - visits), jnp.abs(edges.sum(0) - visits)).max()
        largest = jnp.maximum(visits.max(), moving.sum())
        if kind == "net":
            edges = jnp.maximum(edges - coming, 0.0)
            came = _turned(edges).sum(0)
            return Passage(jnp.maximum(edges.sum(0), came), edges, visits, missed / largest)
        return Passage(jnp.maximum(visits, came), edges, visits, missed / largest)

    def nothing() -> Passage:
        zeros = jnp.zeros(shape)
        return Passage(zeros, jnp.zeros_like(way.transition_probabilities), zeros, jnp.zeros(()))

    return jax.lax.cond((moving > 0).any(), compute, nothing)


def _turned(edges: Float[Array, "directions rows columns"]) -> Float[Array, "directions rows columns"]:
    """Return what comes from each neighbour, from what goes there."""
    return StencilMatrix(jnp.zeros(edges.shape[1:]), edges).transpose().edges
