"""First passage of killed random walks from one source to every cell, at any rate of killing.

With Z = (I − W)⁻¹ the weight of first passage from s to t is Z_st / Z_tt, here for one s and every t. Where hardly
any walks are killed, Z is huge and its ratios cancel in rounding; where nearly all are, it underflows. Walks are
therefore split at their returns to s. Without s,

    N = (I − W)⁻¹,   y = W_s N (from s),   h = N W_·s (back to s),   ε = 1 − W_s h (never back),

and Z_st / Z_tt = y_t / (ε N_tt + h_t y_t): sums of nonnegative terms, all of moderate size once y is in log scale.
Where hardly any walks are killed, φ_t is computed by log1p of the small ε N_tt / y_t − k_t, k = 1 − h.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..linalg import (
    NestedDissection,
    StencilMatrix,
    require_solved,
    selected_inverse,
    selected_inverse_derivative,
    shifts,
    with_state,
)
from .log_scaling import backward_error, find_log_scaling
from .transitions import transition_system

#: Largest log scale in which the free energy is computed by log1p of killed weights.
MAX_LOG1P_SCALE = 1.0


class FirstPassage(NamedTuple):
    """First passage from one source s to every cell t.

    Attributes
    ----------
    reached
        Whether t can be reached.
    free_energy
        φ_t = −log(Z_st / Z_tt); 0 at s and where t cannot be reached.
    expected_cost
        ∂φ_t/∂θ, the expected cost of the paths until they first reach t; 0 at s and where t cannot be reached; None if
        not requested.
    """

    reached: Bool[Array, "rows columns"]
    free_energy: Float[Array, "rows columns"]
    expected_cost: Float[Array, "rows columns"] | None


def solve_first_passage(
    solver: NestedDissection,
    log_probabilities: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    source: Int[Array, ""],
    *,
    expected_cost: bool,
) -> FirstPassage:
    """Solve for the first passage from one source to every cell; differentiable.

    Parameters
    ----------
    solver
        Solver of the linear systems, and of the diagonal of the inverse.
    log_probabilities
        log P of every transition, −inf where there is no edge.
    costs
        C ≥ 0; 0 where there is no edge.
    theta
        Inverse temperature θ.
    source
        Flat raster index; from an index beyond the raster nothing is reached.
    expected_cost
        Whether to compute the expected costs, too, which takes about twice the time.

    Notes
    -----
    With X' = −∂X/∂θ, every derivative is a sum of nonnegative terms, too: y' A = (C∘W)_s + y (C∘W),
    A h' = (C∘W)_·s + (C∘W) h, N' = N (C∘W) N, −ε' = (C∘W)_s h + W_s h', and

        ∂φ_t/∂θ = (ε N_tt y'_t / y_t − ε' N_tt − ε N'_tt − h'_t y_t) / (ε N_tt + h_t y_t).

    ε is computed from the killed weight, 1 − h = N κ with κ_i = 1 − Σ_j W_ij, where the difference 1 − W_s h would
    cancel for small θ.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616.
    """
    directions, shape = log_probabilities.shape[0], log_probabilities.shape[1:]
    cell = jnp.arange(shape[0] * shape[1]).reshape(shape)
    at_source = cell == source
    energies = theta * costs
    source_indicator = jnp.where(at_source, 1.0, 0.0)

    def attempt(fixed, log_scale):
        """Solve for y in a log scale; return the solver's state, y, and its componentwise backward error."""
        weights = _scaled_weights(*fixed, log_scale)
        inner, outgoing, _ = _split_at_source(weights, at_source)
        system = transition_system(inner)
        state = solver.init(system)
        scaled = require_solved(solver.compute(state, _column_sums(outgoing)[None], transpose=True))[0]
        error = backward_error(system.transpose(), scaled, _column_sums(outgoing))
        return state, jnp.where(at_source, 1.0, scaled), error

    log_scale, state = find_log_scaling(attempt, log_probabilities, energies, source, from_cell=True)

    weights = _scaled_weights(log_probabilities, energies, log_scale)
    reached = log_scale < jnp.inf
    inner, outgoing, returning = _split_at_source(weights, at_source)
    system = transition_system(inner)
    solve = with_state(solver, system, state)
    solve_transposed = with_state(solver, system, state, transpose=True)

    killed = -(jnp.exp(log_probabilities) * jnp.expm1(-energies)).sum(0)
    killed = jnp.where(reached, killed * jnp.exp(-jnp.where(reached, log_scale, 0.0)), 0.0)
    h, killed_elsewhere = solve(jnp.stack([returning.sum(0), jnp.where(at_source, 0.0, killed)]))
    y = solve_transposed(_column_sums(outgoing)[None])[0]
    # Cells that are not reached have identity rows; y = 1 there keeps NaN out of the gradient.
    transient = reached & ~at_source
    y = jnp.where(transient, y, 1.0)
    epsilon = (source_indicator * killed).sum() + (outgoing * shifts(killed_elsewhere, directions)).sum()
    diagonal = selected_inverse(system, solver).center
    denominator = jnp.where(transient, epsilon * diagonal + h * y, 1.0)
    offset = jnp.where(transient, log_scale, 0.0)
    # With φ̂ the log scale, y and k are ỹ exp(−φ̂) and k̃ exp(φ̂).
    hardly_killed = transient & (offset < MAX_LOG1P_SCALE)
    growth = (epsilon * diagonal / y - killed_elsewhere) * jnp.exp(jnp.where(hardly_killed, offset, 0.0))
    free_energy = jnp.where(
        hardly_killed,
        jnp.log1p(jnp.where(hardly_killed, growth, 0.0)),
        jnp.where(transient, offset - jnp.log(y) + jnp.log(denominator), 0.0),
    )
    if not expected_cost:
        return FirstPassage(reached, free_energy, None)

    inner_cost, outgoing_cost, returning_cost = costs * inner, costs * outgoing, costs * returning
    cost_matrix = StencilMatrix(jnp.zeros(shape), inner_cost)
    y_cost = solve_transposed(
        (_column_sums(outgoing_cost) + cost_matrix.transpose().apply(jnp.where(transient, y, 0.0)))[None]
    )[0]
    h_cost = solve((returning_cost.sum(0) + cost_matrix.apply(h))[None])[0]
    epsilon_cost = (outgoing_cost * shifts(h, directions)).sum() + (outgoing * shifts(h_cost, directions)).sum()
    diagonal_cost = selected_inverse_derivative(system, cost_matrix, solver).center
    numerator = epsilon * diagonal * y_cost / y + epsilon_cost * diagonal - epsilon * diagonal_cost - h_cost * y
    return FirstPassage(reached, free_energy, jnp.where(transient, numerator / denominator, 0.0))


