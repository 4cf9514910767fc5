"""Randomized shortest paths, between the cheapest path (θ → ∞) and the random walk (θ → 0) (Saerens et al. 2009)."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..graph import ArrayInput, GridGraph, connected_components
from ..hashable_function import HashableFunction
from ..linalg import (
    AbstractLinearSolver,
    NestedDissection,
    StencilMatrix,
    dense_inverse,
    neighbour_offsets,
    require_dense_size,
    require_memory,
    require_solver,
    select_solver,
    shift,
)
from ..random_walks import log_transition_probabilities, solve_first_passage, solve_hitting, transition_system
from .base import AbstractDistance, vertex_cells, vertex_values
from .cost_functions import edge_costs, has_symmetric_costs, inverse
from .scalar_parameters import positive_scalar

MEASURES = ("expected_cost", "free_energy", "survival")

#: All pairs are computed from one dense inverse Z = (I − W)⁻¹ only if its entries are well inside the range of floats:
#: none has underflowed, and the expected numbers of visits are so small that C̄_st − C̄_tt is not a difference of huge
#: numbers.
SMALLEST_ENTRY = 1e-200
LARGEST_ENTRY = 1e3

#: Also, enough walks must be killed between any two cells for the difference of the survival from 1 to keep ten digits.
SMALLEST_LOSS = 1e-6

#: Time of the distances from one source to every cell, relative to those from every cell to one target.
FROM_SOURCE_WORK = 6


class RSPDistance(AbstractDistance):
    """Expected cost of randomized shortest paths: movement that prefers cheap routes without knowing the best.

    The reference random walk steps from i to j with probability P_ij ∝ conductance, and paths are weighted by
    exp(−θ cost). The distance from s to t is the expected cost of the paths from s until they first hit t. It is not
    symmetric.

    Parameters
    ----------
    theta
        The inverse temperature θ > 0, per unit of cost: small for a random walk, large for the cheapest path.
    cost
        Cost of crossing an edge of conductance w, zero or more; by default 1 / w.
    measure
        "expected_cost"; "free_energy": −log(survival) / θ, also a distance between the two extremes; or "survival":
        the probability that a random walk killed at rate θ per unit of cost hits the target, 1 at the target and 0
        where it is unreachable.
    solver
        Solver of the nonsymmetric linear systems of distances to targets; by default chosen from their size. Distances
        from sources to every cell always use nested dissection, and all pairs a dense inverse.

    Raises
    ------
    ValueError
        θ is not positive, a cost is negative, or the measure is unknown; all pairs of a landscape of more than 10,000
        active cells are requested.
    MemoryError
        Distances *from* a source *to* every cell do not fit into memory. They need the diagonal of an inverse;
        distances from every cell to a target do not.

    Notes
    -----
    With W = P ∘ exp(−θC), Z = (I − W)⁻¹: survival Z_st / Z_tt; free energy φ/θ, φ = −log survival; expected cost
    C̄_st − C̄_tt, C̄ = Z (C∘W) Z ∘/ Z (∘/ elementwise). For one target the same numbers come without Z: φ from its own
    scaled system, and the expected cost as the mean cost of the walk conditioned on hitting the target,
    EC_i = Σ_j W̃_ij (C_ij + EC_j), W̃_ij = W_ij z_j / z_i, sums of positive terms at any θ.

    References
    ----------
    Saerens, M., Achbany, Y., Fouss, F. & Yen, L. (2009). Randomized shortest-path problems: two related models.
    Neural Computation 21, 2363–2404.
    Van Moorter, B. et al. (2021). Defining and quantifying effective connectivity of landscapes for species'
    movements. Ecography 44, 870–884.

    Examples
    --------
    >>> grid = GridGraph(jnp.ones((2, 2)), neighbors="rook")
    >>> RSPDistance(theta=2.0)(grid, [0]).round(8)
    Array([[0.        , 1.01848492, 1.01848492, 2.01848492]], dtype=float64)
    """

    map_batch: ClassVar[int] = 1
    cheaper_to_targets: ClassVar[bool] = True

    theta: Float[Array, ""]
    cost: Callable[[Array], Array] = eqx.field(static=True)
    measure: str = eqx.field(static=True)
    solver: AbstractLinearSolver | None

    def __init__(
        self,
        theta: ArrayLike,
        cost: Callable[[Array], Array] = inverse,
        measure: str = "expected_cost",
        solver: AbstractLinearSolver | None = None,
    ):
        self.theta = positive_scalar(theta, "theta")
        if measure not in MEASURES:
            raise ValueError(f"measure must be one of {', '.join(MEASURES)}, not {measure!r}")
        self.cost = HashableFunction(cost)
        self.measure = measure
        require_solver(solver, symmetric_systems=False)
        self.solver = solver

    def to_targets(self, grid: GridGraph, targets: Int[Array, " targets"]) -> Float[Array, "n targets"]:
        """Distances from every vertex to targets, with two solves for each target."""
        costs = edge_costs(grid, self.cost, fill=0.0)
        cells, undirected = vertex_cells(grid, targets), has_symmetric_costs(grid)
        stored = slice(grid.directions // 2) if undirected else slice(None)
        rasters = _rasters_to_targets(self, self.solver_for(grid), grid.edges[stored], costs[stored], cells, undirected)
        return vertex_values(grid, rasters).T

    def solver_for(self, grid: GridGraph) -> AbstractLinearSolver:
        """Return the solver of the systems for one target: that of the distance, or one chosen by the grid's size."""
        return self.solver if self.solver is not None else select_solver(grid.shape, 1, symmetric=False).solver

    def _to_one(self, solver, conductances, costs, target, undirected: bool) -> Float[Array, "rows columns"]:
        """Return the distances to one target."""
        expected_cost = self.measure == "expected_cost"
        hitting = solve_hitting(
            solver, conductances, costs, self.theta, target, undirected=undirected, expected_cost=expected_cost
        )
        if self.measure == "survival":
            return jnp.where(hitting.reachable, jnp.exp(-hitting.free_energy), 0.0)
        distance = hitting.expected_cost if expected_cost else hitting.free_energy / self.theta
        return jnp.where(hitting.reachable, distance, jnp.inf)

    def from_sources(self, grid: GridGraph, sources: Int[Array, " sources"]) -> Float[Array, "sources n"]:
        """Distances from sources to every vertex, with transposed solves and the diagonal of an inverse for each."""
        request = f"The randomized-shortest-path distance to every cell of a raster of {grid.height:,} × {grid.width:,}"
        require_memory(grid.shape, request, symmetric=False, copies=3 if self.measure == "expected_cost" else 1)
        log_probabilities, costs = _log_probabilities_and_costs(grid, self.cost)
        return vertex_values(grid, _rasters_from_sources(self, log_probabilities, costs, vertex_cells(grid, sources)))

    def _from_one(self, log_probabilities, costs, source) -> Float[Array, "rows columns"]:
        """Return the distances from one source."""
        expected_cost = self.measure == "expected_cost"
        passage = solve_first_passage(
            NestedDissection(symmetric=False), log_probabilities, costs, self.theta, source, expected_cost=expected_cost
        )
        if self.measure == "survival":
            return jnp.where(passage.reached, jnp.exp(-passage.free_energy), 0.0)
        distance = passage.expected_cost if expected_cost else passage.free_energy / self.theta
        return jnp.where(passage.reached, distance, jnp.inf)

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, " sources"], targets: Int[Array, " targets"]
    ) -> Float[Array, "sources targets"]:
        """Distances from sources to targets, target by target, or source by source if there are far fewer sources."""
        if FROM_SOURCE_WORK * sources.shape[0] < targets.shape[0]:
            result, axis, vertices = self.from_sources(grid, sources), 1, targets
        else:
            result, axis, vertices = self.to_targets(grid, targets), 0, sources
        # Padding is unreachable.
        unreachable = 0.0 if self.measure == "survival" else jnp.inf
        return jnp.take(result, vertices, axis=axis, mode="fill", fill_value=unreachable)

    def nearest(self, grid: GridGraph, targets: ArrayInput) -> Float[Array, " n"]:
        """Distance from every vertex to the nearest target; of survival probabilities, the largest."""
        to_targets = self.to_targets(grid, grid.vertex_indices(targets, "targets"))
        return to_targets.max(1) if self.measure == "survival" else to_targets.min(1)

    def all_pairs(self, grid: GridGraph) -> Float[Array, "n n"]:
        """Distances between all vertices."""
        require_dense_size(grid.n_vertices, "The randomized-shortest-path distance from a source to every cell")
        log_probabilities, costs = _log_probabilities_and_costs(grid, self.cost)
        weights = jnp.exp(log_probabilities - self.theta * costs)
        z = dense_inverse(transition_system(weights), grid.cells, False)
        component = jnp.take(connected_components(grid).ravel(), grid.cells, mode="fill", fill_value=0)
        connected = (component[:, None] == component[None]) & (component > 0)
        fixed = jax.lax.stop_gradient(z)
        diagonal = jnp.diagonal(fixed)
        same = jnp.eye(grid.n_vertices, dtype=bool)
        in_range = (
            ~(connected & (fixed < SMALLEST_ENTRY)).any()
            & (diagonal < LARGEST_ENTRY).all()
            & (same | ~connected | (fixed < (1 - SMALLEST_LOSS) * diagonal[None])).all()
            & ~_has_directed_edges(grid)
        )
        return jax.lax.cond(
            in_range,
            lambda: self._from_inverse(grid, z, connected, weights, costs),
            lambda: self.to_targets(grid, jnp.arange(grid.n_vertices)),
        )

    def _from_inverse(self, grid, inverse, connected, weights, costs) -> Float[Array, "n n"]:
        """Return the distances between all vertices, given Z."""
        z = jnp.where(connected, inverse, 1.0)
        if self.measure != "expected_cost":
            survival = z / jnp.diagonal(z)[None]
            if self.measure == "survival":
                return jnp.where(connected, survival, 0.0)
            return jnp.where(connected, -jnp.log(survival) / self.theta, jnp.inf)
        weighted_costs = StencilMatrix(jnp.zeros(grid.shape), costs * weights).dense(grid.cells)
        mean_cost = (inverse @ weighted_costs @ inverse) / z
        return jnp.where(connected, mean_cost - jnp.diagonal(mean_cost)[None], jnp.inf)


