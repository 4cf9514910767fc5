"""Numeric multifrontal factorization, on the CPU.

A front is the dense matrix over a separator s and its boundary b. Eliminating the separator leaves the Schur complement

    S = F_bb − F_bs F_ss⁻¹ F_sb,

the contribution block, which is added to the front of the parent. The factor consists of F_ss⁻¹, K = F_ss⁻¹ F_sb and
H = F_bs F_ss⁻¹ (H = Kᵀ if symmetric) of every front.

References
----------
George, A. (1973). Nested dissection of a regular finite element mesh. SIAM J. Numerical Analysis 10, 345–363.
Duff, I. S., Reid, J. K. (1983). The multifrontal solution of indefinite sparse symmetric linear systems. ACM TOMS 9.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from ....parallel import blas_limited_pool
from ...solver_stats import SolveError, singular_message
from ..accuracy import GROWTH_LIMIT
from ..assembly import entry_positions, gather_fronts, halves, shift_entries
from ..symbolic import TILE_LENGTH, SeparatorNode, SlicePairs, SymbolicFactorization, analyze, separator_positions
from .pivot_blocks import invert_pivots


class SingularMatrixError(SolveError):
    """The matrix is singular to working precision."""


@dataclass(frozen=True)
class FrontFactor:
    """The factor of a batch of fronts: F_ss⁻¹ (..., s, s), K (..., s, b), H (..., b, s)."""

    inverse: np.ndarray
    right: np.ndarray
    left: np.ndarray
    log_determinant: float


class FrontPosition(NamedTuple):
    """The position of a batch of fronts in the elimination tree: a level of a tile (depth 0: leaves), or a node."""

    kind: Literal["tile", "node"]
    number: int
    depth: int


#: Eliminates the first variables of a batch of fronts; returns the front factors and the contribution blocks.
Elimination = Callable[[np.ndarray, int, FrontPosition], tuple[FrontFactor, np.ndarray]]


@dataclass(frozen=True)
class Factor:
    """The factor of a matrix: front factors of every level of every tile, and of every node above the tiles."""

    dissection: SymbolicFactorization
    symmetric: bool
    tiles: list[list[FrontFactor]]
    nodes: list[FrontFactor]

    @property
    def log_determinant(self) -> float:
        """Log det A."""
        return sum(front.log_determinant for front in self.fronts())

    @property
    def nbytes(self) -> int:
        """Bytes of the stored entries."""
        off_diagonal_blocks = 1 if self.symmetric else 2
        return sum(front.inverse.nbytes + off_diagonal_blocks * front.right.nbytes for front in self.fronts())

    def front(self, position: FrontPosition) -> FrontFactor:
        """Return the factor of the fronts at one position."""
        return self.tiles[position.number][position.depth] if position.kind == "tile" else self.nodes[position.number]

    def fronts(self) -> Iterable[FrontFactor]:
        """Iterate over all front factors."""
        for tile in self.tiles:
            yield from tile
        yield from self.nodes


def factor(center: np.ndarray, edges: np.ndarray, *, symmetric: bool, tile: int | None = TILE_LENGTH) -> Factor:
    """Factor a nonsingular M-matrix on a raster.

    Parameters
    ----------
    center, edges
        As in `StencilMatrix`.
    symmetric
        Whether the matrix equals its transpose.
    tile
        Longest side of a tile, in cells; None for a single tile as large as the raster.

    Raises
    ------
    SingularMatrixError
        The matrix is singular to working precision.
    """
    dissection = analyze(center.shape, tile)
    entries = shift_entries(center, edges, dissection)
    tiles, nodes = eliminate_tree(entries, dissection, lambda fronts, s, _: _eliminate(fronts, s, symmetric))
    result = Factor(dissection, symmetric, tiles, nodes)
    _require_nonsingular(result, center)
    return result


def eliminate_tree(
    entries: np.ndarray, dissection: SymbolicFactorization, eliminate: Elimination
) -> tuple[list[list[FrontFactor]], list[FrontFactor]]:
    """Eliminate all separators, from the leaves to the root of the elimination tree.

    Parameters
    ----------
    entries
        The matrix, as of `shift_entries`.
    dissection
        The elimination tree.
    eliminate
        Called with a batch of fronts, the number of variables to eliminate from each, and the position of the batch in
        the tree; returns the front factors and the contribution blocks.

    Returns
    -------
    tuple
        The results for every level of every tile, and for every node above the tiles.
    """
    count = dissection.tiles[0] * dissection.tiles[1]
    tiles: list[Any] = [None] * count
    contributions: dict[tuple[str, int], np.ndarray] = {}

    def eliminate_tile(number: int) -> None:
        """Eliminate the interior of one tile."""
        tiles[number], contributions["tile", number] = _eliminate_tile(entries, dissection, number, eliminate)

    def eliminate_node(item: tuple[int, SeparatorNode]) -> tuple[FrontFactor, np.ndarray]:
        """Eliminate a separator between tiles."""
        number, node = item
        first, second = (contributions.pop(child) for child in node.children)
        size = len(node.separator) + len(node.boundary)
        front = np.zeros((size, size))
        extend_add(front, first, node.child_maps[0])
        extend_add(front, second, node.child_maps[1])
        return eliminate(front, len(node.separator), FrontPosition("node", number, 0))

    nodes: list[Any] = []
    with blas_limited_pool() as parallel_map:
        parallel_map(eliminate_tile, range(count))
        for group in dissection.nodes:
            for front_factor, schur in parallel_map(eliminate_node, list(enumerate(group, len(nodes)))):
                contributions["node", len(nodes)] = schur
                nodes.append(front_factor)
    return tiles, nodes


def _eliminate_tile(
    entries: np.ndarray, dissection: SymbolicFactorization, number: int, eliminate: Elimination
) -> tuple[list[FrontFactor], np.ndarray]:
    """Return the front factors of a tile, level by level, and its contribution block."""
    leaves = dissection.levels[0]
    size = len(leaves.separator) + len(leaves.boundary)
    in_block, in_front = entry_positions(dissection, len(entries) - 1)
    fronts = np.zeros((*leaves.boxes, size * size))
    fronts[..., in_front] = gather_fronts(entries, dissection, number)[..., in_block]
    fronts = fronts.reshape(*leaves.boxes, size, size)
    levels, schur = [], fronts
    for depth, level in enumerate(dissection.levels):
        if level.axis is not None:
            size = len(level.separator) + len(level.boundary)
            fronts = np.zeros((*level.boxes, size, size))
            for child, slices in zip(halves(schur, level.axis), level.child_maps, strict=True):
                extend_add(fronts, child, slices)
        front_factor, schur = eliminate(fronts, len(level.separator), FrontPosition("tile", number, depth))
        levels.append(front_factor)
    return levels, schur[0, 0]


def _eliminate(fronts: np.ndarray, s: int, symmetric: bool) -> tuple[FrontFactor, np.ndarray]:
    """Eliminate the first s variables of a batch of fronts; return the factor and the Schur complements."""
    pivots = invert_pivots(fronts[..., :s, :s], symmetric)
    coupling = fronts[..., s:, :s]
    right = pivots.inverse @ fronts[..., :s, s:]
    # Its transpose is contiguous, as K is: substitution reads it in that order.
    left = right.mT if symmetric else (pivots.inverse.mT @ coupling.mT).mT
    schur = coupling @ right
    np.subtract(fronts[..., s:, s:], schur, out=schur)
    return FrontFactor(pivots.inverse, right, left, pivots.log_determinant), schur


def extend_add(fronts: np.ndarray, child: np.ndarray, slices: SlicePairs) -> None:
    """Add the contribution blocks of one child of each front to the fronts."""
    for child_rows, front_rows in slices:
        for child_columns, front_columns in slices:
            fronts[..., front_rows, front_columns] += child[..., child_rows, child_columns]


def _require_nonsingular(factored: Factor, center: np.ndarray) -> None:
    """Raise a `SingularMatrixError` if the growth of a front exceeds `GROWTH_LIMIT`, or a pivot is not positive."""
    padded = shift_entries(center, np.zeros((4, *center.shape)), factored.dissection)[0]
    worst = 0.0 if np.isfinite(factored.log_determinant) else np.inf
    for number, tile in enumerate(factored.tiles):
        for depth, front in enumerate(tile):
            worst = max(worst, _growth(front, padded[separator_positions(factored.dissection, number, depth)]))
    nodes = (node for group in factored.dissection.nodes for node in group)
    for node, front in zip(nodes, factored.nodes, strict=True):
        rows, columns = np.array(node.separator).T
        worst = max(worst, _growth(front, center[rows, columns]))
    if not worst <= GROWTH_LIMIT:
        raise SingularMatrixError(singular_message(center.size))


def _growth(front: FrontFactor, diagonal: np.ndarray) -> float:
    """Return the largest (F_ss⁻¹)_ii A_ii, or infinity where F_ss⁻¹ is not the inverse of an M-matrix."""
    growth = np.diagonal(front.inverse, axis1=-2, axis2=-1) * diagonal
    return float(growth.max()) if (growth > 0).all() else np.inf
