"""Killed random walks that arrive: solved in a scale where nothing over- or underflows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..stencil import Stencil, neighbours
from .interface import AbstractSolver, solving_with, unit_vectors
from .potentials import defect, settled
from .walks import Ranked, WalkMultigrid


class Arrival(NamedTuple):
    """The weight z that reaches a target from every cell, as z = scaled · exp(−potential), and what is solved with.

    Attributes
    ----------
    scaled
        Of order one; 0 where the target cannot be reached.
    potential
        The scale; infinite where the target cannot be reached.
    system
        I − W̃ with W̃_ij = W_ij exp(φ_i − φ_j), the scaled transition weights; none leave the target.
    solve
        Solves (I − W̃) x = b for one raster b.
    """

    scaled: Float[Array, "rows columns"]
    potential: Float[Array, "rows columns"]
    system: Stencil
    solve: Callable[[Array], Array]


def arrive(
    solver: AbstractSolver,
    log_transitions: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
) -> Arrival:
    """Return how much weight reaches one target from every cell, whatever the scale.

    A walker steps from i to j with weight W_ij = P_ij exp(−θ C_ij); z = W z with z = 1 at the target, which nobody
    leaves. Scaled by potentials φ that follow −log z, z̃_i = z_i exp(φ_i) solves the same equation with W̃, whose rows
    sum to about one. Derivatives flow through W̃; they do not depend on φ, which is held fixed.

    Parameters
    ----------
    solver
        For the linear systems, which are not symmetric.
    log_transitions
        log P, −inf where there is no edge.
    costs
        C, zero or more; 0 where there is no edge.
    theta
        θ.
    target
        Flat raster index; one beyond the raster is reached from nowhere.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616.
    """
    source = unit_vectors(target[None], log_transitions.shape[1:])
    potential, prepared = _prepared(solver, log_transitions, costs, theta, target)
    system = _system(_scaled_weights(log_transitions, theta * costs, potential, target))
    solve_all = solving_with(solver, system, prepared)
    # At the target it is 1, to the last bit.
    scaled = jnp.where(source[0] > 0, 1.0, jnp.where(potential < jnp.inf, solve_all(source)[0], 0.0))
    return Arrival(scaled, potential, system, lambda raster: solve_all(raster[None])[0])


def _prepared(solver: AbstractSolver, log_transitions, costs, theta, target) -> tuple[Array, Any]:
    """Return the scale, and what the solver prepares in it; neither is differentiated."""
    source = unit_vectors(target[None], log_transitions.shape[1:])
    log_transitions, costs, theta = jax.lax.stop_gradient((log_transitions, costs, theta))

    def scaled_system(potential):
        return _system(_scaled_weights(log_transitions, theta * costs, potential, target))

    def settled_by(solver):
        def attempt(fixed, potential):
            system = _system(_scaled_weights(*fixed, potential, target))
            prepared = solver.prepare(system)
            scaled = solver.solve_prepared(prepared, source, transposed=False)[0]
            return prepared, scaled, defect(system, scaled, source[0])

        return settled(attempt, log_transitions, theta * costs, target, leaving=False)

    if not isinstance(solver, WalkMultigrid):
        return settled_by(solver)
    potential, rank, number = solver.settle(log_transitions, costs, theta, target)
    potential = jax.lax.cond(number > 0, lambda: potential, lambda: settled_by(solver.instead)[0])
    return potential, Ranked(scaled_system(potential), rank, number)


def _scaled_weights(log_transitions, energies, potential, target) -> Float[Array, "directions rows columns"]:
    there = neighbours(potential, log_transitions.shape[0], fill=jnp.inf)
    place = jnp.arange(potential.size).reshape(potential.shape)
    moves = jnp.isfinite(potential) & (place != target)
    usable = (log_transitions > -jnp.inf) & jnp.isfinite(there) & moves
    exponent = log_transitions - energies + jnp.where(usable, potential - jnp.where(usable, there, 0.0), 0.0)
    # Where there is no step its weight is 0 and so is the derivative; a harmless 0 stands in for −inf.
    return jnp.where(usable, jnp.exp(jnp.where(usable, exponent, 0.0)), 0.0)


def _system(weights: Float[Array, "directions rows columns"]) -> Stencil:
    return Stencil(jnp.ones(weights.shape[1:]), -weights)
