"""Black-box coarsening: the operator itself says how values vary between the cells that are kept.

The cells of colour C make the next coarser raster. A cell between two or four of them takes a mean of their values,
weighted with its conductances: so interpolation follows corridors and stops at barriers. The coarse operator is the
energy of the interpolated raster. Four C cells and what lies between them make a patch of 3 × 3 cells whose values
depend on those four alone; therefore the coarse operator has 9 points again.

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

#: Numbers of the steps, in the order of `QUEEN_OFFSETS`.
NW, N, NE, W, E, SW, S, SE = range(8)

#: Which C cells a cell of a colour lies between, in blocks from its own.
PARENTS = {
    H: ((0, 0), (0, 1)),
    V: ((0, 0), (1, 0)),
    X: ((0, 0), (0, 1), (1, 0), (1, 1)),
}

_FIRST_WEIGHT = {H: 0, V: 2, X: 4}

#: (colour, parent) of each of the 8 weights.
WEIGHTS = tuple((colour, parent) for colour, parents in PARENTS.items() for parent in parents)

# A value at the corners of a patch: a raster, or 0 or 1 where it is that everywhere.
_AtCorners = tuple[Array | int, Array | int, Array | int, Array | int]


class ConductanceStencil(NamedTuple):
    """A symmetric M-matrix as a network of conductors: (A x)_i = ground_i x_i + Σ_d k_d,i (x_i − x_{i+d}).

    Kept like this, and not as diagonal and off-diagonals, a part without ground maps constants to exactly 0, also in
    single precision.

    Parameters
    ----------
    conductances
        k, in the order of `QUEEN_OFFSETS`.
    ground
        What the row adds up to.
    """

    conductances: Float[Array, "rows 8 columns"]
    ground: Float[Array, "rows 1 columns"]


class Level(NamedTuple):
    """A network by colour, and how it is coarsened.

    Parameters
    ----------
    links
        The conductances of the cells of each colour.
    inverse
        Reciprocal of the diagonal by colour; 0 in a row of zeros.
    shares
        `shares[:, w]`: weight of the parent in the value of the cell that `WEIGHTS[w]` names, at the cell's block.
    gathered
        The same at the parent's block.
    """

    links: tuple[Float[Array, "m 8 n"], ...]
    inverse: tuple[Float[Array, "m 1 n"], ...]
    shares: Float[Array, "m 8 n"]
    gathered: Float[Array, "m 8 n"]


def coarsen(fine: ConductanceStencil) -> tuple[Level, ConductanceStencil]:
    """Return a network laid out by colour, with its interpolation, and the network of its C cells."""
    links, ground = split(fine.conductances), split(fine.ground)
    shares = _interpolation(links)
    frame = pad(shares)
    gathered = [shift_padded(frame, (-down, -right))[:, w] for w, (_, (down, right)) in enumerate(WEIGHTS)]
    diagonals = [link.sum(1, keepdims=True) + g for link, g in zip(links, ground, strict=True)]
    inverse = tuple(reciprocal(diagonal) for diagonal in diagonals)
    level = jax.lax.optimization_barrier(Level(tuple(links), inverse, shares, stack(gathered)))
    coarse_ground = ground[C] + restrict(level.gathered, ground)
    return level, jax.lax.optimization_barrier(ConductanceStencil(_galerkin(links, shares, frame), coarse_ground))


def restrict(gathered: Float[Array, "m 8 n"], parts: list[Array] | dict[int, Array]) -> Array:
    """Return Pᵀ r: what lies in the H, V and X cells, handed to the C cells between which they lie."""
    frames = {colour: pad(parts[colour]) for colour in (H, V, X)}
    return sum(
        gathered[:, w, None] * shift_padded(frames[colour], (-down, -right))
        for w, (colour, (down, right)) in enumerate(WEIGHTS)
    )


def interpolate(shares: Float[Array, "m 8 n"], coarse: Array) -> dict[int, Array]:
    """Return P e in the H, V and X cells; in the C cells it is e."""
    frame = pad(coarse)
    return {
        colour: sum(
            shares[:, _FIRST_WEIGHT[colour] + n, None] * shift_padded(frame, parent) for n, parent in enumerate(parents)
        )
        for colour, parents in PARENTS.items()
    }


def reciprocal(values: Array) -> Array:
    """Return 1 / values where they are positive, else 0."""
    positive = values > 0
    return jnp.where(positive, 1 / jnp.where(positive, values, 1), 0)


def _interpolation(links: list[Array]) -> Float[Array, "m 8 n"]:
    """Return the weights (Dendy 1982, section 3). Those of a cell add up to 1, so constants stay constant."""
    h, v, x = (jnp.moveaxis(links[colour], 1, 0) for colour in (H, V, X))
    # Between two: the conductances across are lumped, as if the value did not change that way.
    across = _two_shares(h[NW] + h[W] + h[SW], h[NE] + h[E] + h[SE])
    down = _two_shares(v[NW] + v[N] + v[NE], v[SW] + v[S] + v[SE])
    sides = jax.lax.optimization_barrier(stack([*across, *down]))
    top0, top1, left0, left1 = jnp.moveaxis(sides, 1, 0)
    frame = pad(sides)
    bottom0, bottom1 = jnp.moveaxis(shift_padded(frame, (1, 0)), 1, 0)[:2]
    right0, right1 = jnp.moveaxis(shift_padded(frame, (0, 1)), 1, 0)[2:]
    # Between four: from its eight neighbours, of which four have just been interpolated.
    scale = reciprocal(sum(x))
    middle = (
        scale * (x[NW] + x[N] * top0 + x[W] * left0),
        scale * (x[NE] + x[N] * top1 + x[E] * right0),
        scale * (x[SW] + x[W] * left1 + x[S] * bottom0),
        scale * (x[SE] + x[E] * right1 + x[S] * bottom1),
    )
    return jax.lax.optimization_barrier(stack([top0, top1, left0, left1, *middle]))


def _two_shares(one: Array, other: Array) -> tuple[Array, Array]:
    total = one + other
    first = jnp.where(total > 0, one * reciprocal(total), 1)
    return first, 1 - first


def _galerkin(links: list[Array], shares: Array, frame: Array) -> Float[Array, "rows 8 columns"]:
    """Return the conductances of Pᵀ A P, P being the interpolation.

    The energy uᵀ Pᵀ A P u is a sum over the edges, Σ k (P u_i − P u_j)². With P u_i − P u_j = Σ_p a_p u_p over the
    corners p of the patch, an edge adds −k a_p a_q to the conductance between corners p and q; since the weights of a
    cell add up to 1, Σ_p a_p = 0 and no edge adds to the ground.
    """
    top0, top1, left0, left1, *rest = jnp.moveaxis(shares, 1, 0)
    middle = tuple(rest)
    bottom0, bottom1 = jnp.moveaxis(shift_padded(frame, (1, 0)), 1, 0)[:2]
    right0, right1 = jnp.moveaxis(shift_padded(frame, (0, 1)), 1, 0)[2:4]
    northwest, northeast, southwest, southeast = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    top, bottom, left, right = (
        (top0, top1, 0, 0),
        (0, 0, bottom0, bottom1),
        (left0, 0, left1, 0),
        (0, right0, 0, right1),
    )
    c, h, v, x = (jnp.moveaxis(link, 1, 0) for link in links)
    right_v = shift_padded(pad(links[V][:, SW, None]), (0, 1))[:, 0]
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
        (right_v, right, bottom),
        # The upper and the left rim; the lower and the right one belong to the next patches.
        (c[E], northwest, top),
        (h[E], top, northeast),
        (c[S], northwest, left),
        (v[S], left, southwest),
    ]
    pairs = pad(stack(_between(edges, p, q) for p, q in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2), (0, 3))))
    # A side of a patch is shared with the next one.
    east = shift_padded(pairs, (0, 0))[:, 0] + shift_padded(pairs, (-1, 0))[:, 1]
    south = shift_padded(pairs, (0, 0))[:, 2] + shift_padded(pairs, (0, -1))[:, 3]
    forward = pad(stack([east, shift_padded(pairs, (0, -1))[:, 4], south, shift_padded(pairs, (0, 0))[:, 5]]))
    backward = [shift_padded(forward, QUEEN_OFFSETS[d])[:, 3 - d] for d in range(4)]
    return jnp.concatenate([stack(backward), shift_padded(forward, (0, 0))], 1)


def _between(edges: list[tuple[Array, _AtCorners, _AtCorners]], p: int, q: int) -> Array:
    """Return −Σ k a_p a_q over the edges of a patch."""
    return sum(
        k * (one[p] - other[p]) * (other[q] - one[q])
        for k, one, other in edges
        if not any(isinstance(one[r], int) and isinstance(other[r], int) and one[r] == other[r] for r in (p, q))
    )
