"""Black-box interpolation and the Galerkin product.

The cells of colour C form the next coarser raster. A cell between two or four of them is interpolated with weights from
its conductances, so that interpolation follows corridors and stops at barriers. The coarse operator is Pᵀ A P. Four C
cells and the cells between them form a patch of 3 × 3 cells whose values depend on those four alone; therefore the
coarse operator is a 9-point stencil again.

References
----------
Dendy, J. E. (1982). Black box multigrid. Journal of Computational Physics 48, 366–386.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...stencil_matrix import QUEEN_OFFSETS
from .four_colour import C, H, V, X, pad, shift_padded, split, stack

#: Indices of the directions, in the order of `QUEEN_OFFSETS`.
NW, N, NE, W, E, SW, S, SE = range(8)

#: Offsets of the blocks of the C cells from which a colour is interpolated.
PARENTS = {
    H: ((0, 0), (0, 1)),
    V: ((0, 0), (1, 0)),
    X: ((0, 0), (0, 1), (1, 0), (1, 1)),
}

_FIRST_WEIGHT = {H: 0, V: 2, X: 4}

#: (colour, parent) of each of the 8 weights.
WEIGHTS = tuple((colour, parent) for colour, parents in PARENTS.items() for parent in parents)

# Interpolation weights of the four corners of a patch: rasters, or 0 or 1 where constant.
_AtCorners = tuple[Array | int, Array | int, Array | int, Array | int]


class ConductanceStencil(NamedTuple):
    """A symmetric M-matrix by its conductances: (A x)_i = g_i x_i + Σ_d c_d,i (x_i − x_{i+d}).

    In this form, unlike with diagonal and off-diagonals, a component without a ground maps constants to exactly 0,
    also in single precision.

    Parameters
    ----------
    conductances
        Conductances c, in the order of `QUEEN_OFFSETS`.
    row_sums
        Row sums g.
    """

    conductances: Float[Array, "rows 8 columns"]
    row_sums: Float[Array, "rows 1 columns"]


class Level(NamedTuple):
    """An operator by colour, with its interpolation.

    Parameters
    ----------
    conductances
        Conductances of the cells of each colour.
    inverse_diagonal
        Reciprocal of the diagonal by colour; 0 in rows of zeros.
    interpolation
        `interpolation[:, w]`: weight of the parent in the value of the cell, (colour, parent) = `WEIGHTS[w]`, stored at
        the cell's block.
    restriction
        The same weights, stored at the parent's block.
    """

    conductances: tuple[Float[Array, "m 8 n"], ...]
    inverse_diagonal: tuple[Float[Array, "m 1 n"], ...]
    interpolation: Float[Array, "m 8 n"]
    restriction: Float[Array, "m 8 n"]


def coarsen(fine: ConductanceStencil) -> tuple[Level, ConductanceStencil]:
    """Return an operator by colour with its interpolation, and the coarse operator."""
    conductances, row_sums = split(fine.conductances), split(fine.row_sums)
    interpolation = _interpolation(conductances)
    padded = pad(interpolation)
    restriction = [shift_padded(padded, (-down, -right))[:, w] for w, (_, (down, right)) in enumerate(WEIGHTS)]
    diagonals = [conductance.sum(1, keepdims=True) + g for conductance, g in zip(conductances, row_sums, strict=True)]
    inverse_diagonal = tuple(reciprocal(diagonal) for diagonal in diagonals)
    level = jax.lax.optimization_barrier(
        Level(tuple(conductances), inverse_diagonal, interpolation, stack(restriction))
    )
    coarse_row_sums = row_sums[C] + restrict(level.restriction, row_sums)
    return level, jax.lax.optimization_barrier(
        ConductanceStencil(_galerkin(conductances, interpolation, padded), coarse_row_sums)
    )


def restrict(restriction: Float[Array, "m 8 n"], parts: list[Array] | dict[int, Array]) -> Array:
    """Return the part of Pᵀ r that comes from the H, V and X cells."""
    padded_parts = {colour: pad(parts[colour]) for colour in (H, V, X)}
    return sum(
        restriction[:, w, None] * shift_padded(padded_parts[colour], (-down, -right))
        for w, (colour, (down, right)) in enumerate(WEIGHTS)
    )


def interpolate(interpolation: Float[Array, "m 8 n"], coarse: Array) -> dict[int, Array]:
    """Return P e in the H, V and X cells; in the C cells P e = e."""
    padded = pad(coarse)
    return {
        colour: sum(
            interpolation[:, _FIRST_WEIGHT[colour] + n, None] * shift_padded(padded, parent)
            for n, parent in enumerate(parents)
        )
        for colour, parents in PARENTS.items()
    }


def reciprocal(values: Array) -> Array:
    """Return 1 / values where they are positive, else 0."""
    positive = values > 0
    return jnp.where(positive, 1 / jnp.where(positive, values, 1), 0)


def _interpolation(conductances: list[Array]) -> Float[Array, "m 8 n"]:
    """Return the weights (Dendy 1982, section 3). Those of a cell sum to 1, so constants stay constant."""
    h, v, x = (jnp.moveaxis(conductances[colour], 1, 0) for colour in (H, V, X))
    # Between two C cells: conductances across are lumped, as if x did not vary in that direction.
    across = _normalized_weights(h[NW] + h[W] + h[SW], h[NE] + h[E] + h[SE])
    down = _normalized_weights(v[NW] + v[N] + v[NE], v[SW] + v[S] + v[SE])
    edge_weights = jax.lax.optimization_barrier(stack([*across, *down]))
    top0, top1, left0, left1 = jnp.moveaxis(edge_weights, 1, 0)
    padded = pad(edge_weights)
    bottom0, bottom1 = jnp.moveaxis(shift_padded(padded, (1, 0)), 1, 0)[:2]
    right0, right1 = jnp.moveaxis(shift_padded(padded, (0, 1)), 1, 0)[2:]
    # Between four C cells: from the eight neighbours, of which four have just been interpolated.
    scale = reciprocal(sum(x))
    middle = (
        scale * (x[NW] + x[N] * top0 + x[W] * left0),
        scale * (x[NE] + x[N] * top1 + x[E] * right0),
        scale * (x[SW] + x[W] * left1 + x[S] * bottom0),
        scale * (x[SE] + x[E] * right1 + x[S] * bottom1),
    )
    return jax.lax.optimization_barrier(stack([top0, top1, left0, left1, *middle]))


def _normalized_weights(first: Array, second: Array) -> tuple[Array, Array]:
    total = first + second
    first_weight = jnp.where(total > 0, first * reciprocal(total), 1)
    return first_weight, 1 - first_weight


def _galerkin(conductances: list[Array], interpolation: Array, padded: Array) -> Float[Array, "rows 8 columns"]:
    """Return the conductances of Pᵀ A P, P being the interpolation.

    The energy uᵀ Pᵀ A P u is a sum over the edges, Σ c (P u_i − P u_j)². With P u_i − P u_j = Σ_p a_p u_p over the
    corners p of the patch, an edge adds −c a_p a_q to the conductance between corners p and q; since the weights of a
    cell sum to 1, Σ_p a_p = 0 and no edge adds to the row sums.
    """
    top0, top1, left0, left1, *rest = jnp.moveaxis(interpolation, 1, 0)
    middle = tuple(rest)
    bottom0, bottom1 = jnp.moveaxis(shift_padded(padded, (1, 0)), 1, 0)[:2]
    right0, right1 = jnp.moveaxis(shift_padded(padded, (0, 1)), 1, 0)[2:4]
    northwest, northeast, southwest, southeast = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    top, bottom, left, right = (
        (top0, top1, 0, 0),
        (0, 0, bottom0, bottom1),
        (left0, 0, left1, 0),
        (0, right0, 0, right1),
    )
    c, h, v, x = (jnp.moveaxis(conductance, 1, 0) for conductance in conductances)
    right_neighbour_v = shift_padded(pad(conductances[V][:, SW, None]), (0, 1))[:, 0]
    edges = [
        (x[NW], middle, northwest),
        (x[N], middle, top),
        (x[NE], middle, northeast),
        (x[W], middle, left),
        (x[E], middle, right),
        (x[SW], middle, southwest),
        (x[S], middle, bottom),
        (x[SE], middle, southeast),
        (h[SW], top, left),
        (h[SE], top, right),
        (v[SE], left, bottom),
        (right_neighbour_v, right, bottom),
        # The upper and left sides of the patch; its lower and right sides belong to the next patches.
        (c[E], northwest, top),
        (h[E], top, northeast),
        (c[S], northwest, left),
        (v[S], left, southwest),
    ]
    pairs = pad(stack(_between(edges, p, q) for p, q in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2), (0, 3))))
    # Adjacent patches share a side.
    east = shift_padded(pairs, (0, 0))[:, 0] + shift_padded(pairs, (-1, 0))[:, 1]
    south = shift_padded(pairs, (0, 0))[:, 2] + shift_padded(pairs, (0, -1))[:, 3]
    forward = pad(stack([east, shift_padded(pairs, (0, -1))[:, 4], south, shift_padded(pairs, (0, 0))[:, 5]]))
    backward = [shift_padded(forward, QUEEN_OFFSETS[d])[:, 3 - d] for d in range(4)]
    return jnp.concatenate([stack(backward), shift_padded(forward, (0, 0))], 1)


def _between(edges: list[tuple[Array, _AtCorners, _AtCorners]], p: int, q: int) -> Array:
    """Return −Σ c a_p a_q over the edges of a patch."""
    return sum(
        conductance * (first[p] - second[p]) * (second[q] - first[q])
        for conductance, first, second in edges
        if not any(isinstance(first[r], int) and isinstance(second[r], int) and first[r] == second[r] for r in (p, q))
    )
