"""Log scaling of randomized shortest paths: free energies estimated from shortest paths.

The hitting weights z_i of a target span thousands of orders of magnitude; z_i exp(φ_i) is of order one if
φ_i ≈ −log z_i. The estimate of φ_i is the least energy of a path to the target, where a step costs θ C and a fraction
of its −log P. That fraction follows from the eikonal equation of the walk on a uniform landscape. Evaluated with the
local θ C, it gives the path entropy within a few per cent on rugged landscapes, too.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.optimize import brentq

from ..counts import count_of
from ..linalg import StencilMatrix, neighbour_offsets
from ..shortest_paths import dijkstra_search, stencil_offsets, validate_costs

#: Scaled weights outside 1e±140 are not trusted: products within an elimination need the rest of the exponent range.
SCALED_RANGE = 1e140

#: Log scales below this are set to 0: a free energy that is tiny in comparison would be lost in the difference.
SMALLEST_LOG_SCALE = 0.1

#: Largest componentwise backward error of a weight that is trusted.
MAX_BACKWARD_ERROR = 1e-11

#: Largest number of corrections. The first estimate nearly always suffices; each correction resolves some 300 more
#: e-foldings.
MAX_CORRECTIONS = 200

OUT_OF_SCALE = (
    "the randomized shortest paths of this landscape could not be brought into the range of floating-point numbers: "
    "the costs may span too many orders of magnitude; try another theta"
)


def find_log_scaling(
    attempt: Callable,
    log_probabilities: Float[Array, "directions rows columns"],
    energies: Float[Array, "directions rows columns"],
    cell: Int[Array, ""],
    *,
    from_cell: bool,
) -> tuple[Float[Array, "rows columns"], Any]:
    """Find a log scale in which all weights to, or from, one cell are numbers of moderate size.

    Parameters
    ----------
    attempt
        Called with (log_probabilities, energies) and a log scale φ; returns the solver's state, the scaled weights
        z exp(φ), and the componentwise backward error of each.
    log_probabilities
        log P of every transition, −inf where there is no edge.
    energies
        θ C of every transition, zero or more.
    cell
        Flat raster index; an index beyond the raster is connected to nothing.
    from_cell
        True for weights from the cell, False for weights to it.

    Returns
    -------
    log_scale, state
        φ, infinite where no path leads, and the solver's state for it. Neither is differentiated.

    Raises
    ------
    RuntimeError
        No such scale was found.
    """
    fixed = jax.lax.stop_gradient((log_probabilities, energies))

    def evaluate(log_scale: Array) -> tuple[Array, Any, Array, Array]:
        """Return a log scale, the solver's state, the scaled weights, and which of them are accurate."""
        state, scaled, error = attempt(fixed, log_scale)
        # The backward error exposes small entries among large ones that are nothing but rounding errors.
        accurate = (scaled > 1 / SCALED_RANGE) & (scaled < SCALED_RANGE) & (error < MAX_BACKWARD_ERROR)
        return log_scale, state, scaled, accurate | ~(log_scale < jnp.inf)

    def unfinished(loop_state) -> Bool[Array, ""]:
        """Return whether some weights are not accurate yet."""
        *_, trusted, corrections = loop_state
        return ~trusted.all() & (corrections < MAX_CORRECTIONS)

    def correct(loop_state):
        """Estimate the log scale again, from the weights that are accurate."""
        log_scale, _, scaled, trusted, corrections = loop_state
        known = trusted & (log_scale < jnp.inf)
        free_energy = jnp.where(known, log_scale - jnp.log(jnp.where(known, scaled, 1.0)), jnp.inf)
        return *evaluate(_shortest_path_energies(*fixed, free_energy, from_cell)), corrections + 1

    unreached = jnp.full(log_probabilities.shape[1:], jnp.inf)
    free_energy = unreached.ravel().at[cell].set(0.0, mode="drop").reshape(unreached.shape)
    first = *evaluate(_shortest_path_energies(*fixed, free_energy, from_cell)), jnp.array(0)
    log_scale, state, _, trusted, _ = jax.lax.while_loop(unfinished, correct, first)
    return jax.lax.stop_gradient((eqx.error_if(log_scale, ~trusted.all(), OUT_OF_SCALE, on_error="raise"), state))


