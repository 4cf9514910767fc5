"""Killed random walks that arrive: solved in a scale where nothing over- or underflows."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..linalg.base import AbstractLinearSolver, unit_vectors, with_state
from ..linalg.nonsymmetric_multigrid import NonsymmetricMultigrid, OrderedSystem
from ..linalg.stencil_matrix import StencilMatrix, mirror_half, shifts
from .log_scaling import backward_error, find_log_scaling


class HittingSolution(NamedTuple):
    """The weight z that reaches a target from every cell, z = scaled · exp(−potential), and what is spent on the way.

    Attributes
    ----------
    potential
        The scale φ; infinite where the target cannot be reached.
    scaled
        z̃, of order one; 0 where the target cannot be reached.
    spent
        z̃ times the mean cost of the paths from a cell, given that they arrive; meaningless if it was not asked for.
    """

    potential: Float[Array, "rows columns"]
    scaled: Float[Array, "rows columns"]
    spent: Float[Array, "rows columns"]


def solve_hitting(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    *,
    undirected: bool,
    spent: bool,
) -> HittingSolution:
    """Return how much weight reaches one target from every cell, whatever the scale.

    A walker steps from i to j with weight W_ij = P_ij exp(−θ C_ij), P_ij ∝ conductance; z = W z with z = 1 at the
    target, which nobody leaves. Scaled by potentials φ that follow −log z, z̃_i = z_i exp(φ_i) solves the same equation
    with W̃_ij = W_ij exp(φ_i − φ_j), whose rows sum to about one. Multiplied by z̃ the mean hitting cost EC solves the
    same system: (I − W̃)(z̃ EC) = (W̃∘C) z̃. Derivatives flow through W̃; they do not depend on φ, which is held fixed.

    Parameters
    ----------
    solver
        For the linear systems, which are not symmetric.
    conductances
        Of every step, 0 where there is none.
    costs
        C, zero or more; 0 where there is no step.
    theta
        θ.
    target
        Flat raster index; one beyond the raster is reached from nowhere.
    undirected
        Whether conductances and costs are the same both ways.
    spent
        Whether costs are wanted, too.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616.
    """
    if not isinstance(solver, NonsymmetricMultigrid):
        return _solve_differentiable(solver, conductances, costs, theta, target, spent)

    def step_by_step(solver, conductances, costs, theta, target):
        if undirected:
            conductances, costs = mirror_half(conductances), mirror_half(costs)
        return _solve_differentiable(solver, conductances, costs, theta, target, spent)

    @jax.custom_jvp
    def at_once(*given):
        *rasters, succeeded = solver.solve_hitting_cpu(*given, undirected=undirected, spent=spent)
        return jax.lax.cond(succeeded, lambda: HittingSolution(*rasters), lambda: step_by_step(solver.instead, *given))

    @at_once.defjvp
    def _(primals, tangents):
        *_, target = primals
        return jax.jvp(lambda *given: step_by_step(solver, *given, target), primals[:-1], tangents[:-1])

    stored = len(conductances) // 2 if undirected else len(conductances)
    return at_once(conductances[:stored], costs[:stored], theta, target)


def log_transition_probabilities(
    conductances: Float[Array, "directions rows columns"],
) -> Float[Array, "directions rows columns"]:
    """Return log P of every step, −inf where there is none."""
    exists, out = conductances > 0, conductances.sum(0)
    logarithms = jnp.log(jnp.where(exists, conductances, 1.0)) - jnp.log(jnp.where(out > 0, out, 1.0))
    return jnp.where(exists, logarithms, -jnp.inf)


def _solve_differentiable(
    solver: AbstractLinearSolver, conductances, costs, theta, target, spent: bool
) -> HittingSolution:
    return scaled_transition_system(solver, conductances, costs, theta, target).arrival(spent=spent)


@dataclass(frozen=True)
class ScaledTransitionSystem:
    """The walk to one target in a scale in which the weights that arrive are of order one.

    Attributes
    ----------
    solver, prepared
        What solves, and what it made of the system.
    potential
        The scale φ; infinite where the target cannot be reached.
    system
        I − W̃, an identity row where nobody moves: at the target, and where it cannot be reached.
    costs
        Of every step.
    source
        1 at the target.
    """

    solver: AbstractLinearSolver
    prepared: Any
    potential: Float[Array, "rows columns"]
    system: StencilMatrix
    costs: Float[Array, "directions rows columns"]
    source: Float[Array, "rows columns"]

    def arrival(self, *, spent: bool) -> HittingSolution:
        """Return what arrives; see `solve_hitting`."""
        solve_all = with_state(self.solver, self.system, self.prepared)
        # At the target it is 1, to the last bit.
        reached = jnp.where(self.potential < jnp.inf, solve_all(self.source[None])[0], 0.0)
        scaled = jnp.where(self.source > 0, 1.0, reached)
        if not spent:
            return HittingSolution(self.potential, scaled, jnp.zeros_like(scaled))
        on_the_way = StencilMatrix(jnp.zeros_like(scaled), self.system.edges * self.costs)
        return HittingSolution(self.potential, scaled, solve_all(-on_the_way.apply(scaled)[None])[0])


def scaled_transition_system(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
) -> ScaledTransitionSystem:
    """Return the walk to one target in the scale of its potentials, ready to be solved with; parameters as in `solve_hitting`.

    Its derivatives flow through the system and do not depend on the potentials, which are held fixed.
    """
    transitions = log_transition_probabilities(conductances)
    potential, prepared = _prepared(solver, conductances, transitions, costs, theta, target)
    system = _system(_scaled_weights(transitions, theta * costs, potential, target))
    return ScaledTransitionSystem(
        solver, prepared, potential, system, costs, unit_vectors(target[None], potential.shape)[0]
    )


def _prepared(solver: AbstractLinearSolver, conductances, transitions, costs, theta, target) -> tuple[Array, Any]:
    """Return the scale, and what the solver prepares in it; neither is differentiated."""
    conductances, transitions, costs, theta = jax.lax.stop_gradient((conductances, transitions, costs, theta))
    source = unit_vectors(target[None], costs.shape[1:])

    def scaled_system(potential):
        return _system(_scaled_weights(transitions, theta * costs, potential, target))

    def settled_by(solver):
        def attempt(fixed, potential):
            system = _system(_scaled_weights(*fixed, potential, target))
            prepared = solver.prepare(system)
            scaled = solver.solve_prepared(prepared, source, transposed=False)[0]
            return prepared, scaled, backward_error(system, scaled, source[0])

        return find_log_scaling(attempt, transitions, theta * costs, target, leaving=False)

    if not isinstance(solver, NonsymmetricMultigrid):
        return settled_by(solver)
    potential, rank, number = solver.newton_log_scaling(conductances, costs, theta, target)
    potential = jax.lax.cond(number > 0, lambda: potential, lambda: settled_by(solver.instead)[0])
    return potential, OrderedSystem(scaled_system(potential), rank, number)


def _scaled_weights(
    log_transition_probabilities, energies, potential, target
) -> Float[Array, "directions rows columns"]:
    there = shifts(potential, log_transition_probabilities.shape[0], fill=jnp.inf)
    place = jnp.arange(potential.size).reshape(potential.shape)
    moves = jnp.isfinite(potential) & (place != target)
    usable = (log_transition_probabilities > -jnp.inf) & jnp.isfinite(there) & moves
    exponent = (
        log_transition_probabilities - energies + jnp.where(usable, potential - jnp.where(usable, there, 0.0), 0.0)
    )
    # Where there is no step its weight is 0 and so is the derivative; a harmless 0 stands in for −inf.
    return jnp.where(usable, jnp.exp(jnp.where(usable, exponent, 0.0)), 0.0)


def _system(weights: Float[Array, "directions rows columns"]) -> StencilMatrix:
    return StencilMatrix(jnp.ones(weights.shape[1:]), -weights)
