"""Hitting probabilities of killed random walks, solved in a log scale that prevents overflow and underflow."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..linalg import (
    AbstractLinearSolver,
    NonsymmetricMultigrid,
    OrderedSystem,
    StencilMatrix,
    mirror_half,
    require_solved,
    shifts,
    unit_vectors,
    with_state,
)
from .hitting_cpu import solve_hitting_cpu
from .log_scaling import backward_error, find_log_scaling
from .newton_scaling import MAX_NEWTON_STEPS, cached_log_scaling
from .transitions import log_transition_probabilities, transition_system


class HittingSolution(NamedTuple):
    """Hitting weights z of one target, z = scaled · exp(−log_scale), and the cost accumulated until the target is hit.

    Attributes
    ----------
    log_scale
        φ; infinite where the target cannot be reached.
    scaled
        z̃, of order one; 0 where the target cannot be reached.
    accumulated_cost
        z̃ times the expected cost from each cell to the target, given that the walk hits it; 0 if not requested.
    """

    log_scale: Float[Array, "rows columns"]
    scaled: Float[Array, "rows columns"]
    accumulated_cost: Float[Array, "rows columns"]


def solve_hitting(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    *,
    undirected: bool,
    accumulated_cost: bool,
    newton_steps: int = MAX_NEWTON_STEPS,
) -> HittingSolution:
    """Solve for the weight of all paths from every cell to one absorbing target; differentiable.

    Parameters
    ----------
    solver
        Solver of the nonsymmetric linear systems.
    conductances
        Of every transition, 0 where there is no edge.
    costs
        C ≥ 0; 0 where there is no edge.
    theta
        Inverse temperature θ.
    target
        Flat raster index; nothing reaches an index beyond the raster.
    undirected
        Whether conductances and costs are the same in both directions.
    accumulated_cost
        Whether to solve for the accumulated cost, too.
    newton_steps
        Largest number of Newton steps for the log scaling; only for nonsymmetric multigrid.

    Notes
    -----
    A transition from i to j has weight W_ij = P_ij exp(−θ C_ij), with P_ij ∝ conductance, and z = W z with z = 1 at
    the absorbing target. In a log scale φ ≈ −log z, z̃_i = z_i exp(φ_i) solves the same equation with
    W̃_ij = W_ij exp(φ_i − φ_j), whose rows sum to about one. The expected cost EC until the target is hit solves, times
    z̃, the same system: (I − W̃)(z̃ EC) = (W̃∘C) z̃. Derivatives are taken through W̃ with φ fixed, on which the result
    does not depend.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616.

    Examples
    --------
    >>> from ..linalg.nested_dissection import NestedDissection
    >>> chain = jnp.zeros((4, 1, 2)).at[2, 0, 0].set(1.0).at[1, 0, 1].set(1.0)
    >>> solution = solve_hitting(
    ...     NestedDissection(symmetric=False), chain, chain, jnp.array(0.5), jnp.array(1),
    ...     undirected=False, accumulated_cost=True,
    ... )
    >>> (solution.scaled * jnp.exp(-solution.log_scale)).round(4)
    Array([[0.6065, 1.    ]], dtype=float64)
    """
    if not isinstance(solver, NonsymmetricMultigrid):
        return _differentiable(solver, conductances, costs, theta, target, accumulated_cost, newton_steps)

    def differentiable(solver, conductances, costs, theta, target):
        if undirected:
            conductances, costs = mirror_half(conductances), mirror_half(costs)
        return _differentiable(solver, conductances, costs, theta, target, accumulated_cost, newton_steps)

    @jax.custom_jvp
    def fused(*args):
        *rasters, converged = solve_hitting_cpu(
            solver, *args, undirected=undirected, accumulated_cost=accumulated_cost, newton_steps=newton_steps
        )
        return jax.lax.cond(
            converged, lambda: HittingSolution(*rasters), lambda: differentiable(solver.fallback, *args)
        )

    @fused.defjvp
    def _(primals, tangents):
        *_, target = primals
        return jax.jvp(lambda *args: differentiable(solver, *args, target), primals[:-1], tangents[:-1])

    stored = len(conductances) // 2 if undirected else len(conductances)
    return fused(conductances[:stored], costs[:stored], theta, target)


def _differentiable(
    solver: AbstractLinearSolver, conductances, costs, theta, target, accumulated_cost: bool, newton_steps: int
) -> HittingSolution:
    system = scaled_transition_system(solver, conductances, costs, theta, target, newton_steps)
    return system.solve_hitting(accumulated_cost=accumulated_cost)


@dataclass(frozen=True)
class ScaledTransitionSystem:
    """The walk to one target in log scale, ready to be solved.

    Attributes
    ----------
    solver, state
        The linear solver, and its state for the system.
    log_scale
        φ; infinite where the target cannot be reached.
    system
        I − W̃; identity rows at the target and where it cannot be reached.
    costs
        Of every transition.
    target
        1 at the target, 0 elsewhere.
    """

    solver: AbstractLinearSolver
    state: Any
    log_scale: Float[Array, "rows columns"]
    system: StencilMatrix
    costs: Float[Array, "directions rows columns"]
    target: Float[Array, "rows columns"]

    def solve_hitting(self, *, accumulated_cost: bool) -> HittingSolution:
        """Solve for the hitting weights; see the function `solve_hitting`."""
        solve = with_state(self.solver, self.system, self.state)
        # At the target z̃ is 1 to the last bit, whatever the solver returns.
        weights = jnp.where(self.log_scale < jnp.inf, solve(self.target[None])[0], 0.0)
        scaled = jnp.where(self.target > 0, 1.0, weights)
        if not accumulated_cost:
            return HittingSolution(self.log_scale, scaled, jnp.zeros_like(scaled))
        minus_costs = StencilMatrix(jnp.zeros_like(scaled), self.system.edges * self.costs)
        return HittingSolution(self.log_scale, scaled, solve(-minus_costs.apply(scaled)[None])[0])


def scaled_transition_system(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    newton_steps: int = MAX_NEWTON_STEPS,
) -> ScaledTransitionSystem:
    """Find the log scale of the walk to one target and set up its linear system; parameters as in `solve_hitting`.

    Derivatives are taken through the system, with the log scale fixed.
    """
    log_probabilities = log_transition_probabilities(conductances)
    log_scale, state = _log_scale_and_state(solver, conductances, log_probabilities, costs, theta, target, newton_steps)
    system = transition_system(_scaled_weights(log_probabilities, theta * costs, log_scale, target))
    return ScaledTransitionSystem(
        solver, state, log_scale, system, costs, unit_vectors(target[None], log_scale.shape)[0]
    )


def _log_scale_and_state(
    solver: AbstractLinearSolver, conductances, log_probabilities, costs, theta, target, newton_steps: int
) -> tuple[Array, Any]:
    """Return the log scale and the solver's state of the system in that scale; neither is differentiated."""
    conductances, log_probabilities, costs, theta = jax.lax.stop_gradient(
        (conductances, log_probabilities, costs, theta)
    )
    right_hand_side = unit_vectors(target[None], costs.shape[1:])

    def find_with(solver):
        def attempt(fixed, log_scale):
            system = transition_system(_scaled_weights(*fixed, log_scale, target))
            state = solver.init(system)
            scaled = require_solved(solver.compute(state, right_hand_side))[0]
            return state, scaled, backward_error(system, scaled, right_hand_side[0])

        return find_log_scaling(attempt, log_probabilities, theta * costs, target, from_cell=False)

    if not isinstance(solver, NonsymmetricMultigrid):
        return find_with(solver)
    log_scale, position, key = cached_log_scaling(conductances, costs, theta, target, newton_steps)
    log_scale = jax.lax.cond(key > 0, lambda: log_scale, lambda: find_with(solver.fallback)[0])
    system = transition_system(_scaled_weights(log_probabilities, theta * costs, log_scale, target))
    return log_scale, OrderedSystem(system, position, key)


def _scaled_weights(log_probabilities, energies, log_scale, target) -> Float[Array, "directions rows columns"]:
    """Return W̃_ij = P_ij exp(−θ C_ij + φ_i − φ_j); 0 in rows of the target and of cells that cannot reach it."""
    neighbour = shifts(log_scale, log_probabilities.shape[0], fill=jnp.inf)
    cell = jnp.arange(log_scale.size).reshape(log_scale.shape)
    transient = jnp.isfinite(log_scale) & (cell != target)
    usable = (log_probabilities > -jnp.inf) & jnp.isfinite(neighbour) & transient
    exponent = log_probabilities - energies + jnp.where(usable, log_scale - jnp.where(usable, neighbour, 0.0), 0.0)
    # Without an edge both the weight and its derivative are 0. The exponent is replaced by 0 there, as −inf would turn
    # the derivative into NaN.
    return jnp.where(usable, jnp.exp(jnp.where(usable, exponent, 0.0)), 0.0)
