"""Nested dissection as compiled, batched dense algebra: the form for a GPU, without a call to the host.

The equations are those of `elimination`, `substitution` and `selected_inversion`; here the raster is a single tile, so
that every level is one batch, and a front is put together by one gather per child instead of many copies.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...backward_error import NEGLIGIBLE
from ...base import Solution
from ...solver_stats import SolveStats, SolveStatus, singular_message
from ...stencil_matrix import StencilMatrix, neighbour_offsets, shift
from ..assembly import cell_of_pair, entry_positions
from ..cpu.cached_factor import RESIDUAL_LIMIT
from ..cpu.factorization import GROWTH_LIMIT
from ..symbolic import SlicePairs, SymbolicFactorization, analyze, separator_positions

#: Up to this size a batch of blocks is inverted by plain elimination, which reads it once per pivot.
BY_HAND = 32


class FrontFactor(NamedTuple):
    """What is kept of one level: F_ss⁻¹ (down, across, s, s), K (…, s, f), H (…, f, s) or None if it is Kᵀ."""

    inverse: Array
    right: Array
    left: Array | None


class Factor(NamedTuple):
    """A factored matrix: its levels, the log-determinant, and how much rounding may have grown (see `elimination`)."""

    levels: list[FrontFactor]
    log_determinant: Array
    growth: Array


def factor(system: StencilMatrix, symmetric: bool) -> Factor:
    """Factor a nonsingular M-matrix."""
    dissection = analyze(system.shape, None)
    leaves = dissection.levels[0]
    size = len(leaves.separator) + len(leaves.boundary)
    taken, flat = entry_positions(dissection, system.directions)
    blocks = _blocks(system, dissection)[..., taken]
    fronts = jnp.zeros((*leaves.boxes, size * size), blocks.dtype).at[..., flat].set(blocks)
    fronts = fronts.reshape(*leaves.boxes, size, size)
    kept, logarithm, growth, schur = [], 0.0, 0.0, None
    center = _grown(system.center, dissection, 1.0)
    for depth, level in enumerate(dissection.levels):
        if level.axis is not None:
            fronts = sum(
                _gathered(child, runs, len(level.separator) + len(level.boundary))
                for child, runs in zip(_halves(schur, level.axis), level.child_maps, strict=True)
            )
        s = len(level.separator)
        inverse, pivots = _invert(fronts[..., :s, :s], symmetric)
        right = inverse @ fronts[..., :s, s:]
        left = None if symmetric else fronts[..., s:, :s] @ inverse
        schur = fronts[..., s:, s:] - fronts[..., s:, :s] @ right
        kept.append(FrontFactor(inverse, right, left))
        logarithm = logarithm + jnp.log(pivots).sum()
        scaled = jnp.diagonal(inverse, axis1=-2, axis2=-1) * center[separator_positions(dissection, 0, depth)]
        # What is negative or not a number is no inverse of an M-matrix.
        growth = jnp.maximum(growth, jnp.where(scaled > 0, scaled, jnp.inf).max())
    return Factor(kept, logarithm, growth)


def solve(
    system: StencilMatrix,
    factored: Factor,
    right_hand_sides: Float[Array, "k rows columns"],
    transposed: bool,
) -> Solution:
    """Solve A x = b or Aᵀ x = b, once refined; it fails if the residual stays above `RESIDUAL_LIMIT`."""
    operator = system.transpose() if transposed else system
    solution = substitute(factored, right_hand_sides, transposed)
    solution += substitute(factored, right_hand_sides - operator.apply(solution), transposed)
    magnitudes = StencilMatrix(jnp.abs(operator.center), jnp.abs(operator.edges))
    scale = magnitudes.apply(jnp.abs(solution)) + jnp.abs(right_hand_sides)
    size = scale / jnp.abs(system.center)
    negligible = size <= NEGLIGIBLE * size.max((1, 2), keepdims=True)
    residual = jnp.abs(right_hand_sides - operator.apply(solution)) / jnp.where(negligible, jnp.inf, scale)
    residuals = jnp.max(residual, axis=(1, 2), initial=0.0)
    failed = jnp.where(factored.growth <= GROWTH_LIMIT, int(SolveStatus.INACCURATE), int(SolveStatus.SINGULAR))
    accurate = (factored.growth <= GROWTH_LIMIT) & (residuals <= RESIDUAL_LIMIT).all()
    status = jnp.where(accurate, int(SolveStatus.SUCCESS), failed)
    stats = SolveStats("nested dissection", jnp.zeros(len(right_hand_sides), int), residuals, status)
    return Solution(solution, (stats,))


def log_determinant(system: StencilMatrix, symmetric: bool) -> Float[Array, ""]:
    """Return log det A; raise if A is singular."""
    return _unless_singular(factor(system, symmetric), system).log_determinant


def substitute(
    factored: Factor, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
) -> Float[Array, "k rows columns"]:
    """Solve A x = b, or Aᵀ x = b."""
    rows, columns = right_hand_sides.shape[1:]
    dissection = analyze((rows, columns), None)
    padded = _grown(right_hand_sides, dissection, 0.0).transpose(1, 2, 0)
    inside_of, outside = [], None
    for depth, (level, kept) in enumerate(zip(dissection.levels, factored.levels, strict=True)):
        s = len(level.separator)
        front = 0.0
        if level.axis is not None:
            front = sum(
                _gathered_rows(child, runs, s + len(level.boundary))
                for child, runs in zip(_halves(outside, level.axis), level.child_maps, strict=True)
            )
        inside = padded[separator_positions(dissection, 0, depth)] + (
            front[..., :s, :] if level.axis is not None else 0.0
        )
        pushed = _left(kept, transposed) @ inside
        outside = (front[..., s:, :] if level.axis is not None else 0.0) - pushed
        inside_of.append(inside)
    boundary = jnp.zeros_like(outside)
    for depth in reversed(range(len(dissection.levels))):
        level, kept = dissection.levels[depth], factored.levels[depth]
        inverse = kept.inverse.mT if transposed else kept.inverse
        inside = inverse @ inside_of[depth] - _right(kept, transposed) @ boundary
        padded = padded.at[separator_positions(dissection, 0, depth)].set(inside)
        if level.axis is not None:
            front = jnp.concatenate([inside, boundary], axis=-2)
            below = len(dissection.levels[depth - 1].boundary)
            boundary = _interleaved(
                [_gathered_rows(front, _turned(runs), below) for runs in level.child_maps], level.axis
            )
    return padded.transpose(2, 0, 1)[:, 1 : 1 + rows, 1 : 1 + columns]


def invert_selected(factored: Factor, shape: tuple[int, int], directions: int) -> StencilMatrix:
    """Return the entries of A⁻¹ on the diagonal and between neighbours."""
    dissection = analyze(shape, None)
    known = jnp.zeros((1, 1, 0, 0), factored.levels[0].inverse.dtype)
    for depth in reversed(range(len(dissection.levels))):
        level, kept = dissection.levels[depth], factored.levels[depth]
        mixed = -kept.right @ known
        across = mixed.mT if kept.left is None else -known @ kept.left
        inside = kept.inverse - mixed @ _left(kept, False)
        front = jnp.concatenate(
            [jnp.concatenate([inside, mixed], axis=-1), jnp.concatenate([across, known], axis=-1)], axis=-2
        )
        if level.axis is not None:
            below = len(dissection.levels[depth - 1].boundary)
            known = _interleaved([_gathered(front, _turned(runs), below) for runs in level.child_maps], level.axis)
    return _stencil(front, dissection, directions)


def selected_inverse(system: StencilMatrix, symmetric: bool) -> StencilMatrix:
    """Factor and return the entries of A⁻¹ that a stencil keeps; raise if A is singular."""
    return invert_selected(_unless_singular(factor(system, symmetric), system), system.shape, system.directions)


def selected_sandwich(system: StencilMatrix, middle: StencilMatrix, symmetric: bool) -> StencilMatrix:
    """Return the entries of A⁻¹ M A⁻¹, which is −d/dh (A + h M)⁻¹; if symmetric, of M's symmetric part."""
    if symmetric:
        middle = jax.tree.map(lambda one, other: (one + other) / 2, middle, middle.transpose())
    shape, directions = system.shape, system.directions

    def inverse(matrix: StencilMatrix) -> StencilMatrix:
        return invert_selected(factor(matrix, symmetric), shape, directions)

    _, slope = jax.jvp(inverse, (system,), (middle,))
    return jax.tree.map(jnp.negative, slope)


