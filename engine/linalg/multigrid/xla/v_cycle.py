"""The hierarchy of ever coarser networks and the V-cycle through it."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...stencil_matrix import StencilMatrix
from .four_colour import H, V, X, join, split
from .smoother import postsmooth, presmooth
from .transfer import ConductanceStencil, Level, coarsen, interpolate, reciprocal, restrict

#: A raster of at most so many cells is solved with a dense matrix.
COARSEST = 256

#: Rasters of at most so many cells are kept in one shape, padded with nothing, and their levels in a loop: compiling a
#: level takes a second, and padding three small ones to the size of the first costs nothing to speak of.
COMMON = 65_536

#: Eigenvalues of the coarsest operator, scaled to a diagonal of ones, that rounding does not tell from 0.
NULL = 1e-14


class Hierarchy(eqx.Module):
    """All levels, the finest first.

    Parameters
    ----------
    large
        The levels that have a shape of their own.
    small
        The levels that have a shape in common, stacked.
    inverse
        Inverse of the coarsest operator.
    weakest
        The smallest eigenvalue of the coarsest operator, scaled to a diagonal of ones, that is not 0.
    coarsest
        Rows and columns of the coarsest raster.
    """

    large: list[Level]
    small: Level | None
    inverse: Float[Array, "n n"]
    weakest: Float[Array, ""]
    coarsest: tuple[int, int] = eqx.field(static=True)


def hierarchy(network: ConductanceStencil) -> Hierarchy:
    """Coarsen a network until it is small enough for a dense inverse."""
    large, small = [], None
    while network.ground.size > max(COMMON, COARSEST):
        level, network = coarsen(network)
        large.append(level)
    rows, _, columns = network.ground.shape
    shape, halvings = (rows, columns), 0
    while shape[0] * shape[1] > COARSEST:
        shape, halvings = ((shape[0] + 1) // 2, (shape[1] + 1) // 2), halvings + 1
    if halvings:

        def one_coarser(fine: ConductanceStencil, _: None) -> tuple[ConductanceStencil, Level]:
            level, coarse = coarsen(fine)
            return jax.tree.map(lambda array: _resized(array, rows, columns), coarse), level

        network, small = jax.lax.scan(one_coarser, network, length=halvings)
    network = jax.tree.map(lambda array: _resized(array, *shape), network)
    return Hierarchy(large, small, *_pseudo_inverse(network), shape)


def v_cycle(hierarchy: Hierarchy, b: Float[Array, "rows k columns"]) -> Float[Array, "rows k columns"]:
    """Return an approximate solution of A x = b, linear in b, symmetric and positive semidefinite."""
    visited = []
    for level in hierarchy.large:
        coarse, relaxed = _down(level, b)
        visited.append((level, relaxed, b.shape))
        b = coarse
    x = _small_cycle(hierarchy, b)
    for level, relaxed, shape in reversed(visited):
        x = _up(level, relaxed, x, shape)
    return x


def _small_cycle(hierarchy: Hierarchy, b: Array) -> Array:
    shape = b.shape
    if hierarchy.small is not None:

        def down(fine: Array, level: Level) -> tuple[Array, _Relaxed]:
            coarse, relaxed = _down(level, fine)
            return _resized(coarse, shape[0], shape[2]), relaxed

        b, visited = jax.lax.scan(down, b, hierarchy.small)
    rows, columns = hierarchy.coarsest
    flat = jnp.moveaxis(_resized(b, rows, columns), 1, 0).reshape(shape[1], -1)
    x = jnp.moveaxis((flat @ hierarchy.inverse).reshape(shape[1], rows, columns), 0, 1)
    if hierarchy.small is not None:
        half = (shape[0] + 1) // 2, (shape[2] + 1) // 2

        def up(coarse: Array, visited: tuple[Level, _Relaxed]) -> tuple[Array, None]:
            level, relaxed = visited
            return _up(level, relaxed, _resized(coarse, *half), shape), None

        x, _ = jax.lax.scan(up, _resized(x, shape[0], shape[2]), (hierarchy.small, visited), reverse=True)
    return x


class _Relaxed(NamedTuple):
    """What the way up needs from the way down: the right-hand side and x, by colour."""

    b: list[Array]
    x: dict[int, Array]


def _down(level: Level, b: Array) -> tuple[Array, _Relaxed]:
    parts = split(b)
    x, residual = presmooth(level, parts)
    return restrict(level.gathered, residual), _Relaxed(parts, x)


def _up(level: Level, relaxed: _Relaxed, coarse: Array, shape: tuple[int, int, int]) -> Array:
    correction = interpolate(level.shares, coarse)
    corrected = {colour: relaxed.x[colour] + correction[colour] for colour in (H, V, X)}
    return join(postsmooth(level, relaxed.b, corrected), shape[0], shape[2])


def _resized(array: Array, rows: int, columns: int) -> Array:
    """Cut a raster down to, or fill it up with zeros to, that many rows and columns."""
    cut = array[:rows, :, :columns]
    return jnp.pad(cut, ((0, rows - cut.shape[0]), (0, 0), (0, columns - cut.shape[2])))


def _pseudo_inverse(network: ConductanceStencil) -> tuple[Float[Array, "n n"], Float[Array, ""]]:
    """Return the inverse of the coarsest operator and its smallest eigenvalue, leaving out those that are 0.

    These belong to cells that are no vertices and to parts without ground.
    """
    conductances, ground = (jnp.moveaxis(array, 1, 0).astype(float) for array in network)
    center = conductances.sum(0) + ground[0]
    n = center.size
    operator = StencilMatrix(center, -conductances).apply(jnp.eye(n).reshape(n, *center.shape)).reshape(n, n)
    root = jnp.sqrt(reciprocal(center.ravel()))
    values, vectors = jnp.linalg.eigh(root[:, None] * operator * root)
    factor = root[:, None] * vectors * jnp.sqrt(reciprocal(jnp.where(values > NULL, values, 0)))
    weakest = jnp.min(jnp.where(values > NULL, values, jnp.inf))
    return (factor @ factor.T).astype(network.ground.dtype), weakest
