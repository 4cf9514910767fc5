"""Where randomized shortest paths lead: passages between places, from wandering to the cheapest route."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..distances.base import vertex_cells
from ..distances.cost_functions import edge_costs
from ..distances.rsp import RSPDistance
from ..graph.grid_graph import ArrayInput, GridGraph
from ..linalg.base import AbstractLinearSolver
from .passage import PASSAGES, Passage, PassageKind, passage_from_walk, walk_to, zero_passage


@dataclass(frozen=True)
class RSPFlow:
    """Passages of randomized shortest paths.

    Attributes
    ----------
    passage
        Expected passages through each cell, summed over the pairs; NaN where the cell is not active.
    edges
        Expected passages of each step from a cell to its neighbour, in the order of `steps_of`.
    reached
        Whether a source reaches a target.
    expected_cost
        Mean cost of the paths from each source to each target; infinite where there is none.
    steps
        Mean number of steps of a path, over the pairs by their weights; NaN where no source reaches any target.
    imbalance
        By how much what enters a cell and what leaves it differ at most, beside the most visits of a cell.
    """

    passage: Float[np.ndarray, "rows columns"]
    edges: Float[np.ndarray, "directions rows columns"]
    reached: Bool[np.ndarray, "sources targets"]
    expected_cost: Float[np.ndarray, "sources targets"]
    steps: float
    imbalance: float


def rsp_flow(
    grid: GridGraph,
    distance: RSPDistance,
    sources: ArrayInput,
    targets: ArrayInput | None = None,
    *,
    weights: ArrayInput | None = None,
    kind: PassageKind = "total",
    progress: Callable[[int, int], None] | None = None,
) -> RSPFlow:
    """Return how often randomized shortest paths between places are expected to pass through each cell and edge.

    A path from s ends when it first reaches t; n_ij are its passages of the step from i to j (see `solvers.passing`).
    The *total* passage of a cell is what enters or what leaves it, whichever is more: 1 or more at s, 1 at t. The
    *net* passage counts max(n_ij − n_ji, 0) instead of n_ij, pair by pair: who walks to and fro cancels.

    Parameters
    ----------
    grid
        The landscape.
    distance
        θ, what a step costs, and how to solve.
    sources, targets
        Vertex numbers; without targets every two different sources, both ways.
    weights
        How many walk from each source to each target; 1 by default.
    kind
        "total" or "net".
    progress
        Called with the number of targets done and of all.

    Raises
    ------
    ValueError
        Vertices that are none; weights that are negative or not finite; a kind of passage that is none.

    Notes
    -----
    Two systems for each target and another one with the same matrix for what passes, or, net, for each pair. Nothing
    larger than a few rasters is held. θ → 0 is the random walk, whose net passage is the current of circuit theory.

    References
    ----------
    Kivimäki, I., Lebichot, B., Saramäki, J. & Saerens, M. (2016). Two betweenness centrality measures based on
    randomized shortest paths. Scientific Reports 6, 19668.
    McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model connectivity in
    ecology, evolution, and conservation. Ecology 89, 2712–2724.

    Examples
    --------
    >>> grid = GridGraph(np.array([[1.0, 1.0, 1.0]]), neighbors="rook")
    >>> flow = rsp_flow(grid, RSPDistance(theta=1.0), [0], [2], kind="net")
    >>> flow.passage.round(12), flow.reached
    (array([[1., 1., 1.]]), array([[ True]]))
    """
    if kind not in PASSAGES:
        raise ValueError(f"the kind of passage must be one of {', '.join(PASSAGES)}, not {kind!r}")
    starts = grid.vertex_indices(sources, "sources")
    ends = starts if targets is None else grid.vertex_indices(targets, "targets")
    amounts = _weights(weights, (starts.size, ends.size))
    if targets is None:
        amounts = np.where(np.eye(starts.size, dtype=bool), 0.0, amounts)
    given = (distance, distance.solver_for(grid), grid, edge_costs(grid, distance.cost, fill=0.0))
    start_cells, end_cells = vertex_cells(grid, starts), vertex_cells(grid, ends)
    reached, expected_cost = np.empty(amounts.shape, bool), np.empty(amounts.shape)
    passed, visits, imbalance = np.zeros(grid.shape), 0.0, 0.0
    edges = np.zeros((grid.directions, *grid.shape))
    for number in range(ends.size):
        column = jnp.asarray(amounts[:, number])
        found, there, spent = _to_one(*given, end_cells[number], start_cells, column, kind)
        passed += np.asarray(found.cells)
        edges += np.asarray(found.edges)
        visits += float(found.visits.sum())
        imbalance = max(imbalance, float(found.imbalance))
        reached[:, number], expected_cost[:, number] = np.asarray(there), np.asarray(spent)
        if progress is not None:
            progress(number + 1, ends.size)
    apart = np.asarray(starts)[:, None] != np.asarray(ends)[None]
    walked = (amounts * (reached & apart)).sum()
    return RSPFlow(
        np.where(np.asarray(grid.active), passed, np.nan),
        edges,
        reached,
        expected_cost,
        visits / walked if walked > 0 else float("nan"),
        imbalance,
    )


def _weights(given: ArrayInput | None, shape: tuple[int, int]) -> Float[np.ndarray, "sources targets"]:
    weights = np.ones(shape) if given is None else np.asarray(given, float)
    if weights.shape != shape:
        raise ValueError(f"weights must be {shape[0]} sources × {shape[1]} targets, not of shape {weights.shape}")
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        source, target = np.argwhere(wrong)[0]
        raise ValueError(
            f"{wrong.sum()} weights are negative or not finite, the first from source {source} to target {target} "
            f"({weights[source, target]:g}); a weight must be zero or more"
        )
    return weights


@eqx.filter_jit
def _to_one(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    grid: GridGraph,
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
    sources: Int[Array, "sources"],
    weights: Float[Array, "sources"],
    kind: PassageKind,
) -> tuple[Passage, Bool[Array, "sources"], Float[Array, "sources"]]:
    way = walk_to(distance, solver, grid, costs, target)
    reached, spent = way.reachable.ravel()[sources], way.expected_cost.ravel()[sources]
    walked = jnp.where(reached, weights, 0.0)
    if kind == "total":
        entering = jnp.zeros(grid.shape).ravel().at[sources].add(walked).reshape(grid.shape)
        return passage_from_walk(way, entering, target, kind), reached, spent

    def from_one(sum_: Passage, each: tuple[Array, Array]) -> tuple[Passage, None]:
        source, weight = each
        # Who has no weight is not computed, and one who has counts as one until the end.
        entering = jnp.zeros(grid.shape).ravel().at[source].set(jnp.where(weight > 0, 1.0, 0.0)).reshape(grid.shape)
        return sum_.plus(passage_from_walk(way, entering, target, kind).times(weight)), None

    return jax.lax.scan(from_one, zero_passage(grid), (sources, walked))[0], reached, spent
