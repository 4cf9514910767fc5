"""Killed random walks that leave one place: what reaches every cell, however nearly all or nothing of it is lost.

With Z = (I − W)⁻¹ what is wanted is Z_st / Z_tt for one s and every t. Where hardly anything is lost Z is huge and its
ratios drown in rounding; where nearly everything is, it underflows. So walks are cut where they return to s. Without s,

    N = (I − W)⁻¹,   y = W_s N (from s),   h = N W_·s (back to s),   ε = 1 − W_s h (never back),

and Z_st / Z_tt = y_t / (ε N_tt + h_t y_t), sums of positive terms that are all of moderate size once y is scaled.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..linalg.base import with_state
from ..linalg.nested_dissection import NestedDissection, selected_inverse, selected_inverse_derivative
from ..linalg.stencil_matrix import StencilMatrix, shifts
from .log_scaling import backward_error, find_log_scaling


class FirstPassage(NamedTuple):
    """What reaches every cell t from one source s.

    Attributes
    ----------
    reached
        Whether t can be reached.
    free_energy
        φ_t = −log(Z_st / Z_tt), 0 at s; 0 also where t cannot be reached.
    spent
        ∂φ_t/∂θ, the mean of the cost of the paths until they first reach t, likewise; None if not asked for.
    """

    reached: Array
    free_energy: Float[Array, "rows columns"]
    spent: Float[Array, "rows columns"] | None


def solve_first_passage(
    solver: NestedDissection,
    log_transitions: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    source: Int[Array, ""],
    *,
    spent: bool,
) -> FirstPassage:
    """Return how much weight reaches every cell from one source, and at what cost.

    Parameters
    ----------
    solver
        For the linear systems and the diagonal of the inverse.
    log_transitions
        log P, −inf where there is no edge.
    costs
        C, zero or more; 0 where there is no edge.
    theta
        θ.
    source
        Flat raster index; from one beyond the raster nothing is reached.
    spent
        Whether the costs are wanted: they take as long again.

    Notes
    -----
    With X' = −∂X/∂θ, every derivative is a positive sum again: y' A = (C∘W)_s + y (C∘W), A h' = (C∘W)_·s + (C∘W) h,
    N' = N (C∘W) N, −ε' = (C∘W)_s h + W_s h', and

        ∂φ_t/∂θ = (ε N_tt y'_t / y_t − ε' N_tt − ε N'_tt − h'_t y_t) / (ε N_tt + h_t y_t).

    ε comes from what is killed: 1 − h = N κ with κ_i = 1 − Σ_j W_ij, which for a small θ is no difference.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616.
    """
    directions, shape = log_transitions.shape[0], log_transitions.shape[1:]
    place = jnp.arange(shape[0] * shape[1]).reshape(shape)
    at_source = place == source
    energies = theta * costs
    one = jnp.where(at_source, 1.0, 0.0)

    def attempt(fixed, potential):
        weights = _scaled_weights(*fixed, potential)
        inside, leaving, _ = _split_at_source(weights, at_source)
        system = _identity_minus(inside)
        prepared = solver.prepare(system)
        reaching = solver.solve_prepared(prepared, _column_sums(leaving)[None], transposed=True)[0]
        return (
            prepared,
            jnp.where(at_source, 1.0, reaching),
            backward_error(system.transpose(), reaching, _column_sums(leaving)),
        )

    potential, prepared = find_log_scaling(attempt, log_transitions, energies, source, leaving=True)

    weights = _scaled_weights(log_transitions, energies, potential)
    reached = potential < jnp.inf
    inside, leaving, returning = _split_at_source(weights, at_source)
    system = _identity_minus(inside)
    there_of = with_state(solver, system, prepared)
    back_of = with_state(solver, system, prepared, transposed=True)

    killed = -(jnp.exp(log_transitions) * jnp.expm1(-energies)).sum(0)
    killed = jnp.where(reached, killed * jnp.exp(-jnp.where(reached, potential, 0.0)), 0.0)
    back, lost = there_of(jnp.stack([returning.sum(0), jnp.where(at_source, 0.0, killed)]))
    y = back_of(_column_sums(leaving)[None])[0]
    # Cells that are not reached are rows of the identity: a harmless 1 there.
    ours = reached & ~at_source
    y = jnp.where(ours, y, 1.0)
    never_back = (one * killed).sum() + (leaving * shifts(lost, directions)).sum()
    diagonal = selected_inverse(system, solver).center
    denominator = jnp.where(ours, never_back * diagonal + back * y, 1.0)
    scale = jnp.where(ours, potential, 0.0)
    free_energy = jnp.where(ours, scale - jnp.log(y) + jnp.log(denominator), 0.0)
    if not spent:
        return FirstPassage(reached, free_energy, None)

    inside_cost, leaving_cost, returning_cost = costs * inside, costs * leaving, costs * returning
    on_the_way = StencilMatrix(jnp.zeros(shape), inside_cost)
    y_spent = back_of((_column_sums(leaving_cost) + on_the_way.transpose().apply(jnp.where(ours, y, 0.0)))[None])[0]
    back_spent = there_of((returning_cost.sum(0) + on_the_way.apply(back))[None])[0]
    never_back_spent = (leaving_cost * shifts(back, directions)).sum() + (
        leaving * shifts(back_spent, directions)
    ).sum()
    diagonal_spent = selected_inverse_derivative(system, on_the_way, solver).center
    numerator = (
        never_back * diagonal * y_spent / y + never_back_spent * diagonal - never_back * diagonal_spent - back_spent * y
    )
    return FirstPassage(reached, free_energy, jnp.where(ours, numerator / denominator, 0.0))


def _scaled_weights(log_transitions, energies, potential) -> Float[Array, "directions rows columns"]:
    """Return W_ij exp(ψ_j − ψ_i), 0 where j or i is not reached from the source."""
    there = shifts(potential, log_transitions.shape[0], fill=jnp.inf)
    usable = (log_transitions > -jnp.inf) & (there < jnp.inf) & (potential < jnp.inf)
    exponent = (
        log_transitions - energies + jnp.where(usable, there, 0.0) - jnp.where(potential < jnp.inf, potential, 0.0)
    )
    return jnp.where(usable, jnp.exp(jnp.where(usable, exponent, 0.0)), 0.0)


def _split_at_source(weights: Array, at_source: Array) -> tuple[Array, Array, Array]:
    """Take the steps apart: those that neither leave nor enter the source, those that leave it, those that enter it."""
    into = shifts(at_source, weights.shape[0], fill=False)
    return (
        jnp.where(at_source | into, 0.0, weights),
        jnp.where(at_source, weights, 0.0),
        jnp.where(into & ~at_source, weights, 0.0),
    )


def _column_sums(weights: Float[Array, "directions rows columns"]) -> Float[Array, "rows columns"]:
    """Return what every cell receives by the given steps from all its neighbours."""
    return StencilMatrix(jnp.zeros(weights.shape[1:]), weights).transpose().edges.sum(0)


def _identity_minus(weights: Float[Array, "directions rows columns"]) -> StencilMatrix:
    return StencilMatrix(jnp.ones(weights.shape[1:]), -weights)
