"""Black-box coarsening: the operator itself says how values vary between the cells that are kept.

The cells of colour C make the next coarser raster. A cell between two or four of them takes a mean of their values
weighted with its conductances, as it would if no current entered it: so interpolation follows corridors and stops at
barriers. The coarse operator is the energy of the interpolated raster. Four C cells and what lies between them make a
patch of 3 × 3 cells whose values depend on those four alone, so the coarse operator has 9 points again.

References
----------
Dendy, J. E. (1982). Black box multigrid. Journal of Computational Physics 48, 366–386.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...stencil import QUEEN, steps_of
from .colours import LINKS, C, H, V, X, framed, shifted, split

#: Numbers of the steps, in the order of `QUEEN`.
NW, N, NE, W, E, SW, S, SE = range(8)


class Conductances(NamedTuple):
    """A symmetric operator on a raster: (A x)_i = ground_i x_i + Σ_d k_d,i (x_i − x_{i+d}).

    Kept like this and not as a diagonal, a constant raster over a component without ground gives exactly 0, also
    after rounding to single precision.

    Parameters
    ----------
    forward
        k to the east, south-west, south and south-east; the others are the neighbour's.
    ground
        What is left of the row sum.
    """

    forward: tuple[Float[Array, "rows columns"], ...]
    ground: Float[Array, "rows columns"]


class Blocks(NamedTuple):
    """The same operator by colour: `links[colour][d]`, `ground[colour]` and the reciprocal of the diagonal."""

    links: tuple[tuple[Float[Array, "m 1 n"], ...], ...]
    ground: tuple[Float[Array, "m 1 n"], ...]
    inverse: tuple[Float[Array, "m 1 n"], ...]


class Interpolation(NamedTuple):
    """Weights of the C cells at (0, 0), (0, 1), (1, 0), (1, 1) blocks away in the values of the H, V and X cells."""

    h: tuple[Float[Array, "m 1 n"], Float[Array, "m 1 n"]]
    v: tuple[Float[Array, "m 1 n"], Float[Array, "m 1 n"]]
    x: tuple[Float[Array, "m 1 n"], ...]


def in_blocks(operator: Conductances) -> Blocks:
    """Lay an operator out by colour."""
    own = [split(k[:, None]) for k in operator.forward]
    frames = [[framed(part) for part in parts] for parts in own]
    ground = split(operator.ground[:, None])
    links, inverse = [], []
    for colour in range(4):
        row = []
        for d in range(8):
            if d >= E:
                row.append(own[d - E][colour])
            else:
                there = LINKS[colour][d]
                row.append(shifted(frames[E - 1 - d][there.colour], there.block))
        row = jax.lax.optimization_barrier(tuple(row))
        diagonal = sum(row) + ground[colour]
        links.append(row)
        inverse.append(jnp.where(diagonal > 0, 1 / jnp.where(diagonal > 0, diagonal, 1), 0))
    return jax.lax.optimization_barrier(Blocks(tuple(links), tuple(ground), tuple(inverse)))


def interpolation(blocks: Blocks) -> Interpolation:
    """Return the weights with which the cells between C cells take their values (Dendy 1982, eqs. 9–12)."""
    h, v, x = (blocks.links[colour] for colour in (H, V, X))
    # Between two: the third direction is lumped, as if the value did not change that way.
    across = _shares(h[NW] + h[W] + h[SW], h[NE] + h[E] + h[SE])
    down = _shares(v[NW] + v[N] + v[NE], v[SW] + v[S] + v[SE])
    across, down = jax.lax.optimization_barrier((across, down))
    # Between four: from its eight neighbours, of which four have just been interpolated.
    above, below = across, tuple(shifted(framed(w), (1, 0)) for w in across)
    left, right = down, tuple(shifted(framed(w), (0, 1)) for w in down)
    total = sum(x)
    scale = jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1), 0)
    centre = (
        (x[NW] + x[N] * above[0] + x[W] * left[0]) * scale,
        (x[NE] + x[N] * above[1] + x[E] * right[0]) * scale,
        (x[SW] + x[W] * left[1] + x[S] * below[0]) * scale,
        (x[SE] + x[E] * right[1] + x[S] * below[1]) * scale,
    )
    return jax.lax.optimization_barrier(Interpolation(across, down, centre))


def _shares(one: Array, other: Array) -> tuple[Array, Array]:
    total = one + other
    first = jnp.where(total > 0, one / jnp.where(total > 0, total, 1), 1)
    return first, 1 - first


def restrict(weights: Interpolation, parts: list[Array]) -> Array:
    """Pᵀ r: hand what lies in the H, V and X cells, and what the C cells hold if they are given, to the C cells."""
    result = parts[C] if parts[C] is not None else 0
    for colour, shares, blocks in zip((H, V, X), weights, PARENTS):
        for share, block in zip(shares, blocks):
            part = share * parts[colour]
            result = result + (part if block == (0, 0) else shifted(framed(part), (-block[0], -block[1])))
    return jax.lax.optimization_barrier(result)


PARENTS = (((0, 0), (0, 1)), ((0, 0), (1, 0)), ((0, 0), (0, 1), (1, 0), (1, 1)))


def galerkin(blocks: Blocks, weights: Interpolation) -> Conductances:
    """Return the operator Pᵀ A P on the C cells, P being the interpolation.

    The energy uᵀ Pᵀ A P u is a sum over edges, Σ k (P u_i − P u_j)², and over ground, Σ g (P u_i)². With
    P u_i − P u_j = Σ_p a_p u_p over the corners p of the patch, an edge adds −k a_p a_q to the conductance between the
    corners p and q. The weights of a cell add up to 1, so Σ_p a_p = 0 and no edge adds to the ground.
    """
    corner = [tuple(1 if p == q else 0 for p in range(4)) for q in range(4)]
    below = tuple(shifted(framed(w), (1, 0)) for w in weights.h)
    beside = tuple(shifted(framed(w), (0, 1)) for w in weights.v)
    top, bottom = (*weights.h, 0, 0), (0, 0, *below)
    left, right = (weights.v[0], 0, weights.v[1], 0), (0, beside[0], 0, beside[1])
    c, h, v, x = blocks.links
    edges = [
        (x[NW], weights.x, corner[0]),
        (x[N], weights.x, top),
        (x[NE], weights.x, corner[1]),
        (x[W], weights.x, left),
        (x[E], weights.x, right),
        (x[SW], weights.x, corner[2]),
        (x[S], weights.x, bottom),
        (x[SE], weights.x, corner[3]),
        (h[SW], top, left),
        (h[SE], top, right),
        (v[SE], left, bottom),
        (shifted(framed(v[SW]), (0, 1)), right, bottom),
        # The upper and the left rim; the other two belong to the next patches.
        (c[E], corner[0], top),
        (h[E], top, corner[1]),
        (c[S], corner[0], left),
        (v[S], left, corner[2]),
    ]
    between = {(p, q): jax.lax.optimization_barrier(_joint(edges, p, q)[:, 0]) for p in range(4) for q in range(p)}
    forward = (
        between[1, 0] + shifted(framed(between[3, 2]), (-1, 0)),
        # From a cell to its neighbour in the south-west: the patch is the one to its left.
        shifted(framed(between[2, 1]), (0, -1)),
        between[2, 0] + shifted(framed(between[3, 1]), (0, -1)),
        between[3, 0],
    )
    return jax.lax.optimization_barrier(Conductances(forward, restrict(weights, blocks.ground)[:, 0]))


def _joint(edges, p: int, q: int) -> Array:
    """Return −Σ k a_p a_q over the edges of a patch."""
    total = 0
    for k, one, other in edges:
        if all(not (isinstance(one[r], int) and isinstance(other[r], int) and one[r] == other[r]) for r in (p, q)):
            total = total + k * (one[p] - other[p]) * (other[q] - one[q])
    return total
