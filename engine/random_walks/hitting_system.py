"""The linear system of the killed random walk to one target, in log scale, and its equations solved to nine digits.

Hitting weights are solved for in a log scale that prevents overflow and underflow, and then refined: where hardly any
walk is killed, −log z is lost in the rounding of z, but the killed weight is not (see `residuals`). Values, tangents
and cotangents for which the error of multigrid is too large are solved for directly.
"""

from collections.abc import Callable
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
    Solution,
    StencilMatrix,
    log_solve,
    require_solved,
    shifts,
    unit_vectors,
)
from .log_scaling import backward_error, find_log_scaling
from .newton_scaling import MAX_NEWTON_STEPS, cached_log_scaling
from .residuals import (
    MAX_ERROR,
    MAX_REFINEMENTS,
    MAX_WEIGHT_REDUCTION,
    REFINEMENT_TOL,
    TransitionCosts,
    cotangent_error,
    difference_operator,
    needs_refinement,
    relative_residual,
    tangent_error,
)
from .transitions import log_transition_probabilities, transition_system

#: The operator I − Q of a conditioned walk, or its transpose.
LinearOperator = Callable[[Float[Array, "rows columns"]], Float[Array, "rows columns"]]

#: Bound of the relative error of an approximate solution, given its residual and itself.
ErrorBound = Callable[[Float[Array, "rows columns"], Float[Array, "rows columns"]], Float[Array, ""]]


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

        def free_energy_equation(delta: Array) -> Array:
            """Return the left-hand side of the equation of the free energy; its derivative by δ is I − Q."""
            return jnp.where(transient, -transitions.free_energy_residual(delta), delta)

        # At the target both are 0 to the last bit, whatever the solver returns.
        delta = jnp.where(transient, self._implicit(free_energy_equation, refined, weights), 0.0)
        free_energy = transitions.log_scale + delta
        if not expected_cost:
            return HittingSolution(transitions.reachable, free_energy, delta, jnp.zeros_like(delta))
        conditioned = transitions.conditioned(delta)
        mean_cost = (conditioned * transitions.costs).sum(0)

        def expected_cost_equation(cost: Array) -> Array:
            """Return the left-hand side of the equation of the expected cost; its derivative by the cost is I − Q."""
            return difference_operator(conditioned, cost) - mean_cost

        fixed, b = jax.lax.stop_gradient((conditioned, mean_cost))
        bound = partial(relative_residual, scale=b, transient=transient)
        cost = self._solve_refined(partial(difference_operator, fixed), b, weights, bound)
        result = self._implicit(expected_cost_equation, cost, weights)
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
            """Return whether to refine once more."""
            _, error, previous, steps = loop_state
            return needs_refinement(error, previous) & (steps < MAX_REFINEMENTS)

        def evaluate(delta: Array, previous: Array, steps: Array) -> tuple[Array, Array, Array, Array]:
            """Return the loop's state: δ, the bounds of its error and of that before, and the number of refinements."""
            mean_cost = (transitions.conditioned(delta) * transitions.costs).sum(0)
            residual = transitions.free_energy_residual(delta)
            return (
                delta,
                relative_residual(residual, scale=transitions.theta * mean_cost, transient=transient),
                previous,
                steps,
            )

        def step(loop_state) -> tuple[Array, Array, Array, Array]:
            """Refine δ; end the loop if the solver fails."""
            delta, error, _, steps = loop_state
            weights = jnp.exp(-delta)
            solution = self.solver.compute(self.state, (weights * transitions.free_energy_residual(delta))[None])
            # The equation is exp(−change) = 1 − reduction.
            reduction = jnp.where(
                transient & solution.succeeded, jnp.minimum(solution.value[0] / weights, MAX_WEIGHT_REDUCTION), 0.0
            )
            steps = jnp.where(solution.succeeded, steps + 1, MAX_REFINEMENTS)
            return evaluate(delta - jnp.log1p(-reduction), error, steps)

        delta, error, *_ = jax.lax.while_loop(unfinished, step, evaluate(first, jnp.array(jnp.inf), jnp.array(0)))
        return delta, error

    def _implicit(self, equation: Callable[[Array], Array], root: Array, weights: Array) -> Array:
        """Return the root of an equation in Σ_j Q_ij (x_i − x_j), with the derivatives of an implicit function."""
        return jax.lax.custom_root(
            equation,
            root,
            solve=lambda _, root: root,
            tangent_solve=lambda operator, b: self.solve_differences(operator, b, weights),
        )

    def solve_differences(
        self,
        operator: LinearOperator,
        b: Float[Array, "rows columns"],
        weights: Float[Array, "rows columns"],
        *,
        transpose: bool = False,
        tolerance: float = REFINEMENT_TOL,
    ) -> Float[Array, "rows columns"]:
        """Solve an equation with the operator I − Q, or its transpose; differentiable with respect to operator and b.

        Parameters
        ----------
        operator
            x ↦ Σ_j Q_ij (x_i − x_j), or its transpose.
        b
            Right-hand side, of either sign.
        weights
            z̃, not differentiated.
        transpose
            Whether the operator is transposed.
        tolerance
            Bound of the relative error up to which x is not refined.
        """
        transitions = jax.lax.stop_gradient(self.transitions)
        delta = -jnp.log(weights)
        energy = jnp.where(transitions.transient, transitions.log_scale + delta, 0.0)
        mean_energy = transitions.theta * (transitions.conditioned(delta) * transitions.costs).sum(0)
        bounds = [
            partial(function, mean_energy=mean_energy, free_energy=energy)
            for function in (tangent_error, cotangent_error)
        ]

        def solve(operator: LinearOperator, b: Array, *, transposed: bool) -> Array:
            """Solve with refinement, in either direction."""
            bound = bounds[transposed]
            return self._solve_refined(operator, b, weights, bound, transpose=transposed, tolerance=tolerance)

        if not self.solver.differentiable:
            return solve(operator, b, transposed=transpose)
        return jax.lax.custom_linear_solve(
            operator,
            b,
            solve=partial(solve, transposed=transpose),
            transpose_solve=partial(solve, transposed=not transpose),
        )

    def _solve_refined(
        self,
        operator: LinearOperator,
        b: Array,
        weights: Array,
        bound: ErrorBound,
        *,
        transpose: bool = False,
        tolerance: float = REFINEMENT_TOL,
    ) -> Array:
        """Solve an equation with the operator I − Q, or its transpose, refine, and replace multigrid if too inaccurate.

        Parameters
        ----------
        operator
            I − Q or its transpose, in differences.
        b
            Right-hand side.
        weights
            z̃, which relate Q to the solver's system: I − W̃ = D (I − Q) D⁻¹, D = diag(z̃).
        bound
            Bound of the relative error, given residual and x.
        transpose
            Whether the operator is transposed. A direct solver's x is not refined then.
        tolerance
            Bound up to which x is not refined.
        """
        first = require_solved(self._compute(b, weights, transpose=transpose))[0]
        if transpose and not self._is_iterative:
            return first

        def unfinished(loop_state) -> Bool[Array, ""]:
            """Return whether to refine once more."""
            *_, error, previous, steps = loop_state
            return needs_refinement(error, previous, tolerance) & (steps < MAX_REFINEMENTS)

        def evaluate(x: Array, previous: Array, steps: Array) -> tuple[Array, Array, Array, Array, Array]:
            """Return the loop's state: x, its residual, the bounds of its error and of that before, the refinements."""
            residual = b - operator(x)
            return x, residual, bound(residual, x), previous, steps

        def refine(loop_state) -> tuple[Array, Array, Array, Array, Array]:
            """Add the approximate solution for the residual; end the loop if there is none."""
            x, residual, error, _, steps = loop_state
            solution = self._compute(residual, weights, transpose=transpose)
            x = jnp.where(solution.succeeded, x + solution.value[0], x)
            return evaluate(x, error, jnp.where(solution.succeeded, steps + 1, MAX_REFINEMENTS))

        x, _, error, *_ = jax.lax.while_loop(unfinished, refine, evaluate(first, jnp.array(jnp.inf), jnp.array(0)))
        if not self._is_iterative:
            return x

        def solve_directly() -> Array:
            """Solve again by the solver that replaces multigrid."""
            log_discarded(self.solver, error)
            return self._direct()._solve_refined(operator, b, weights, bound, transpose=transpose, tolerance=tolerance)

        return jax.lax.cond(error <= MAX_ERROR, lambda: x, solve_directly)

    def _compute(self, b: Array, weights: Array, *, transpose: bool) -> Solution:
        """Solve once by the state of I − W̃ = D (I − Q) D⁻¹."""
        scaled = b / weights if transpose else weights * b
        solution = self.solver.compute(self.state, scaled[None], transpose=transpose)
        return solution._replace(value=weights * solution.value if transpose else solution.value / weights)


def log_discarded(solver: AbstractLinearSolver, error: Float[Array, ""]) -> None:
    """Record, when compiled code gets there, that a solution is not used because its error is too large."""
    name = solver.names[0]
    jax.debug.callback(lambda residual: log_solve(name, 1, 0, residual, succeeded=False), error)


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
        """Find the log scale from shortest paths, with a solver that checks it."""

        def attempt(fixed, log_scale):
            """Solve in a log scale; return the solver's state, the scaled weights, and their backward error."""
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
