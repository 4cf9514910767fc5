"""Where movement between all habitat passes: betweenness by randomized shortest paths, and the habitat it connects."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..distances.base import vertex_cells
from ..distances.cost_functions import edge_costs
from ..distances.rsp import RSPDistance
from ..graph.grid_graph import ArrayInput, GridGraph
from ..hashable_function import HashableFunction
from ..linalg.base import AbstractLinearSolver
from .passage import PASSAGES, Passage, PassageKind, passage_from_walk, walk_to

Proximity = Callable[[Array], Array]


@dataclass(frozen=True)
class Betweenness:
    """Movement between habitat.

    Attributes
    ----------
    passage
        b_i, expected visits of each cell, weighted; or net passages. NaN where the cell is not active.
    edges
        Expected passages of each step from a cell to its neighbour, weighted alike.
    habitat
        Connected habitat h_s = qs_s Σ_t K_st qt_t of each cell, if there is a proximity; else None.
    pairs, unreachable_pairs
        How many pairs of different cells entered, and how many cannot reach each other.
    steps
        Mean number of steps between two cells, weighted alike; NaN where nobody moves.
    imbalance
        By how much what enters a cell and what leaves it differ at most, beside the most visits of a cell.
    """

    passage: Float[np.ndarray, "rows columns"]
    edges: Float[np.ndarray, "directions rows columns"]
    habitat: Float[np.ndarray, "rows columns"] | None
    pairs: int
    unreachable_pairs: int
    steps: float
    imbalance: float


def betweenness(
    grid: GridGraph,
    distance: RSPDistance,
    quality: ArrayInput | None = None,
    *,
    targets: ArrayInput | None = None,
    target_quality: ArrayInput | None = None,
    proximity: Proximity | None = None,
    kind: PassageKind = "total",
    progress: Callable[[int, int], None] | None = None,
) -> Betweenness:
    """Return how often movement between all habitat is expected to visit each cell.

    From s to t go M_st = qs_s K_st qt_t, on randomized shortest paths until they first reach t:

        b_i = Σ_t Z_it [(I − W)⁻ᵀ (M ∘/ Z − diag(column sums / Z_tt))]_it,

    as ConScape defines it; target by target the same numbers are the visits of walks given that they arrive.

    Parameters
    ----------
    grid
        The landscape.
    distance
        θ, what a step costs, and how to solve.
    quality
        qs, habitat quality of sources, a raster, zero or more; 1 everywhere if left out.
    targets
        Vertex numbers; by default every vertex that has quality as a target. See `landmarks` for fewer.
    target_quality
        qt, a raster; the quality of sources if left out.
    proximity
        K as a function of the expected cost, for k-weighted betweenness and connected habitat; by default K = 1
        (q-weighted).
    kind
        "total" for visits, which is what ConScape returns; "net" for what passes in one direction less what comes
        back, of all who go to one target together.
    progress
        Called with the number of targets done and of all.

    Raises
    ------
    ValueError
        Quality that is negative, NaN or infinite in an active cell; no target that has quality; targets that are not
        vertices.

    Notes
    -----
    Three systems with one matrix for each target; nothing larger than a few rasters is held.

    References
    ----------
    Van Moorter, B. et al. (2023). Accelerating advances in landscape connectivity modelling with the ConScape library.
    Methods in Ecology and Evolution 14, 133–145.
    Kivimäki, I., Lebichot, B., Saramäki, J. & Saerens, M. (2016). Two betweenness centrality measures based on
    randomized shortest paths. Scientific Reports 6, 19668.

    Examples
    --------
    >>> grid = GridGraph(np.array([[1.0, 1.0, 1.0]]), neighbors="rook")
    >>> betweenness(grid, RSPDistance(theta=50.0)).passage.round(6)
    array([[2., 4., 2.]])
    """
    if kind not in PASSAGES:
        raise ValueError(f"the kind of passage must be one of {', '.join(PASSAGES)}, not {kind!r}")
    start = validate_quality(grid, quality)
    end = start if target_quality is None else validate_quality(grid, target_quality)
    active = np.asarray(grid.active)
    values = end[active]
    chosen = np.flatnonzero(values > 0) if targets is None else np.asarray(grid.vertex_indices(targets, "targets"))
    if not (values[chosen] > 0).any():
        raise ValueError(f"none of {chosen.size:,} targets has a quality above 0: there is nothing to go to")
    given = (distance, distance.solver_for(grid), grid, edge_costs(grid, distance.cost, fill=0.0))
    # Functions are told apart by what they compute; modules with numbers in them go as they are.
    nearness = proximity if proximity is None or isinstance(proximity, eqx.Module) else HashableFunction(proximity)
    cells, weights = vertex_cells(grid, jnp.asarray(chosen)), jnp.asarray(values[chosen])
    passed, habitat = np.zeros(grid.shape), np.zeros(grid.shape)
    edges = np.zeros((grid.directions, *grid.shape))
    pairs, unreachable, visits, walked, imbalance = 0, 0, 0.0, 0.0, 0.0
    for number in range(chosen.size):
        found = _to_one(*given, cells[number], jnp.asarray(start), weights[number], nearness, kind)
        passed += np.asarray(found.passage.visits if kind == "total" else found.passage.cells)
        edges += np.asarray(found.passage.edges)
        habitat += np.asarray(found.habitat)
        pairs, unreachable = pairs + int(found.pairs), unreachable + int(found.unreachable)
        visits, walked = visits + float(found.passage.visits.sum()), walked + float(found.walked)
        imbalance = max(imbalance, float(found.passage.imbalance))
        if progress is not None:
            progress(number + 1, chosen.size)
    return Betweenness(
        np.where(active, passed, np.nan),
        edges,
        None if proximity is None else np.where(active, habitat, np.nan),
        pairs,
        unreachable,
        visits / walked if walked > 0 else float("nan"),
        imbalance,
    )


def validate_quality(grid: GridGraph, quality: ArrayInput | None) -> Float[np.ndarray, "rows columns"]:
    """Return quality as an array that is 0 outside of the active cells; 1 in all of them if it is left out.

    Raises
    ------
    ValueError
        It has another shape than the landscape, or is negative, NaN or infinite in an active cell.

    Examples
    --------
    >>> validate_quality(GridGraph(np.array([[1.0, 0.0]])), [[0.5, np.nan]])
    array([[0.5, 0. ]])
    """
    active = np.asarray(grid.active)
    values = np.ones(grid.shape) if quality is None else np.asarray(quality, dtype=float)
    if values.shape != grid.shape:
        raise ValueError(f"quality has {values.shape} cells, the landscape {grid.shape}")
    wrong = active & ~((values >= 0) & (values < np.inf))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"quality is negative, missing or infinite in {wrong.sum()} active cells, the first at row {row}, column "
            f"{column} ({values[row, column]}); it must be zero or more"
        )
    return np.where(active, values, 0.0)


class _TargetContribution(eqx.Module):
    passage: Passage
    habitat: Float[Array, "rows columns"]
    walked: Float[Array, ""]
    pairs: Int[Array, ""]
    unreachable: Int[Array, ""]


@eqx.filter_jit
def _to_one(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    grid: GridGraph,
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
    quality: Float[Array, "rows columns"],
    target_quality: Float[Array, ""],
    proximity: Proximity | None,
    kind: PassageKind,
) -> _TargetContribution:
    way = walk_to(distance, solver, grid, costs, target)
    # A harmless 0 where there is no way.
    spent = jnp.where(way.reachable, way.expected_cost, 0.0)
    nearness = jnp.ones(grid.shape) if proximity is None else proximity(spent)
    moved = jnp.where(way.reachable, quality * nearness * target_quality, 0.0)
    elsewhere = jnp.arange(quality.size).reshape(grid.shape) != target
    asked = (quality > 0) & (target_quality > 0) & elsewhere
    return _TargetContribution(
        passage_from_walk(way, moved, target, kind),
        moved,
        jnp.where(elsewhere, moved, 0.0).sum(),
        (asked & way.reachable).sum(),
        (asked & ~way.reachable).sum(),
    )