def _scaled_weights(log_probabilities, energies, log_scale) -> Float[Array, "directions rows columns"]:
    """Return P_ij exp(−θ C_ij + φ_j − φ_i); 0 where i or j is not reached from the source."""
    neighbour = shifts(log_scale, log_probabilities.shape[0], fill=jnp.inf)
    usable = (log_probabilities > -jnp.inf) & (neighbour < jnp.inf) & (log_scale < jnp.inf)
    exponent = (
        log_probabilities
        - energies
        + jnp.where(usable, neighbour, 0.0)
        - jnp.where(log_scale < jnp.inf, log_scale, 0.0)
    )
    return jnp.where(usable, jnp.exp(jnp.where(usable, exponent, 0.0)), 0.0)


def _split_at_source(weights: Array, at_source: Array) -> tuple[Array, Array, Array]:
    """Split the transitions into those that avoid the source, those out of it, and those into it."""
    into = shifts(at_source, weights.shape[0], fill=False)
    return (
        jnp.where(at_source | into, 0.0, weights),
        jnp.where(at_source, weights, 0.0),
        jnp.where(into & ~at_source, weights, 0.0),
    )


def _column_sums(weights: Float[Array, "directions rows columns"]) -> Float[Array, "rows columns"]:
    """Return Σ_i W_ij of every cell j."""
    return StencilMatrix(jnp.zeros(weights.shape[1:]), weights).transpose().edges.sum(0)
