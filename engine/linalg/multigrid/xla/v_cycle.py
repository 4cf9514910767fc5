"""The multigrid hierarchy and its V-cycle, compiled by XLA."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...stencil_matrix import StencilMatrix
from ..thresholds import NULL_SPACE_TOL
from .four_colour import H, V, X, join, split
from .smoother import postsmooth, presmooth
from .transfer import ConductanceStencil, Level, coarsen, interpolate, reciprocal, restrict

#: The coarsest level has at most this many cells, and a dense inverse.
MAX_COARSE_CELLS = 256

#: Levels of at most this many cells are padded to a common shape and run in a loop: compiling a level takes a second,
#: and the padding costs little.
MAX_STACKED_CELLS = 65_536


class Hierarchy(eqx.Module):
    """The levels, the finest first, and the inverse of the coarsest operator.

    Parameters
    ----------
    separate
        Levels with different shapes.
    stacked
        Levels padded to a common shape, stacked; None if there are none.
    coarsest_inverse
        Inverse of the coarsest operator.
    min_eigenvalue
        Smallest nonzero eigenvalue of the coarsest operator, scaled to a diagonal of ones.
    coarsest_shape
        (rows, columns) of the coarsest raster.
    """

    separate: list[Level]
    stacked: Level | None
    coarsest_inverse: Float[Array, "n n"]
    min_eigenvalue: Float[Array, ""]
    coarsest_shape: tuple[int, int] = eqx.field(static=True)


def build(stencil: ConductanceStencil) -> Hierarchy:
    """Coarsen an operator until it is small enough for a dense inverse."""
    separate, stacked = [], None
    while stencil.row_sums.size > max(MAX_STACKED_CELLS, MAX_COARSE_CELLS):
        level, stencil = coarsen(stencil)
        separate.append(level)
    rows, _, columns = stencil.row_sums.shape
    shape, halvings = (rows, columns), 0
    while shape[0] * shape[1] > MAX_COARSE_CELLS:
        shape, halvings = ((shape[0] + 1) // 2, (shape[1] + 1) // 2), halvings + 1
    if halvings:

        def coarsen_once(fine: ConductanceStencil, _: None) -> tuple[ConductanceStencil, Level]:
            """Return the next coarser operator and the level between the two."""
            level, coarse = coarsen(fine)
            return jax.tree.map(lambda array: _resize(array, rows, columns), coarse), level

        stencil, stacked = jax.lax.scan(coarsen_once, stencil, length=halvings)
    stencil = jax.tree.map(lambda array: _resize(array, *shape), stencil)
    return Hierarchy(separate, stacked, *_pseudo_inverse(stencil), shape)


def v_cycle(hierarchy: Hierarchy, b: Float[Array, "rows k columns"]) -> Float[Array, "rows k columns"]:
    """Return an approximate solution of A x = b, linear in b, symmetric and positive semidefinite."""
    smoothed_levels = []
    for level in hierarchy.separate:
        coarse, smoothed = _smooth_and_restrict(level, b)
        smoothed_levels.append((level, smoothed, b.shape))
        b = coarse
    x = _stacked_cycle(hierarchy, b)
    for level, smoothed, shape in reversed(smoothed_levels):
        x = _prolong_and_smooth(level, smoothed, x, shape)
    return x


def _stacked_cycle(hierarchy: Hierarchy, b: Array) -> Array:
    shape = b.shape
    if hierarchy.stacked is not None:

        def down(fine: Array, level: Level) -> tuple[Array, _Smoothed]:
            """Smooth, and restrict the residual to the next coarser level."""
            coarse, smoothed = _smooth_and_restrict(level, fine)
            return _resize(coarse, shape[0], shape[2]), smoothed

        b, smoothed_levels = jax.lax.scan(down, b, hierarchy.stacked)
    rows, columns = hierarchy.coarsest_shape
    flat = jnp.moveaxis(_resize(b, rows, columns), 1, 0).reshape(shape[1], -1)
    x = jnp.moveaxis((flat @ hierarchy.coarsest_inverse).reshape(shape[1], rows, columns), 0, 1)
    if hierarchy.stacked is not None:
        half = (shape[0] + 1) // 2, (shape[2] + 1) // 2

        def up(coarse: Array, smoothed_levels: tuple[Level, _Smoothed]) -> tuple[Array, None]:
            """Prolong the correction of the next coarser level, and smooth."""
            level, smoothed = smoothed_levels
            return _prolong_and_smooth(level, smoothed, _resize(coarse, *half), shape), None

        x, _ = jax.lax.scan(up, _resize(x, shape[0], shape[2]), (hierarchy.stacked, smoothed_levels), reverse=True)
    return x


class _Smoothed(NamedTuple):
    """Right-hand side and x of a level after presmoothing, by colour."""

    b: list[Array]
    x: dict[int, Array]


def _smooth_and_restrict(level: Level, b: Array) -> tuple[Array, _Smoothed]:
    by_colour = split(b)
    x, residual = presmooth(level, by_colour)
    return restrict(level.restriction, residual), _Smoothed(by_colour, x)


def _prolong_and_smooth(level: Level, smoothed: _Smoothed, coarse: Array, shape: tuple[int, int, int]) -> Array:
    correction = interpolate(level.interpolation, coarse)
    corrected = {colour: smoothed.x[colour] + correction[colour] for colour in (H, V, X)}
    return join(postsmooth(level, smoothed.b, corrected), shape[0], shape[2])


def _resize(array: Array, rows: int, columns: int) -> Array:
    """Crop or zero-pad a raster to a number of rows and columns."""
    cut = array[:rows, :, :columns]
    return jnp.pad(cut, ((0, rows - cut.shape[0]), (0, 0), (0, columns - cut.shape[2])))


def _pseudo_inverse(stencil: ConductanceStencil) -> tuple[Float[Array, "n n"], Float[Array, ""]]:
    """Return the pseudoinverse of the coarsest operator, and its smallest nonzero eigenvalue.

    Eigenvalues of 0 belong to cells that are not vertices and to components without a ground.
    """
    conductances, row_sums = (jnp.moveaxis(array, 1, 0).astype(float) for array in stencil)
    center = conductances.sum(0) + row_sums[0]
    n = center.size
    operator = StencilMatrix(center, -conductances).apply(jnp.eye(n).reshape(n, *center.shape)).reshape(n, n)
    inverse_root = jnp.sqrt(reciprocal(center.ravel()))
    values, vectors = jnp.linalg.eigh(inverse_root[:, None] * operator * inverse_root)
    factor = inverse_root[:, None] * vectors * jnp.sqrt(reciprocal(jnp.where(values > NULL_SPACE_TOL, values, 0)))
    min_eigenvalue = jnp.min(jnp.where(values > NULL_SPACE_TOL, values, jnp.inf))
    return (factor @ factor.T).astype(stencil.row_sums.dtype), min_eigenvalue
