"""Paths that start in every cell of a block, so that the centres of blocks do not show on maps of a gradient."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..linalg import log_solve, neighbour_offsets
from ..parallel import chunk_ranges, directions_first, directions_last
from ..shortest_paths import backpropagate_windows, search_windows
from .block_start_kernels import (
    add_local_inflow,
    backpropagate_surroundings,
    continue_from_surroundings,
    near_cells,
)
from .least_cost import require_valid_costs

#: Width of the surroundings of a block on either side of its centre, in widths of the block.
SURROUNDINGS = 3

#: Windows whose gradients one thread adds up. Fixed, so that sums do not depend on the number of threads.
WINDOWS_PER_CHUNK = 2

#: Cells of the surroundings of all starts that are searched at a time; more are searched twice, to limit the memory.
LOCAL_CELLS = 1 << 21

#: Cells with windows of their own that are searched at a time; it limits the memory.
SEARCHES_PER_CALL = 16


@dataclass(frozen=True)
class BlockGeometry:
    """A block of (rows, columns) cells, the buffer around it, and the surroundings within which paths are exact."""

    core: tuple[int, int]
    buffer: tuple[int, int]

    @property
    def window_shape(self) -> tuple[int, int]:
        """(rows, columns) of a window."""
        return self.core[0] + 2 * self.buffer[0], self.core[1] + 2 * self.buffer[1]

    @property
    def half_surroundings(self) -> tuple[int, int]:
        """Rows and columns of the surroundings on either side of the block's centre; at most those of the window."""
        rows, columns = (
            min(SURROUNDINGS * core, core // 2 + buffer) for core, buffer in zip(self.core, self.buffer, strict=True)
        )
        return rows, columns

    @property
    def local_shape(self) -> tuple[int, int]:
        """(rows, columns) of the surroundings."""
        return 2 * self.half_surroundings[0] + 1, 2 * self.half_surroundings[1] + 1

    @property
    def local_corner(self) -> tuple[int, int]:
        """First row and column of the surroundings in the window."""
        rows, columns = (
            buffer + core // 2 - half
            for core, buffer, half in zip(self.core, self.buffer, self.half_surroundings, strict=True)
        )
        return rows, columns

    @property
    def searched_cells(self) -> int:
        """Cells that the searches of a window visit: the window once, the surroundings for each cell of the block."""
        (height, width), (rows, columns) = self.window_shape, self.local_shape
        return height * width + self.core[0] * self.core[1] * rows * columns


@partial(jax.custom_vjp, nondiff_argnums=(6, 7))
def connectivity_from_cells(
    costs: Float[Array, "directions rows columns"],
    quality: Float[Array, "rows columns"],
    active: Bool[Array, "rows columns"],
    alpha: Float[Array, ""],
    corners: Int[Array, "windows 2"],
    seeds: Int[Array, " windows"],
    geometry: BlockGeometry,
    threads: int,
) -> tuple[Float[Array, ""], Float[Array, " windows"]]:
    """Return Σ_i q_i Σ_j q_j exp(−d_ij / α) over the cells i of the blocks and j of their windows; and each window's.

    Parameters
    ----------
    costs
        Cost of each step from a cell of the raster to its neighbour; infinite where there is no edge.
    quality, active
        Quality of each cell, and which cells are vertices.
    alpha
        Dispersal distance, in the unit of the costs.
    corners
        Row and column of the raster at which each window begins.
    seeds
        Flat index in each window (row · columns + column) of the vertex nearest to the centre of its block; −1 for a
        window that is skipped.
    geometry
        The block and its buffer.
    threads
        Number of threads; the result does not depend on it.

    Notes
    -----
    Within `SURROUNDINGS` widths of the block around its centre c, d_ij are the least costs there. Farther on, paths
    follow the least-cost paths from c: d_ij = d_ir + D_j − D_r, with D the least costs from c and r the cell at which
    the path from c to j leaves the surroundings. That is the cost of a path, never less than the least cost, and equal
    to it where the paths from i and c to j meet before r. Since the kernel is exponential, exp(−d_ij / α) is a product
    of the two parts, and one search of the window serves all cells of the block. Cells that the paths from c reach
    only by leaving the surroundings, or not at all, get a window of their own.

    The derivative is that of this sum with respect to costs and quality. The values of single windows have none.

    Examples
    --------
    >>> costs = jnp.full((8, 1, 3), jnp.inf).at[3, 0, 1:].set(1.0).at[4, 0, :2].set(1.0)
    >>> total, _ = connectivity_from_cells(
    ...     costs, jnp.ones((1, 3)), jnp.ones((1, 3), bool), jnp.array(1.0), jnp.array([[0, 0]]), jnp.array([1]),
    ...     BlockGeometry((1, 3), (0, 0)), 1,
    ... )
    >>> bool(jnp.isclose(total, 3 + 4 * jnp.exp(-1.0) + 2 * jnp.exp(-2.0)))
    True
    """
    return _call(costs, quality, active, alpha, corners, seeds, geometry, threads)[:2]


def _call(costs, quality, active, alpha, corners, seeds, geometry, threads):
    shapes = ((), seeds.shape, costs.shape, quality.shape)
    result = tuple(jax.ShapeDtypeStruct(shape, jnp.float64) for shape in shapes)
    return jax.pure_callback(
        partial(_compute, geometry, threads), result, costs, quality, active, alpha, corners, seeds
    )


def _fwd(costs, quality, active, alpha, corners, seeds, geometry, threads):
    total, windows, *gradients = _call(costs, quality, active, alpha, corners, seeds, geometry, threads)
    return (total, windows), gradients


def _bwd(geometry, threads, gradients, cotangents):
    return cotangents[0] * gradients[0], cotangents[0] * gradients[1], None, None, None, None


connectivity_from_cells.defvjp(_fwd, _bwd)


def _compute(geometry, threads, costs, quality, active, alpha, corners, seeds):
    """Compute all windows on the CPU; return the total, that of each window, and the gradients of the total."""
    costs, quality, active = np.asarray(costs), np.asarray(quality), np.asarray(active)
    corners, seeds, alpha = np.asarray(corners), np.asarray(seeds), float(alpha)
    require_valid_costs(costs)
    landscape = _Landscape(directions_last(costs), np.array(neighbour_offsets(len(costs))), quality, active, alpha)
    totals = np.zeros(seeds.size)

    def gradients_of(chunk):
        """Return the gradients from a chunk of windows, and set its totals."""
        gradients = np.zeros(landscape.costs.shape), np.zeros(quality.shape)
        for window in range(*chunk):
            if seeds[window] >= 0:
                totals[window] = _add_window(landscape, geometry, corners[window], int(seeds[window]), gradients)
        return gradients

    cost_gradient, quality_gradient = np.zeros(landscape.costs.shape), np.zeros(quality.shape)
    with ThreadPoolExecutor(threads) as pool:
        for of_costs, of_quality in pool.map(gradients_of, chunk_ranges(seeds.size, WINDOWS_PER_CHUNK)):
            cost_gradient += of_costs
            quality_gradient += of_quality
    log_solve("shortest paths in windows (Dijkstra)", int((seeds >= 0).sum()), 0, None)
    return np.array(totals.sum()), totals, directions_first(cost_gradient), quality_gradient


@dataclass(frozen=True)
class _Landscape:
    """Costs with the directions last, offsets of the directions, quality, vertices, and the dispersal distance."""

    costs: np.ndarray
    steps: np.ndarray
    quality: np.ndarray
    active: np.ndarray
    alpha: float


def _add_window(landscape: _Landscape, geometry: BlockGeometry, corner: np.ndarray, seed: int, gradients) -> float:
    """Return the sum over the starts of one window, and add its gradients."""
    (height, width), (top, left) = geometry.window_shape, geometry.buffer
    window = slice(corner[0], corner[0] + height), slice(corner[1], corner[1] + width)
    block = slice(top, top + geometry.core[0]), slice(left, left + geometry.core[1])
    quality = np.ascontiguousarray(landscape.quality[window])
    in_block = np.zeros((height, width), bool)
    in_block[block] = landscape.active[window][block]
    distance, last_steps, order = (each[0] for each in _search(landscape, corner, np.array([seed]), (height, width)))
    near, local_corner = np.zeros((height, width), bool), np.array(geometry.local_corner)
    near_cells(landscape.steps, last_steps, order, local_corner, np.array(geometry.local_shape), near)
    starts = np.flatnonzero(in_block & near)
    local = _LocalSearches(landscape, geometry, corner, starts, quality.ravel()[starts])
    inflow, adjoint = np.zeros((height, width)), quality.copy()
    for _, start_quality, paths in local:
        add_local_inflow(paths[0], start_quality, landscape.alpha, local_corner, near, inflow)
    total = continue_from_surroundings(
        landscape.steps,
        corner,
        distance,
        last_steps,
        order,
        near,
        quality,
        landscape.alpha,
        inflow,
        adjoint,
        gradients[0],
    )
    of_window = gradients[1][window]
    of_window += inflow
    for some, start_quality, paths in local:
        from_start = np.empty(some.size)
        cotangent = backpropagate_surroundings(
            paths[0], start_quality, landscape.alpha, local_corner, near, adjoint, from_start
        )
        of_window[some // width, some % width] += from_start
        corners = np.tile(corner + local_corner, (some.size, 1))
        backpropagate_windows(landscape.steps, corners, *paths[1:], cotangent, 0, some.size, gradients[0])
    others = np.flatnonzero(in_block & ~near)
    for first in range(0, others.size, SEARCHES_PER_CALL):
        total += _add_searches(landscape, corner, others[first : first + SEARCHES_PER_CALL], quality, gradients)
    return total


class _LocalSearches:
    """Starts, their quality and the least costs around the block, some starts at a time; cached if they fit at once."""

    def __init__(self, landscape, geometry, corner, starts, start_quality):
        self._landscape, self._geometry = landscape, geometry
        self._corner, self._starts, self._start_quality = corner, starts, start_quality
        self._at_once = max(1, LOCAL_CELLS // math.prod(geometry.local_shape))
        self._cached = list(self._searches()) if starts.size <= self._at_once else None

    def __iter__(self):
        return iter(self._cached) if self._cached is not None else self._searches()

    def _searches(self):
        width, (top, left) = self._geometry.window_shape[1], self._geometry.local_corner
        for first in range(0, self._starts.size, self._at_once):
            some = slice(first, first + self._at_once)
            starts = self._starts[some]
            local_starts = (starts // width - top) * self._geometry.local_shape[1] + starts % width - left
            corner = self._corner + np.array([top, left])
            paths = _search(self._landscape, corner, local_starts, self._geometry.local_shape)
            yield starts, self._start_quality[some], paths


def _add_searches(landscape: _Landscape, corner: np.ndarray, starts: np.ndarray, quality: np.ndarray, gradients):
    """Return the sum over starts with a search of the whole window each, and add its gradients."""
    distance, last_steps, order = _search(landscape, corner, starts, quality.shape)
    proximity = np.exp(-distance / landscape.alpha)
    start_quality = quality.ravel()[starts]
    cotangent = -start_quality[:, None, None] / landscape.alpha * quality * proximity
    corners = np.tile(corner, (starts.size, 1))
    backpropagate_windows(landscape.steps, corners, last_steps, order, cotangent, 0, starts.size, gradients[0])
    height, width = quality.shape
    of_window = gradients[1][corner[0] : corner[0] + height, corner[1] : corner[1] + width]
    accessible = (proximity * quality).sum((1, 2))
    of_window += np.tensordot(start_quality, proximity, 1)
    of_window[starts // width, starts % width] += accessible
    return float(start_quality @ accessible)


def _search(landscape: _Landscape, corner: np.ndarray, starts: np.ndarray, shape: tuple[int, int]):
    """Return distances, last steps and order from starts in the same window."""
    shapes = (starts.size, *shape)
    paths = np.empty(shapes), np.empty(shapes, np.uint8), np.empty(shapes, np.int32)
    corners = np.tile(corner, (starts.size, 1))
    search_windows(landscape.costs, landscape.steps, corners, starts, 0, starts.size, *paths)
    return paths
