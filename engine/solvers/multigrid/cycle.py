"""The hierarchy of ever coarser operators and the V-cycle through it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .coarsening import Blocks, Conductances, Interpolation, galerkin, in_blocks, interpolation, restrict, PARENTS
from .colours import C, H, V, X, framed, join, shifted, split
from .smoothing import relax_backwards, relax_from_zero

#: A raster of at most that many cells is solved by a dense matrix.
COARSEST = 256

NULL = 1e-14


class Level(eqx.Module):
    """An operator by colour and the weights that lead to the next coarser raster."""

    blocks: Blocks
    weights: Interpolation
    shape: tuple[int, int] = eqx.field(static=True)


class Hierarchy(eqx.Module):
    """All levels, the finest first, and the inverse of the coarsest operator."""

    levels: list[Level]
    inverse: Float[Array, "n n"]


def hierarchy(operator: Conductances) -> Hierarchy:
    """Coarsen an operator until it is small enough for a dense inverse."""
    levels = []
    while operator.ground.size > COARSEST:
        blocks = in_blocks(operator)
        weights = interpolation(blocks)
        levels.append(Level(blocks, weights, operator.ground.shape))
        operator = jax.lax.optimization_barrier(galerkin(blocks, weights))
    return Hierarchy(levels, _pseudo_inverse(operator))


def _pseudo_inverse(operator: Conductances) -> Float[Array, "n n"]:
    from ...stencil import Stencil, neighbour, QUEEN
    forward = [k.astype(float) for k in operator.forward]
    ground = operator.ground.astype(float)
    ks = [neighbour(forward[3 - d], step) for d, step in enumerate(QUEEN[:4])] + forward
    center = ground + sum(ks)
    dense = Stencil(center, -jnp.stack(ks)).dense(jnp.arange(ground.size))
    root = jnp.where(center > 0, 1 / jnp.sqrt(jnp.where(center > 0, center, 1)), 0).ravel()
    values, vectors = jnp.linalg.eigh(dense * root[:, None] * root)
    kept = values > NULL
    vectors = root[:, None] * vectors
    return ((vectors * jnp.where(kept, 1 / jnp.where(kept, values, 1), 0)) @ vectors.T).astype(operator.ground.dtype)


def v_cycle(hierarchy: Hierarchy, b: Float[Array, "rows k columns"]) -> Float[Array, "rows k columns"]:
    """Return an approximate solution of A x = b: linear in b, symmetric and positive."""
    return _descend(hierarchy.levels, hierarchy.inverse, b)


def _descend(levels, inverse, b):
    if not levels:
        rows, k, columns = b.shape
        flat = jnp.moveaxis(b, 1, 0).reshape(k, -1)
        return jnp.moveaxis((flat @ inverse).reshape(k, rows, columns), 0, 1)
    level = levels[0]
    parts = [jax.lax.optimization_barrier(part) for part in split(b)]
    x, residual = relax_from_zero(level.blocks, parts)
    coarse = _descend(levels[1:], inverse, restrict(level.weights, residual))
    x = add_interpolated(level.weights, x, coarse)
    return join(relax_backwards(level.blocks, parts, x), *level.shape)


def add_interpolated(weights: Interpolation, x: list[Array], coarse: Array) -> list[Array]:
    """X + P e in the cells between C cells; the C cells are relaxed next and not needed."""
    frame = framed(coarse)
    result = [None] * 4
    for colour, shares, blocks in zip((H,V,X), weights, PARENTS):
        result[colour] = x[colour] + sum(share * shifted(frame, block) for share, block in zip(shares, blocks))
    return result
