"""Factor a matrix by nested dissection, on the host.

A front is the dense matrix over a separator s and its frame f. Eliminating the separator leaves on the frame

    S = F_ff − F_fs F_ss⁻¹ F_sf

which is added into the front of the next larger box. Kept are F_ss⁻¹, K = F_ss⁻¹ F_sf and H = F_fs F_ss⁻¹
(H = Kᵀ if symmetric): solving and inverting need nothing else.

References
----------
George, A. (1973). Nested dissection of a regular finite element mesh. SIAM J. Numerical Analysis 10, 345–363.
Duff, I. S., Reid, J. K. (1983). The multifrontal solution of indefinite sparse symmetric linear systems. ACM TOMS 9.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .entries import blocks_of, moved, places
from .pivots import invert
from .plan import TILE, Node, Plan, Runs, plan

#: A pivot this small against its row has lost all its digits to rounding: the matrix is singular to working precision.
SMALLEST_PIVOT = 1e-14


@dataclass(frozen=True)
class Eliminated:
    """What is kept of a batch of fronts: F_ss⁻¹ (..., s, s), K (..., s, f), H (..., f, s)."""

    inverse: np.ndarray
    right: np.ndarray
    left: np.ndarray
    log_determinant: float
    smallest: float


@dataclass(frozen=True)
class Factor:
    """A factored matrix: what was eliminated in every level of every tile and in every node."""

    dissection: Plan
    symmetric: bool
    tiles: list[list[Eliminated]]
    nodes: list[Eliminated]

    @property
    def log_determinant(self) -> float:
        """log det A."""
        return sum(part.log_determinant for part in self._parts())

    @property
    def bytes(self) -> int:
        """Size of the kept numbers."""
        sides = 1 if self.symmetric else 2
        return sum(part.inverse.nbytes + sides * part.right.nbytes for part in self._parts())

    def _parts(self) -> Iterable[Eliminated]:
        for tile in self.tiles:
            yield from tile
        yield from self.nodes


def factor(center: np.ndarray, edges: np.ndarray, *, symmetric: bool, tile: int | None = TILE) -> Factor:
    """Factor a nonsingular M-matrix on a raster.

    Parameters
    ----------
    center, edges
        As in `Stencil`.
    symmetric
        Whether the matrix equals its transpose.
    tile
        Longest side of a tile.

    Raises
    ------
    RuntimeError
        The matrix is singular to working precision.
    """
    dissection = plan(center.shape, tile)
    # The rows are scaled by their diagonal only to judge pivots; the factor is of the matrix as it is.
    entries = moved(center, edges, dissection)
    count = dissection.tiles[0] * dissection.tiles[1]
    tiles: list[Any] = [None] * count
    handed: dict[tuple[str, int], np.ndarray] = {}

    def eliminate_tile(number: int) -> None:
        tiles[number], handed["tile", number] = _eliminate_tile(entries, dissection, number, symmetric)

    nodes: list[Any] = []
    with workers() as on_each:
        on_each(eliminate_tile, range(count))
        for group in dissection.nodes:
            done = on_each(lambda node: _eliminate_node(node, handed, symmetric), group)
            for kept, schur in done:
                handed["node", len(nodes)] = schur
                nodes.append(kept)
    result = Factor(dissection, symmetric, tiles, nodes)
    _refuse_singular(result, center)
    return result


class workers:
    """Run a function over items on all cores, with every linear algebra call kept on one thread."""

    def __enter__(self) -> Callable:
        self._limits = threadpool_limits(1, user_api="blas")
        self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
        return lambda function, items: list(self._pool.map(function, items))

    def __exit__(self, *_) -> None:
        self._pool.shutdown()
        self._limits.restore_original_limits()


def _eliminate_tile(
    entries: np.ndarray, dissection: Plan, number: int, symmetric: bool
) -> tuple[list[Eliminated], np.ndarray]:
    leaves = dissection.levels[0]
    size = len(leaves.separator) + len(leaves.frame)
    taken, flat = places(dissection, len(entries) - 1)
    fronts = np.zeros((*leaves.boxes, size * size), entries.dtype)
    fronts[..., flat] = blocks_of(entries, dissection, number)[..., taken]
    fronts = fronts.reshape(*leaves.boxes, size, size)
    kept = []
    for level in dissection.levels:
        if level.axis is not None:
            size = len(level.separator) + len(level.frame)
            fronts = np.zeros((*level.boxes, size, size), entries.dtype)
            for child, runs in zip(halves(schur, level.axis), level.children, strict=True):
                add_into(fronts, child, runs)
        eliminated, schur = _eliminate(fronts, len(level.separator), symmetric)
        kept.append(eliminated)
    return kept, schur[0, 0]


def _eliminate_node(node: Node, handed: dict, symmetric: bool) -> tuple[Eliminated, np.ndarray]:
    first, second = (handed.pop(part) for part in node.parts)
    size = len(node.separator) + len(node.frame)
    front = np.zeros((size, size), first.dtype)
    add_into(front, first, node.children[0])
    add_into(front, second, node.children[1])
    return _eliminate(front, len(node.separator), symmetric)


def _eliminate(fronts: np.ndarray, separator: int, symmetric: bool) -> tuple[Eliminated, np.ndarray]:
    """Eliminate the separators of a batch of fronts; return what is kept and the Schur complements."""
    pivots = invert(fronts[..., :separator, :separator], symmetric)
    coupling = fronts[..., separator:, :separator]
    right = pivots.inverse @ fronts[..., :separator, separator:]
    left = right.mT if symmetric else coupling @ pivots.inverse
    schur = coupling @ right
    np.subtract(fronts[..., separator:, separator:], schur, out=schur)
    return Eliminated(pivots.inverse, right, left, pivots.log_determinant, pivots.smallest), schur


def halves(boxes: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Split a batch (down, across, ...) into first and second children, as views."""
    return (boxes[0::2], boxes[1::2]) if axis == 0 else (boxes[:, 0::2], boxes[:, 1::2])


def add_into(fronts: np.ndarray, child: np.ndarray, runs: Runs) -> None:
    """Add the matrices over the children's frames into the fronts."""
    for here, there in runs:
        for from_, to in runs:
            fronts[..., there, to] += child[..., here, from_]


def _refuse_singular(factored: Factor, center: np.ndarray) -> None:
    scale = float(np.abs(center).max(initial=0))
    smallest = min(part.smallest for part in factored._parts())
    if not smallest > 0:
        raise RuntimeError(
            f"the linear system of {center.size} cells is singular: smallest pivot {smallest:.1e} "
            f"with diagonal entries up to {scale:.1e}"
        )