def _unless_singular(factored: Factor, system: StencilMatrix) -> Factor:
    return eqx.error_if(factored, ~(factored.growth <= GROWTH_LIMIT), singular_message(system.center.size))


def _left(kept: FrontFactor, transposed: bool) -> Array:
    return kept.right.mT if transposed or kept.left is None else kept.left


def _right(kept: FrontFactor, transposed: bool) -> Array:
    return kept.left.mT if transposed and kept.left is not None else kept.right


def _invert(blocks: Array, symmetric: bool) -> tuple[Array, Array]:
    """Return the inverses of a batch of M-matrices and their pivots (of the large ones only the product is right)."""
    size = blocks.shape[-1]
    if size <= BY_HAND:
        return _gauss_jordan(blocks)
    one = jnp.broadcast_to(jnp.eye(size, dtype=blocks.dtype), blocks.shape)
    if symmetric:
        lower = jnp.linalg.cholesky(blocks, symmetrize_input=False)
        halfway = jax.lax.linalg.triangular_solve(lower, one, left_side=True, lower=True)
        return halfway.mT @ halfway, jnp.diagonal(lower, axis1=-2, axis2=-1) ** 2
    packed, exchanged, _ = jax.lax.linalg.lu(blocks)
    pivots = jnp.diagonal(packed, axis1=-2, axis2=-1)
    swaps = (exchanged != jnp.arange(size)).sum(-1)
    sign = (-1.0) ** (swaps + (pivots < 0).sum(-1))
    inverse = jax.scipy.linalg.lu_solve((packed, exchanged), one)
    return inverse, jnp.abs(pivots).at[..., 0].multiply(sign)


