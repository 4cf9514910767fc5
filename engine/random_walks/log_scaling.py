"""The scale in which randomized shortest paths are solved: free energies, guessed from shortest paths.

The weight that reaches a target, z_i, spans thousands of orders of magnitude; scaled by exp(φ_i) it is of order one if
φ_i ≈ −log z_i. The guess: the least energy over paths, where each step costs θ C and its share of −log P. On a uniform
landscape the share is known from the eikonal equation of the walk; with the local θ C it is right to a few per cent of
the path's entropy on rugged ones too.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.optimize import brentq

from ..linalg.stencil_matrix import StencilMatrix, neighbour_offsets
from ..shortest_paths.dijkstra import dijkstra_search, stencil_offsets, validate_costs

#: Scaled weights outside 1e±140 are not trusted: the products inside an elimination need the rest of the exponents.
RANGE = 1e140

#: How much a weight may miss its own equation.
ACCURATE = 1e-11

OUT_OF_SCALE = (
    "the randomized shortest paths of this landscape could not be brought into the range of floating-point numbers: "
    "the costs may span too many orders of magnitude; try another theta"
)

#: Corrections of the scale; the guess is nearly always good at once, and each correction resolves 300 e-foldings more.
MOST_CORRECTIONS = 200


def find_log_scaling(
    attempt: Callable,
    log_transitions: Float[Array, "directions rows columns"],
    energies: Float[Array, "directions rows columns"],
    place: Int[Array, ""],
    *,
    leaving: bool,
) -> tuple[Float[Array, "rows columns"], Any]:
    """Find a scale in which all weights between one place and every cell are numbers of moderate size.

    Parameters
    ----------
    attempt
        Called with (log_transitions, energies) and potentials φ; returns what it prepared, the scaled weights z exp(φ),
        and by how much each misses its equation.
    log_transitions
        log P of stepping from a cell to its neighbour, −inf where there is no edge.
    energies
        θ C of that step, zero or more.
    place
        Flat raster index; one beyond the raster is not connected to anything.
    leaving
        True for weights from the place, False for weights to it.

    Returns
    -------
    potential, prepared
        φ, infinite where no walk leads, and what was prepared for it. Neither is differentiated.

    Raises
    ------
    RuntimeError
        No such scale was found.
    """
    fixed = jax.lax.stop_gradient((log_transitions, energies))

    def outcome(potential: Array) -> tuple[Array, Any, Array, Array]:
        prepared, scaled, missed = attempt(fixed, potential)
        # A small entry beside large ones is rounding where it misses its own equation.
        right = (scaled > 1 / RANGE) & (scaled < RANGE) & (missed < ACCURATE)
        return potential, prepared, scaled, right | ~(potential < jnp.inf)

    def unsettled(state):
        *_, trusted, corrections = state
        return ~trusted.all() & (corrections < MOST_CORRECTIONS)

    def correct(state):
        potential, _, scaled, trusted, corrections = state
        good = trusted & (potential < jnp.inf)
        known = jnp.where(good, potential - jnp.log(jnp.where(good, scaled, 1.0)), jnp.inf)
        return *outcome(_least_energies(*fixed, known, leaving)), corrections + 1

    nowhere = jnp.full(log_transitions.shape[1:], jnp.inf)
    known = nowhere.ravel().at[place].set(0.0, mode="drop").reshape(nowhere.shape)
    first = *outcome(_least_energies(*fixed, known, leaving)), jnp.array(0)
    potential, prepared, _, trusted, _ = jax.lax.while_loop(unsettled, correct, first)
    return jax.lax.stop_gradient((eqx.error_if(potential, ~trusted.all(), OUT_OF_SCALE), prepared))


def backward_error(system: StencilMatrix, solution: Array, right_hand_side: Array) -> Float[Array, "rows columns"]:
    """Return |b − A x| of every row beside what the row adds up."""
    magnitudes = StencilMatrix(jnp.abs(system.center), jnp.abs(system.edges))
    scale = magnitudes.apply(jnp.abs(solution)) + jnp.abs(right_hand_side)
    return jnp.abs(right_hand_side - system.apply(solution)) / jnp.where(scale > 0, scale, 1.0)


def _least_energies(log_transitions, energies, known, leaving: bool) -> Float[Array, "rows columns"]:
    """Guess −log z where it is not known (infinite) from where it is."""
    result = jax.ShapeDtypeStruct(known.shape, jnp.float64)
    on_host = partial(_on_host, leaving=leaving)
    return jax.pure_callback(on_host, result, log_transitions, energies, known, vmap_method="sequential")


def _on_host(log_transitions, energies, known, *, leaving: bool) -> np.ndarray:
    log_transitions, energies, known = (np.asarray(array) for array in (log_transitions, energies, known))
    exists = np.isfinite(log_transitions)
    energies = np.where(exists, energies, 0.0)
    if not (energies >= 0).all():
        raise ValueError(f"the cost is negative or undefined on {(~(energies >= 0)).sum()} edges; it must not be")
    mean_energy = (np.exp(log_transitions) * energies).sum(0)
    information = np.where(exists, -log_transitions, np.inf)
    share = entropy_fraction(mean_energy, len(log_transitions))
    with np.errstate(invalid="ignore"):
        # A transition that is certain may carry a little less than no information.
        prices = np.where(exists, np.maximum(energies + share * information, 0.0), np.inf)
    steps = stencil_offsets(prices.shape, reverse=not leaving, undirected=False)
    starts = np.flatnonzero(np.isfinite(known))
    ways = dijkstra_search(validate_costs(prices), steps, known.size, [(starts, known.ravel()[starts])])
    return ways.distance.reshape(known.shape)


def entropy_fraction(mean_energy: np.ndarray, directions: int) -> np.ndarray:
    """Return which part of −log P a step adds to the free energy, given the mean energy θ C of a step.

    0 for a walker who is hardly ever killed and finds the target by all ways, 1 for one who must take the best way.

    Examples
    --------
    >>> entropy_fraction(np.array([1e-9, 1e3]), 8).round(2)
    array([0., 1.])
    """
    energies, shares = _table(directions)
    return np.interp(np.log(np.maximum(mean_energy, energies[0])), np.log(energies), shares)


@lru_cache(maxsize=2)
def _table(directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Solve the eikonal equation of a uniform landscape, Σ_d P_d exp(−e C_d + m x_d) = 1, for the slope m."""
    steps = np.array(neighbour_offsets(directions), float)
    length = np.hypot(*steps.T)
    chance = (1 / length) / (1 / length).sum()
    along = steps[:, 1]
    unit = (chance * length).sum()
    straight = -np.log(chance[(length == 1) & (along == 1)][0])
    energies = np.logspace(-12, 4, 129)
    shares = []
    for mean in energies:
        energy = mean / unit

        def excess(slope: float, energy: float = energy) -> float:
            exponent = np.log(chance) - energy * length + slope * along
            return float(exponent.max() + np.log(np.exp(exponent - exponent.max()).sum()))

        slope = brentq(excess, 0.0, energy + straight + 1.0, xtol=1e-14)
        shares.append((slope - energy) / straight)
    return energies, np.clip(shares, 0.0, 1.0)