# Compiled once for all landscapes of one size: a distance that is called again is not traced again.
@eqx.filter_jit
def _rasters_to_targets(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    cells: Int[Array, " targets"],
    undirected: bool,
) -> Float[Array, "targets rows columns"]:
    """Return the distances from every cell to each target."""
    return jax.lax.map(lambda target: distance._to_one(solver, conductances, costs, target, undirected), cells)


@eqx.filter_jit
def _rasters_from_sources(
    distance: RSPDistance,
    log_probabilities: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    cells: Int[Array, " sources"],
) -> Float[Array, "sources rows columns"]:
    """Return the distances from each source to every cell."""
    return jax.lax.map(lambda source: distance._from_one(log_probabilities, costs, source), cells)


def _log_probabilities_and_costs(
    grid: GridGraph, cost: Callable[[Array], Array]
) -> tuple[Float[Array, "directions rows columns"], Float[Array, "directions rows columns"]]:
    """Return log P of every step (−inf where there is no edge) and its cost (0 where there is no edge)."""
    return log_transition_probabilities(grid.edges), edge_costs(grid, cost, fill=0.0)


def _has_directed_edges(grid: GridGraph) -> Bool[Array, ""]:
    """Return whether an edge leads in one direction only."""
    exists = grid.edges > 0
    reverse = [
        shift(exists[grid.directions - 1 - direction], step, fill=False)
        for direction, step in enumerate(neighbour_offsets(grid.directions))
    ]
    return (exists != jnp.stack(reverse)).any()
