"""Edge conductances: a rule that combines the permeabilities of two neighbouring cells, over the step's length."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..linalg import neighbour_offsets, shift

#: The name of a rule, or a function of the permeabilities of the source cell and of the target cell.
EdgeRule = str | Callable[[Array, Array], Array]

#: Relative difference up to which the two directions of a user's rule count as equal.
SYMMETRY_RTOL = 1e-12


def _arithmetic_mean(source: Array, target: Array) -> Array:
    return (source + target) / 2


def _harmonic_mean(source: Array, target: Array) -> Array:
    return 2 / (1 / source + 1 / target)


def _target_cell(source: Array, target: Array) -> Array:
    return target


#: Rules by name. "resistance" is the arithmetic mean of resistances, hence the harmonic mean of permeabilities.
EDGE_RULES = {"mean": _arithmetic_mean, "resistance": _harmonic_mean, "target": _target_cell}


def edge_conductances(
    permeability: Float[Array, "rows columns"],
    active: Bool[Array, "rows columns"],
    directions: int,
    rule: EdgeRule,
    pixel_size: tuple[float, float],
) -> Float[Array, "directions rows columns"]:
    """Return w_ij = rule(p_i, p_j) / length_ij for every two neighbouring vertices, 0 elsewhere.

    Parameters
    ----------
    permeability
        Permeability of each cell; edges exist where it is finite and above zero.
    active
        True where the cell is a vertex.
    directions
        4 or 8.
    rule
        A name in `EDGE_RULES` or a function of two arrays.
    pixel_size
        Height and width of a cell, in map units.

    Examples
    --------
    >>> edge_conductances(jnp.array([[1.0, 3.0]]), jnp.ones((1, 2), bool), 4, "mean", (1.0, 2.0))[2]
    Array([[1., 0.]], dtype=float64)
    """
    combine = _as_function(rule)
    has_edges = active & jnp.isfinite(permeability) & (permeability > 0)
    # A harmless 1 where there is no vertex: a masked division by zero would still put NaN into the gradient.
    source = jnp.where(has_edges, permeability, 1.0)
    edges = []
    for step, length in zip(neighbour_offsets(directions), step_lengths(directions, pixel_size), strict=True):
        exists = has_edges & shift(has_edges, step, fill=False)
        edges.append(jnp.where(exists, combine(source, shift(source, step, fill=1.0)) / length, 0.0))
    return jnp.stack(edges)


def star_conductances(
    restored: Float[Array, "rows columns"],
    permeability: Float[Array, "rows columns"],
    active: Bool[Array, "rows columns"],
    directions: int,
    rule: EdgeRule,
    pixel_size: tuple[float, float],
) -> tuple[Float[Array, "directions rows columns"], Float[Array, "directions rows columns"]]:
    """Return the conductances of every cell's edges, out and in, if that cell alone had the permeability `restored`.

    The other parameters are those of `edge_conductances`.

    Returns
    -------
    out, into
        From the cell to its neighbour at each step, and from that neighbour to the cell; 0 where the neighbour is
        not active.
    """
    combine = _as_function(rule)
    has_edges = active & jnp.isfinite(permeability) & (permeability > 0)
    weights = jnp.where(has_edges, permeability, 1.0)
    out, into = [], []
    for step, length in zip(neighbour_offsets(directions), step_lengths(directions, pixel_size), strict=True):
        exists, neighbour = shift(has_edges, step, fill=False), shift(weights, step, fill=1.0)
        out.append(jnp.where(exists, combine(restored, neighbour) / length, 0.0))
        into.append(jnp.where(exists, combine(neighbour, restored) / length, 0.0))
    return jnp.stack(out), jnp.stack(into)


def step_lengths(directions: int, pixel_size: tuple[float, float]) -> list[float]:
    """Return the distance between the centres of neighbouring cells per direction, in map units.

    Examples
    --------
    >>> step_lengths(4, (3.0, 4.0))
    [3.0, 4.0, 4.0, 3.0]
    """
    return [float(np.hypot(step[0] * pixel_size[0], step[1] * pixel_size[1])) for step in neighbour_offsets(directions)]


def is_symmetric(rule: EdgeRule) -> bool:
    """Return whether a rule gives an edge the same conductance in both directions.

    Examples
    --------
    >>> is_symmetric("mean"), is_symmetric(lambda source, target: source)
    (True, False)
    """
    if not callable(rule):
        return rule != "target"
    # A function cannot be proven symmetric; one that is symmetric for these numbers is taken to be.
    with jax.ensure_compile_time_eval():
        source, target = jnp.array([0.37, 1.0, 5.3, 1e-4]), jnp.array([2.9, 0.021, 7e3, 0.6])
        return bool(jnp.allclose(rule(source, target), rule(target, source), rtol=SYMMETRY_RTOL, atol=0))


def _as_function(rule: EdgeRule) -> Callable[[Array, Array], Array]:
    return rule if callable(rule) else EDGE_RULES[rule]
