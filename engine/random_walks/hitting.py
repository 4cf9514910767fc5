"""Free energies and expected costs of the killed random walks to one target.

Hitting weights are solved for in a log scale that prevents overflow and underflow, and then refined: where hardly any
walk is killed, −log z is lost in the rounding of z, but not what is lost on the way (see `residuals`).
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..linalg import (
    AbstractLinearSolver,
    NonsymmetricMultigrid,
    OrderedSystem,
    StencilMatrix,
    mirror_half,
    require_solved,
    shifts,
    unit_vectors,
)
from .hitting_cpu import solve_hitting_cpu
from .log_scaling import backward_error, find_log_scaling
from .newton_scaling import MAX_NEWTON_STEPS, cached_log_scaling
from .residuals import (
    MAX_ERROR,
    MAX_LOST,
    MAX_REFINEMENTS,
    TransitionCosts,
    difference_operator,
    largest_error,
    needs_refinement,
)
from .transitions import log_transition_probabilities, transition_system


class HittingSolution(NamedTuple):
    """The walks to one target, from every cell.

    Attributes
    ----------
    reachable
        Whether the target can be reached; True at the target.
    free_energy
        φ = −log z, z being the weight of all paths to the target; 0 at the target and where it cannot be reached.
    delta
        Its difference from the log scale φ̂ that was used: the scaled weights are z exp(φ̂) = exp(−δ).
    expected_cost
        Expected cost to the target, given that the walk hits it; 0 at the target, where it cannot be reached, and
        everywhere if not requested.
    """

    reachable: Bool[Array, "rows columns"]
    free_energy: Float[Array, "rows columns"]
    delta: Float[Array, "rows columns"]
    expected_cost: Float[Array, "rows columns"]


def solve_hitting(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    *,
    undirected: bool,
    expected_cost: bool,
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
    expected_cost
        Whether to solve for the expected cost, too.
    newton_steps
        Largest number of Newton steps for the log scaling; only for nonsymmetric multigrid.

    Notes
    -----
    A transition from i to j has weight W_ij = P_ij exp(−θ C_ij), with P_ij ∝ conductance, and z = W z with z = 1 at
    the absorbing target. In a log scale φ ≈ −log z, z̃_i = z_i exp(φ_i) solves the same equation with
    W̃_ij = W_ij exp(φ_i − φ_j), whose rows sum to about one. With the exact φ = −log z they sum to one: W̃ is then the
    walk Q that hits the target. Its expected cost is (I − Q)⁻¹ c, c_i = Σ_j Q_ij C_ij. Both are refined, and
    differentiated, in the form of `residuals`.

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
    ...     undirected=False, expected_cost=True,
    ... )
    >>> solution.free_energy, solution.expected_cost
    (Array([[0.5, 0. ]], dtype=float64), Array([[1., 0.]], dtype=float64))
    """
    if not isinstance(solver, NonsymmetricMultigrid):
        return _differentiable(solver, conductances, costs, theta, target, expected_cost, newton_steps)

    def differentiable(solver, conductances, costs, theta, target):
        if undirected:
            conductances, costs = mirror_half(conductances), mirror_half(costs)
        return _differentiable(solver, conductances, costs, theta, target, expected_cost, newton_steps)

    @jax.custom_jvp
    def fused(*args):
        free_energy, cost, converged = solve_hitting_cpu(
            solver, *args, undirected=undirected, expected_cost=expected_cost, newton_steps=newton_steps
        )

        def result() -> HittingSolution:
            reachable = free_energy < jnp.inf
            return HittingSolution(reachable, jnp.where(reachable, free_energy, 0.0), jnp.zeros_like(cost), cost)

        return jax.lax.cond(converged, result, lambda: differentiable(solver.fallback, *args))

    @fused.defjvp
    def _(primals, tangents):
        *_, target = primals
        return jax.jvp(lambda *args: differentiable(solver, *args, target), primals[:-1], tangents[:-1])

    stored = len(conductances) // 2 if undirected else len(conductances)
    return fused(conductances[:stored], costs[:stored], theta, target)


def _differentiable(
    solver: AbstractLinearSolver, conductances, costs, theta, target, expected_cost: bool, newton_steps: int
) -> HittingSolution:
    system = scaled_transition_system(solver, conductances, costs, theta, target, newton_steps)
    change, error = system.free_energy_change()

    def solve() -> HittingSolution:
        return system.solve_hitting(change, expected_cost=expected_cost)

    if not isinstance(solver, NonsymmetricMultigrid):
        return solve()

    # The fallback finds a log scale of its own: that of multigrid may be rounded more coarsely than the free energy.
    def fall_back() -> HittingSolution:
        return _differentiable(solver.fallback, conductances, costs, theta, target, expected_cost, newton_steps)

    return jax.lax.cond(error <= MAX_ERROR, solve, fall_back)


