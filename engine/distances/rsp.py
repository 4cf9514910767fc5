"""Randomized shortest paths: from the cheapest route (θ → ∞) to the random walk (θ → 0) (Saerens et al. 2009)."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..graph.components import connected_components
from ..graph.grid_graph import GridGraph
from ..hashable_function import HashableFunction
from ..linalg.auto import require_memory, select_solver
from ..linalg.base import AbstractLinearSolver
from ..linalg.dense import dense_inverse, require_dense_size
from ..linalg.nested_dissection import NestedDissection
from ..linalg.stencil_matrix import StencilMatrix, neighbour_offsets, shift
from ..random_walks.first_passage import solve_first_passage
from ..random_walks.hitting import log_transition_probabilities, solve_hitting
from .base import AbstractDistance, vertex_cells, vertex_values
from .cost_functions import finite_costs, inverse
from .scalar_parameters import positive_scalar

MEASURES = ("expected_cost", "free_energy", "survival")

#: All pairs come from one dense inverse Z = (I − W)⁻¹ only while it is well inside floating range: entries that have
#: not underflowed, and walkers that are lost soon enough for C̄_st − C̄_tt not to be a difference of huge numbers.
SMALLEST_ENTRY = 1e-200
LARGEST_ENTRY = 1e3

#: Distances from one source to every cell take so many times as long as those from every cell to one target.
FROM_SOURCE_WORK = 6


class RSPDistance(AbstractDistance):
    """Expected cost of randomized shortest paths: movement that prefers cheap routes without knowing the best.

    A walker steps from i to j with probability P_ij ∝ conductance; paths are favoured by exp(−θ cost). The distance
    from s to t is the mean cost of the paths from s until they first reach t. It is not symmetric.

    Parameters
    ----------
    theta
        θ > 0, per unit of cost: small is wandering, large is optimal.
    cost
        Cost of crossing an edge of conductance w, zero or more; by default 1 / w.
    measure
        "expected_cost"; "free_energy": −log(survival) / θ, also a distance between the two extremes; or "survival":
        the probability that a walker killed at rate θ per unit of cost arrives, 1 at the target, 0 if unreachable.
    solver
        For the linear systems; by default chosen from their size.

    Raises
    ------
    ValueError
        θ not positive; a negative cost; distances *from* a source *to* every cell of a landscape of more than 10,000
        active cells (they need the diagonal of an inverse; distances from every cell to a target do not).

    Notes
    -----
    With W = P ∘ exp(−θC), Z = (I − W)⁻¹: survival Z_st / Z_tt; free energy φ/θ, φ = −log survival; expected cost
    C̄_st − C̄_tt, C̄ = Z (C∘W) Z ∘/ Z (∘/ elementwise). For one target the same numbers come without Z: φ from its own
    scaled system, and the expected cost as the mean hitting cost of the walk given that it arrives,
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
        self.solver = solver

    def to_targets(self, grid: GridGraph, targets: Int[Array, "targets"]) -> Float[Array, "n targets"]:
        """Distances from every vertex to targets: two solves for each, whatever the size and θ."""
        costs = finite_costs(grid, self.cost)
        # Whether a function treats its arguments alike is only a guess, from a few numbers.
        undirected = grid.is_undirected and isinstance(grid.edge_rule, str)
        solver = self.solver_for(grid)

        def to_one(target: Int[Array, ""]) -> Float[Array, "rows columns"]:
            return self._to_one(solver, grid.edges, costs, target, undirected)

        rasters = jax.lax.map(to_one, vertex_cells(grid, targets))
        return vertex_values(grid, rasters).T

    def solver_for(self, grid: GridGraph) -> AbstractLinearSolver:
        """Return what solves the systems of walks to one target: the solver that was given, or chosen by their size."""
        return self.solver if self.solver is not None else select_solver(grid.shape, 1, symmetric=False).solver

    def _to_one(self, solver, conductances, costs, target, undirected: bool) -> Float[Array, "rows columns"]:
        wanted = self.measure == "expected_cost"
        arrival = solve_hitting(
            solver, conductances, costs, self.theta, target, undirected=undirected, accumulated_cost=wanted
        )
        # A place that the target cannot be reached from has weight 0; a harmless 1 keeps NaN out of the gradient.
        reached = arrival.log_scale < jnp.inf
        scaled = jnp.where(reached, arrival.scaled, 1.0)
        if wanted:
            spent = arrival.accumulated_cost.ravel().at[target].set(0.0, mode="drop").reshape(scaled.shape)
            return jnp.where(reached, spent / scaled, jnp.inf)
        free_energy = jnp.where(reached, arrival.log_scale, 0.0) - jnp.log(scaled)
        if self.measure == "free_energy":
            return jnp.where(reached, free_energy / self.theta, jnp.inf)
        return jnp.where(reached, jnp.exp(-free_energy), 0.0)

    def from_sources(self, grid: GridGraph, sources: Int[Array, "sources"]) -> Float[Array, "sources n"]:
        """Distances from sources to every vertex: transposed solves and the diagonal of an inverse for each."""
        what = f"The randomized-shortest-path distance to every cell of a raster of {grid.height:,} × {grid.width:,}"
        require_memory(grid.shape, what, symmetric=False, copies=3 if self.measure == "expected_cost" else 1)
        log_transition_probabilities, costs = _walk(grid, self.cost)
        exact = NestedDissection(symmetric=False)
        spent = self.measure == "expected_cost"

        def from_one(source: Int[Array, ""]) -> Float[Array, "rows columns"]:
            found = solve_first_passage(
                exact, log_transition_probabilities, costs, self.theta, source, expected_cost=spent
            )
            if self.measure == "survival":
                return jnp.where(found.reached, jnp.exp(-found.free_energy), 0.0)
            distance = found.expected_cost if spent else found.free_energy / self.theta
            return jnp.where(found.reached, distance, jnp.inf)

        return vertex_values(grid, jax.lax.map(from_one, vertex_cells(grid, sources)))

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, "sources"], targets: Int[Array, "targets"]
    ) -> Float[Array, "sources targets"]:
        """Distances from sources to targets, two solves for each target (or more for each source, if those are few)."""
        if FROM_SOURCE_WORK * sources.shape[0] < targets.shape[0]:
            return super().sources_to_targets(grid, sources, targets)
        empty = 0.0 if self.measure == "survival" else jnp.inf
        return jnp.take(self.to_targets(grid, targets), sources, axis=0, mode="fill", fill_value=empty)

    def all_pairs(self, grid: GridGraph) -> Float[Array, "n n"]:
        """Distances between all vertices."""
        require_dense_size(grid.n_vertices, "The randomized-shortest-path distance from a source to every cell")
        log_transition_probabilities, costs = _walk(grid, self.cost)
        weights = jnp.exp(log_transition_probabilities - self.theta * costs)
        inverse_ = dense_inverse(_identity_minus(weights), grid.cells, False)
        component = jnp.take(connected_components(grid).ravel(), grid.cells, mode="fill", fill_value=0)
        together = component[:, None] == component[None]
        fixed = jax.lax.stop_gradient(inverse_)
        in_range = (
            ~(together & (fixed < SMALLEST_ENTRY)).any()
            & (jnp.diagonal(fixed) < LARGEST_ENTRY).all()
            & ~_has_one_way_edges(grid)
        )
        return jax.lax.cond(
            in_range,
            lambda: self._from_inverse(grid, inverse_, together, weights, costs),
            lambda: self.to_targets(grid, jnp.arange(grid.n_vertices)),
        )

    def _from_inverse(self, grid, inverse_, together, weights, costs):
        z = jnp.where(together, inverse_, 1.0)
        if self.measure != "expected_cost":
            survival = z / jnp.diagonal(z)[None]
            if self.measure == "survival":
                return jnp.where(together, survival, 0.0)
            return jnp.where(together, -jnp.log(survival) / self.theta, jnp.inf)
        spent = StencilMatrix(jnp.zeros(grid.shape), costs * weights).dense(grid.cells)
        mean_cost = (inverse_ @ spent @ inverse_) / z
        return jnp.where(together, mean_cost - jnp.diagonal(mean_cost)[None], jnp.inf)


def _walk(
    grid: GridGraph, cost: Callable[[Array], Array]
) -> tuple[Float[Array, "directions rows columns"], Float[Array, "directions rows columns"]]:
    """Return log P of every step (−inf where there is no edge) and its cost (0 where there is no edge)."""
    return log_transition_probabilities(grid.edges), finite_costs(grid, cost)


def _identity_minus(weights: Float[Array, "directions rows columns"]) -> StencilMatrix:
    return StencilMatrix(jnp.ones(weights.shape[1:]), -weights)


def _has_one_way_edges(grid: GridGraph) -> Array:
    exists = grid.edges > 0
    back = [
        shift(exists[grid.directions - 1 - d], step, fill=False)
        for d, step in enumerate(neighbour_offsets(grid.directions))
    ]
    return (exists != jnp.stack(back)).any()