def _gauss_jordan(blocks: Array) -> tuple[Array, Array]:
    size = blocks.shape[-1]

    def step(k, state):
        work, pivots = state
        here = jnp.arange(size) == k
        pivot = work[..., k, k]
        row = jnp.where(here, 1.0, work[..., k, :]) / pivot[..., None]
        column = jnp.where(here, 0.0, work[..., :, k])
        work = jnp.where(here, 0.0, work)
        work = jnp.where(here[:, None], row[..., None, :], work - column[..., :, None] * row[..., None, :])
        return work, pivots.at[..., k].set(pivot)

    return jax.lax.fori_loop(0, size, step, (blocks, jnp.zeros(blocks.shape[:-1], blocks.dtype)))


def _sources(runs: SlicePairs, size: int) -> np.ndarray:
    """Return for every place of the target the place it takes its value from, −1 for none."""
    source = np.full(size, -1)
    for from_, to in runs:
        source[to] = np.arange(from_.start, from_.stop)
    return source


def _turned(runs: SlicePairs) -> SlicePairs:
    return tuple((there, here) for here, there in runs)


def _gathered(matrices: Array, runs: SlicePairs, size: int) -> Array:
    source = _sources(runs, size)
    exists = (source >= 0)[:, None] & (source >= 0)
    return jnp.where(exists, matrices[..., source[:, None], source], 0.0)


def _gathered_rows(vectors: Array, runs: SlicePairs, size: int) -> Array:
    source = _sources(runs, size)
    return jnp.where((source >= 0)[:, None], vectors[..., source, :], 0.0)


def _halves(boxes: Array, axis: int) -> tuple[Array, Array]:
    return (boxes[0::2], boxes[1::2]) if axis == 0 else (boxes[:, 0::2], boxes[:, 1::2])


def _interleaved(children: list[Array], axis: int) -> Array:
    """Undo `_halves`."""
    both = jnp.stack(children, axis=axis + 1)
    down, across, *rest = children[0].shape
    return both.reshape(*((2 * down, across) if axis == 0 else (down, 2 * across)), *rest)


def _grown(rasters: Array, dissection: SymbolicFactorization, fill: float) -> Array:
    """Grow rasters to the whole tile, one row and column before the raster and the rest behind it."""
    after = [dissection.padded[axis] - 1 - dissection.shape[axis] for axis in (0, 1)]
    boundary = [(0, 0)] * (rasters.ndim - 2) + [(1, after[0]), (1, after[1])]
    return jnp.pad(rasters, boundary, constant_values=fill)


def _blocks(system: StencilMatrix, dissection: SymbolicFactorization) -> Array:
    """Return every leaf's entries, moved to the upper left cells of their squares (see `entries`)."""
    edges = [_grown(edge, dissection, 0.0) for edge in system.edges]
    moved = [_shifted(edge, step) for edge, step in zip(edges, neighbour_offsets(system.directions), strict=True)]
    stack = jnp.stack([_grown(system.center, dissection, 1.0), *moved])
    (down, across), leaf = dissection.levels[0].boxes, dissection.leaf
    cut = stack.reshape(len(stack), down, leaf[0] + 1, across, leaf[1] + 1)
    return cut.transpose(1, 3, 0, 2, 4).reshape(down, across, -1)


def _shifted(edge: Array, step: tuple[int, int]) -> Array:
    return shift(edge, cell_of_pair(step))


def _stencil(front: Array, dissection: SymbolicFactorization, directions: int) -> StencilMatrix:
    """Undo `_blocks` for the entries of the leaves' fronts."""
    taken, flat = entry_positions(dissection, directions)
    (down, across), leaf = dissection.levels[0].boxes, dissection.leaf
    block = (1 + directions) * (leaf[0] + 1) * (leaf[1] + 1)
    flattened = front.reshape(down, across, -1)[..., flat]
    blocks = jnp.zeros((down, across, block), front.dtype).at[..., taken].set(flattened)
    cut = blocks.reshape(down, across, 1 + directions, leaf[0] + 1, leaf[1] + 1).transpose(2, 0, 3, 1, 4)
    stack = cut.reshape(1 + directions, *dissection.padded)
    rows, columns = dissection.shape
    exists = jnp.pad(jnp.ones((rows, columns), bool), 1)
    edges = []
    for entries, step in zip(stack[1:], neighbour_offsets(directions), strict=True):
        down_, right = cell_of_pair(step)
        edge = shift(entries, (-down_, -right))[1 : 1 + rows, 1 : 1 + columns]
        inside = exists[1 + step[0] : 1 + step[0] + rows, 1 + step[1] : 1 + step[1] + columns]
        edges.append(jnp.where(inside, edge, 0.0))
    return StencilMatrix(stack[0, 1 : 1 + rows, 1 : 1 + columns], jnp.stack(edges))
