"""Movement along randomized shortest paths: passages between sources and targets (Kivimäki et al. 2016)."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..counts import count_of
from ..distances import RSPDistance, edge_costs, vertex_cells
from ..graph import ArrayInput, GridGraph
from ..linalg import AbstractLinearSolver
from .passage import PASSAGES, Passage, PassageKind, conditioned_walk, expected_passage, zero_passage


@dataclass(frozen=True)
class RSPFlow:
    """Expected passages of randomized shortest paths.

    Attributes
    ----------
    passage
        Expected passages through each cell, summed over the pairs; NaN in inactive cells.
    edges
        Expected passages of each step from a cell to its neighbour, in the order of `neighbour_offsets`.
    reached
        Whether each target can be reached from each source.
    expected_cost
        Expected cost of the paths from each source to each target; infinite where there is none.
    steps
        Mean number of steps of a path, weighted over the pairs; NaN if no target can be reached.
    imbalance
        Largest difference between the flow into a cell and the flow out of it, relative to the most visits of a cell.
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
    """Return the expected passages of randomized shortest paths through each cell and edge.

    A path from s ends when it first hits t; n_ij are its passages of the step from i to j (see `random_walks.visits`).
    The *total* passage of a cell is the flow into it or out of it, whichever is larger: 1 or more at s, 1 at t. The
    *net* passage counts max(n_ij − n_ji, 0) instead of n_ij, pair by pair, so that steps back and forth cancel.

    Parameters
    ----------
    grid
        The landscape.
    distance
        θ, the cost of a step, and the solver.
    sources, targets
        Vertex numbers, or rows and columns; by default all ordered pairs of different sources.
    weights
        Number of paths from each source to each target; 1 by default.
    kind
        "total" or "net".
    progress
        Called with the number of targets processed and their total.

    Raises
    ------
    ValueError
        Invalid vertices; weights that are negative or not finite; an unknown kind of passage.

    Notes
    -----
    Two systems for each target, and one more with the same matrix for the visits of each target or, for net passages,
    of each pair; memory for a few rasters. θ → 0 is the random walk, whose net passage is the current of circuit
    theory.

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
    source_vertices = grid.vertex_indices(sources, "sources")
    target_vertices = source_vertices if targets is None else grid.vertex_indices(targets, "targets")
    weights = _validate_weights(weights, (source_vertices.size, target_vertices.size))
    if targets is None:
        weights = np.where(np.eye(source_vertices.size, dtype=bool), 0.0, weights)
    solver, costs = distance.solver_for(grid), edge_costs(grid, distance.cost, fill=0.0)
    source_cells, target_cells = vertex_cells(grid, source_vertices), vertex_cells(grid, target_vertices)
    reached, expected_cost = np.empty(weights.shape, bool), np.empty(weights.shape)
    passage, visits, imbalance = np.zeros(grid.shape), 0.0, 0.0
    edges = np.zeros((grid.directions, *grid.shape))
    for number in range(target_vertices.size):
        to_target, reachable, cost = _passage_to_target(
            distance,
            solver,
            grid.edges,
            costs,
            target_cells[number],
            source_cells,
            jnp.asarray(weights[:, number]),
            kind,
        )
        passage += np.asarray(to_target.cells)
        edges += np.asarray(to_target.edges)
        visits += float(to_target.visits.sum())
        imbalance = max(imbalance, float(to_target.imbalance))
        reached[:, number], expected_cost[:, number] = np.asarray(reachable), np.asarray(cost)
        if progress is not None:
            progress(number + 1, target_vertices.size)
    distinct = np.asarray(source_vertices)[:, None] != np.asarray(target_vertices)[None]
    walks = (weights * (reached & distinct)).sum()
    return RSPFlow(
        np.where(np.asarray(grid.active), passage, np.nan),
        edges,
        reached,
        expected_cost,
        visits / walks if walks > 0 else float("nan"),
        imbalance,
    )


def _validate_weights(weights: ArrayInput | None, shape: tuple[int, int]) -> Float[np.ndarray, "sources targets"]:
    """Return the weights as an array of the given shape, checked."""
    weights = np.ones(shape) if weights is None else np.asarray(weights, float)
    if weights.shape != shape:
        raise ValueError(f"weights must have the shape {shape} of sources × targets, not {weights.shape}")
    invalid = ~((weights >= 0) & (weights < np.inf))
    if invalid.any():
        source, target = np.argwhere(invalid)[0]
        raise ValueError(
            f"{count_of(invalid.sum(), 'weight is', 'weights are')} negative or not finite, the first from source "
            f"{source} to target {target} ({weights[source, target]:g}); a weight must be zero or more"
        )
    return weights


@eqx.filter_jit
def _passage_to_target(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
    sources: Int[Array, " sources"],
    weights: Float[Array, " sources"],
    kind: PassageKind,
) -> tuple[Passage, Bool[Array, " sources"], Float[Array, " sources"]]:
    """Return the passage from sources to one target, which sources can reach it, and their expected costs."""
    shape = costs.shape[1:]
    walk = conditioned_walk(distance, solver, conductances, costs, target)
    reachable, cost = walk.reachable.ravel()[sources], walk.expected_cost.ravel()[sources]
    weights = jnp.where(reachable, weights, 0.0)
    if kind == "total":
        starts = jnp.zeros(shape).ravel().at[sources].add(weights).reshape(shape)
        return expected_passage(walk, starts, target, kind), reachable, cost

    def add_source(total: Passage, pair: tuple[Array, Array]) -> tuple[Passage, None]:
        """Add the net passage from one source."""
        source, weight = pair
        # One walk for each source with a weight, so that sources without are skipped; the weight applies to the result.
        starts = jnp.zeros(shape).ravel().at[source].set(jnp.where(weight > 0, 1.0, 0.0)).reshape(shape)
        return total + expected_passage(walk, starts, target, kind) * weight, None

    return jax.lax.scan(add_source, zero_passage(conductances), (sources, weights))[0], reachable, cost