@dataclass(frozen=True)
class ScaledTransitionSystem:
    """The walk to one target in log scale, ready to be solved.

    Attributes
    ----------
    solver, state
        The linear solver, and its state for the system.
    system
        I − W̃; identity rows at the target and where it cannot be reached.
    transitions
        Probabilities and costs.
    target
        1 at the target, 0 elsewhere.
    """

    solver: AbstractLinearSolver
    state: Any
    system: StencilMatrix
    transitions: TransitionCosts
    target: Float[Array, "rows columns"]

    def solve_hitting(self, refined: Float[Array, "rows columns"], *, expected_cost: bool) -> HittingSolution:
        """Return free energy and expected cost given δ of `free_energy_change`, with their derivatives."""
        transitions, transient = self.transitions, self.transitions.transient
        weights = jnp.exp(-refined)

        def equation(delta: Array) -> Array:
            return jnp.where(transient, -transitions.free_energy_residual(delta), delta)

        delta = jax.lax.custom_root(
            equation,
            refined,
            solve=lambda _, root: root,
            tangent_solve=lambda linear, b: self._solve_differences(linear, b, weights),
        )
        # At the target both are 0 to the last bit, whatever the solver returns.
        delta = jnp.where(transient, delta, 0.0)
        free_energy = transitions.log_scale + delta
        if not expected_cost:
            return HittingSolution(transitions.reachable, free_energy, delta, jnp.zeros_like(delta))
        conditioned = transitions.conditioned(delta)
        mean_cost = (conditioned * transitions.costs).sum(0)
        result = self._solve_differences(
            partial(difference_operator, conditioned), mean_cost, weights, scale=jax.lax.stop_gradient(mean_cost)
        )
        return HittingSolution(transitions.reachable, free_energy, delta, jnp.where(transient, result, 0.0))

    @property
    def _is_iterative(self) -> bool:
        return isinstance(self.solver, NonsymmetricMultigrid)

    def _direct(self) -> "ScaledTransitionSystem":
        """Return the same system with the direct solver that replaces multigrid."""
        fallback = self.solver.fallback
        return replace(self, solver=fallback, state=fallback.init(jax.lax.stop_gradient(self.system)))

    def free_energy_change(self) -> tuple[Float[Array, "rows columns"], Float[Array, ""]]:
        """Solve the equation of the free energy for δ by Newton's method; return it with its error, no gradient."""
        transitions = jax.lax.stop_gradient(self.transitions)
        transient = transitions.transient
        scaled = require_solved(self.solver.compute(self.state, self.target[None]))[0]
        first = jnp.where(transient, -jnp.log(jnp.where(transient, scaled, 1.0)), 0.0)

        def unfinished(loop_state) -> Bool[Array, ""]:
            _, error, previous, steps = loop_state
            return needs_refinement(error, previous) & (steps < MAX_REFINEMENTS)

        def evaluate(delta: Array, previous: Array, steps: Array) -> tuple[Array, Array, Array, Array]:
            mean_cost = (transitions.conditioned(delta) * transitions.costs).sum(0)
            residual = transitions.free_energy_residual(delta)
            return delta, largest_error(residual, transitions.theta * mean_cost, transient), previous, steps

        def step(loop_state) -> tuple[Array, Array, Array, Array]:
            delta, error, _, steps = loop_state
            weights = jnp.exp(-delta)
            solution = self.solver.compute(self.state, (weights * transitions.free_energy_residual(delta))[None])
            # The equation is exp(−change) = 1 − lost.
            lost = jnp.where(transient & solution.succeeded, jnp.minimum(solution.value[0] / weights, MAX_LOST), 0.0)
            steps = jnp.where(solution.succeeded, steps + 1, MAX_REFINEMENTS)
            return evaluate(delta - jnp.log1p(-lost), error, steps)

        delta, error, *_ = jax.lax.while_loop(unfinished, step, evaluate(first, jnp.array(jnp.inf), jnp.array(0)))
        return delta, error

    def _solve_differences(self, operator, b: Array, weights: Array, *, scale: Array | None = None) -> Array:
        """Solve Σ_j Q_ij (x_i − x_j) = b_i with the state of I − W̃ = D (I − Q) D⁻¹, D = diag(z̃); differentiable.

        If a positive scale is given, x is refined until its error is below `REFINEMENT_TOL` times the solution for it.
        """

        def solve(operator, b: Array) -> Array:
            return self._solve_once(b, weights) if scale is None else self._refined(operator, b, weights, scale)

        if not self.solver.differentiable:
            return solve(operator, b)
        return jax.lax.custom_linear_solve(
            operator,
            b,
            solve=solve,
            transpose_solve=lambda transposed, b: self._solve_transposed(transposed, b, weights),
        )

    def _solve_once(self, b: Array, weights: Array, *, transpose: bool = False) -> Array:
        scaled = b / weights if transpose else weights * b
        solution = require_solved(self.solver.compute(self.state, scaled[None], transpose=transpose))[0]
        return weights * solution if transpose else solution / weights

    def _refined(self, operator, b: Array, weights: Array, scale: Array) -> Array:
        transient = self.transitions.transient

        def unfinished(loop_state) -> Bool[Array, ""]:
            *_, error, previous, steps = loop_state
            return needs_refinement(error, previous) & (steps < MAX_REFINEMENTS)

        def evaluate(x: Array, previous: Array, steps: Array) -> tuple[Array, Array, Array, Array, Array]:
            residual = b - operator(x)
            return x, residual, largest_error(residual, scale, transient), previous, steps

        def step(loop_state) -> tuple[Array, Array, Array, Array, Array]:
            x, residual, error, _, steps = loop_state
            solution = self.solver.compute(self.state, (weights * residual)[None])
            x = jnp.where(solution.succeeded, x + solution.value[0] / weights, x)
            return evaluate(x, error, jnp.where(solution.succeeded, steps + 1, MAX_REFINEMENTS))

        first = evaluate(self._solve_once(b, weights), jnp.array(jnp.inf), jnp.array(0))
        x, _, error, *_ = jax.lax.while_loop(unfinished, step, first)
        if not self._is_iterative:
            return x
        return jax.lax.cond(error <= MAX_ERROR, lambda: x, lambda: self._direct()._refined(operator, b, weights, scale))

    def _solve_transposed(self, operator, b: Array, weights: Array) -> Array:
        first = self._solve_once(b, weights, transpose=True)
        if not self._is_iterative:
            return first
        y, error = self._refine_transposed(operator, b, first, weights)
        return jax.lax.cond(
            error <= MAX_ERROR, lambda: y, lambda: self._direct()._solve_once(b, weights, transpose=True)
        )

    def _refine_transposed(self, operator, b: Array, first: Array, weights: Array) -> tuple[Array, Array]:
        """Refine y = (I − Q)⁻ᵀ b; return it with its error relative to y.

        The residual r leaves an error e with Σ_i |e_i| θ c_i ≤ Σ_i |r_i| φ_i for the mean costs c of a step, as the
        inverse is nonnegative and φ ≥ θ EC = θ (I − Q)⁻¹ c.
        """
        transitions = jax.lax.stop_gradient(self.transitions)
        delta = -jnp.log(weights)
        energy = jnp.where(transitions.transient, transitions.log_scale + delta, 0.0)
        costs = transitions.theta * (transitions.conditioned(delta) * transitions.costs).sum(0)

        def evaluate(y: Array, previous: Array, steps: Array) -> tuple[Array, Array, Array, Array, Array]:
            residual = b - operator(y)
            size = (jnp.abs(y) * costs).sum()
            error = (jnp.abs(residual) * energy).sum() / jnp.where(size > 0, size, 1.0)
            return y, residual, error, previous, steps

        def unfinished(loop_state) -> Bool[Array, ""]:
            *_, error, previous, steps = loop_state
            return needs_refinement(error, previous) & (steps < MAX_REFINEMENTS)

        def step(loop_state) -> tuple[Array, Array, Array, Array, Array]:
            y, residual, error, _, steps = loop_state
            solution = self.solver.compute(self.state, (residual / weights)[None], transpose=True)
            change = jnp.where(solution.succeeded, weights * solution.value[0], 0.0)
            return evaluate(y + change, error, jnp.where(solution.succeeded, steps + 1, MAX_REFINEMENTS))

        first_state = evaluate(first, jnp.array(jnp.inf), jnp.array(0))
        y, _, error, *_ = jax.lax.while_loop(unfinished, step, first_state)
        return y, error


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
    at_target, reachable = unit_vectors(target[None], log_scale.shape)[0], log_scale < jnp.inf
    transient = reachable & ~(at_target > 0)
    scale = jnp.where(reachable, log_scale, 0.0)
    transitions = TransitionCosts(jnp.exp(log_probabilities), costs, theta, scale, transient, reachable)
    return ScaledTransitionSystem(solver, state, system, transitions, at_target)


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
    # The large numbers first, as in `residuals`: their rounding errors are the same.
    difference = jnp.where(usable, log_scale - jnp.where(usable, neighbour, 0.0), 0.0)
    exponent = log_probabilities + (difference - energies)
    # Without an edge both the weight and its derivative are 0. The exponent is replaced by 0 there, as −inf would turn
    # the derivative into NaN.
    return jnp.where(usable, jnp.exp(jnp.where(usable, exponent, 0.0)), 0.0)
