"""Betweenness of randomized shortest paths between all habitat, and connected habitat (Van Moorter et al. 2023)."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..distances import RSPDistance, edge_costs, vertex_cells
from ..graph import ArrayInput, GridGraph
from ..hashable_function import HashableFunction
from ..linalg import AbstractLinearSolver
from .habitat_quality import validate_targets
from .passage import PASSAGES, Passage, PassageKind, conditioned_walk, expected_passage

Proximity = Callable[[Array], Array]


@dataclass(frozen=True)
class Betweenness:
    """Betweenness of cells and edges.

    Attributes
    ----------
    passage
        Betweenness b_i: weighted expected visits of each cell, or net passages; NaN in inactive cells.
    edges
        Weighted expected passages of each step from a cell to its neighbour.
    habitat
        Connected habitat h_s = qs_s Σ_t K_st qt_t of each cell, if there is a proximity; else None.
    pairs, unreachable_pairs
        Numbers of connected and of unconnected pairs of different cells with quality.
    steps
        Weighted mean number of steps of a path; NaN if there is no movement.
    imbalance
        Largest difference between the flow into a cell and the flow out of it, relative to the most visits of a cell.
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
    """Return the expected visits of each cell by movement between all habitat.

    M_st = qs_s K_st qt_t is the movement from s to t, along randomized shortest paths until they first hit t:

        b_i = Σ_t Z_it [(I − W)⁻ᵀ (M ∘/ Z − diag(column sums / Z_tt))]_it,

    as ConScape defines it. Target by target, these are the visits of random walks conditioned on hitting the target.

    Parameters
    ----------
    grid
        The landscape.
    distance
        θ, the cost of a step, and the solver.
    quality
        qs, raster of the habitat quality of sources, zero or more; 1 everywhere by default.
    targets
        Vertex numbers, or rows and columns; by default every vertex with target quality. See `landmarks` for fewer.
    target_quality
        qt, raster of the habitat quality of targets; that of sources by default.
    proximity
        K as a function of the expected cost, for k-weighted betweenness and connected habitat; by default K = 1
        (q-weighted).
    kind
        "total" for visits, as in ConScape; "net" for the passages of an edge in one direction minus those in the other,
        summed over all sources before the subtraction, target by target.
    progress
        Called with the number of targets processed and their total.

    Raises
    ------
    ValueError
        Quality that is negative, NaN or infinite in an active cell; no target with quality; invalid vertices.

    Notes
    -----
    Three systems with one matrix for each target; memory for a few rasters.

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
    quality, target_quality, target_vertices = validate_targets(grid, quality, target_quality, targets)
    solver, costs = distance.solver_for(grid), edge_costs(grid, distance.cost, fill=0.0)
    # Functions are compared by their code; modules with parameters are traced.
    if proximity is not None and not isinstance(proximity, eqx.Module):
        proximity = HashableFunction(proximity)
    source_quality, target_cells = jnp.asarray(quality), vertex_cells(grid, jnp.asarray(target_vertices))
    passage, habitat = np.zeros(grid.shape), np.zeros(grid.shape)
    edges = np.zeros((grid.directions, *grid.shape))
    pairs, unreachable, visits, walks, imbalance = 0, 0, 0.0, 0.0, 0.0
    for number, weight in enumerate(jnp.asarray(target_quality)):
        part = _to_target(
            distance, solver, grid.edges, costs, target_cells[number], source_quality, weight, proximity, kind
        )
        passage += np.asarray(part.passage.visits if kind == "total" else part.passage.cells)
        edges += np.asarray(part.passage.edges)
        habitat += np.asarray(part.habitat)
        pairs, unreachable = pairs + int(part.pairs), unreachable + int(part.unreachable)
        visits, walks = visits + float(part.passage.visits.sum()), walks + float(part.walks)
        imbalance = max(imbalance, float(part.passage.imbalance))
        if progress is not None:
            progress(number + 1, target_vertices.size)
    active = np.asarray(grid.active)
    return Betweenness(
        np.where(active, passage, np.nan),
        edges,
        None if proximity is None else np.where(active, habitat, np.nan),
        pairs,
        unreachable,
        visits / walks if walks > 0 else float("nan"),
        imbalance,
    )


class _TargetContribution(eqx.Module):
    """The sums over all sources for one target; `walks` is the movement that starts elsewhere."""

    passage: Passage
    habitat: Float[Array, "rows columns"]
    walks: Float[Array, ""]
    pairs: Int[Array, ""]
    unreachable: Int[Array, ""]


@eqx.filter_jit
def _to_target(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
    quality: Float[Array, "rows columns"],
    target_quality: Float[Array, ""],
    proximity: Proximity | None,
    kind: PassageKind,
) -> _TargetContribution:
    """Return the sums over all sources for one target."""
    walk = conditioned_walk(distance, solver, conductances, costs, target)
    # A finite cost of 0 keeps NaN out where the target is unreachable.
    cost = jnp.where(walk.reachable, walk.expected_cost, 0.0)
    kernel = jnp.ones(quality.shape) if proximity is None else proximity(cost)
    movement = jnp.where(walk.reachable, quality * kernel * target_quality, 0.0)
    elsewhere = jnp.arange(quality.size).reshape(quality.shape) != target
    counted = (quality > 0) & (target_quality > 0) & elsewhere
    return _TargetContribution(
        expected_passage(walk, movement, target, kind),
        movement,
        jnp.where(elsewhere, movement, 0.0).sum(),
        (counted & walk.reachable).sum(),
        (counted & ~walk.reachable).sum(),
    )