def backward_error(system: StencilMatrix, solution: Array, right_hand_side: Array) -> Float[Array, "rows columns"]:
    """Return the componentwise backward error |b − A x| / (|b| + |A| |x|) of every row."""
    magnitudes = StencilMatrix(jnp.abs(system.center), jnp.abs(system.edges))
    scale = magnitudes.apply(jnp.abs(solution)) + jnp.abs(right_hand_side)
    return jnp.abs(right_hand_side - system.apply(solution)) / jnp.where(scale > 0, scale, 1.0)


def entropy_fraction(mean_energy: np.ndarray, directions: int) -> np.ndarray:
    """Return the fraction of −log P that a step adds to the free energy, given the mean energy θ C of a step.

    It is 0 for a walk that is hardly ever killed and reaches the target by every route, and 1 for a walk that must take
    the best one.

    Examples
    --------
    >>> entropy_fraction(np.array([1e-9, 1e3]), 8).round(2)
    array([0., 1.])
    """
    energies, fractions = _entropy_fraction_table(directions)
    return np.interp(np.log(np.maximum(mean_energy, energies[0])), np.log(energies), fractions)


def invalid_cost_message(count: int) -> str:
    """Return the message for edges whose cost is negative or NaN.

    Examples
    --------
    >>> invalid_cost_message(2)
    'the cost is negative or undefined on 2 edges; it must be zero or more on every edge'
    """
    return f"the cost is negative or undefined on {count_of(count, 'edge')}; it must be zero or more on every edge"


def _shortest_path_energies(log_probabilities, energies, known, from_cell: bool) -> Float[Array, "rows columns"]:
    """Estimate −log z where it is not known (infinite) from where it is."""
    result = jax.ShapeDtypeStruct(known.shape, jnp.float64)
    on_cpu = partial(_shortest_path_energies_cpu, from_cell=from_cell)
    return jax.pure_callback(on_cpu, result, log_probabilities, energies, known, vmap_method="sequential")


def _shortest_path_energies_cpu(log_probabilities, energies, known, *, from_cell: bool) -> np.ndarray:
    """Search from the cells whose −log z is known; as `_shortest_path_energies`, with NumPy arrays."""
    log_probabilities, energies, known = (np.asarray(array) for array in (log_probabilities, energies, known))
    exists = np.isfinite(log_probabilities)
    energies = np.where(exists, energies, 0.0)
    if not (energies >= 0).all():
        raise ValueError(invalid_cost_message((~(energies >= 0)).sum()))
    mean_energy = (np.exp(log_probabilities) * energies).sum(0)
    information = np.where(exists, -log_probabilities, np.inf)
    fraction = entropy_fraction(mean_energy, len(log_probabilities))
    with np.errstate(invalid="ignore"):
        # Rounding can make the information of a certain transition slightly negative.
        path_costs = np.where(exists, np.maximum(energies + fraction * information, 0.0), np.inf)
    offsets = stencil_offsets(path_costs.shape, reverse=not from_cell, undirected=False)
    sources = np.flatnonzero(np.isfinite(known))
    forest = dijkstra_search(validate_costs(path_costs), offsets, known.size, [(sources, known.ravel()[sources])])
    distance = forest.distance.reshape(known.shape)
    return np.where(distance < SMALLEST_LOG_SCALE, 0.0, distance)


@lru_cache(maxsize=2)
def _entropy_fraction_table(directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate the fraction by mean energy: solve the eikonal equation Σ_d P_d exp(−e C_d + m x_d) = 1 for the slope m.

    The landscape is uniform, e the energy of a step of unit length, C_d the length and x_d the eastward component of
    step d.
    """
    steps = np.array(neighbour_offsets(directions), float)
    length = np.hypot(*steps.T)
    probability = (1 / length) / (1 / length).sum()
    eastward = steps[:, 1]
    mean_length = (probability * length).sum()
    information = -np.log(probability[(length == 1) & (eastward == 1)][0])
    energies = np.logspace(-12, 4, 129)
    fractions = []
    for mean_energy in energies:
        energy = mean_energy / mean_length

        def log_sum(slope: float, energy: float = energy) -> float:
            """Return log Σ_d P_d exp(−e C_d + m x_d)."""
            exponent = np.log(probability) - energy * length + slope * eastward
            return float(exponent.max() + np.log(np.exp(exponent - exponent.max()).sum()))

        slope = brentq(log_sum, 0.0, energy + information + 1.0, xtol=1e-14)
        fractions.append((slope - energy) / information)
    return energies, np.clip(fractions, 0.0, 1.0)
