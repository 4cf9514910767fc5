"""Potentials in which a walk to one target is a random walk proper: the chances of the steps from a cell sum to one.

In the scale of φ a walker steps from i to j with W̃_ij = W_ij exp(φ_i − φ_j). If all rows sum to one, exp(−φ) is the
weight that arrives. Else the rows are divided by their sums, and the potential of that walk is found: Σ_j p_ij
(δ_i − δ_j) = −log Σ_j W̃_ij. This is Newton's method for log Σ_j W̃_ij = 0, and policy iteration for the free energy;
from the first step on it comes from above, and as fast as Newton's method in the end.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32

from ..linalg.krylov.cpu.fgmres_kernels import image_from_residual, update
from ..linalg.multigrid.cpu.cycle_kernels import residual as residual_rows
from ..linalg.nonsymmetric_multigrid.coarsening_kernels import UNORDERED
from ..linalg.nonsymmetric_multigrid.hierarchy import FLOAT32, RHS_BLOCK, ROWS_PER_CHUNK, Hierarchy, VCycle, build
from ..linalg.nonsymmetric_multigrid.ordered_kernels import (
    differences,
    normalized_weights,
    upwind_gauss_seidel,
    upwind_guess,
)
from ..linalg.nonsymmetric_multigrid.ordering import Ordering, orderings_on_all_levels
from ..linalg.nonsymmetric_multigrid.setup_kernels import edge_energies, log_probabilities, log_weights
from ..linalg.stencil_matrix import QUEEN_OFFSETS
from ..parallel.numba_jit import parallel_starmap
from ..shortest_paths.dijkstra import dijkstra_search, stencil_offsets, validate_costs
from .log_scaling import entropy_fraction
from .transition_data import TransitionData

#: Rows of memory that it takes to settle.
MEMORY = 16

#: Newton steps at most.
STEPS = 25

#: The last step changes no potential by more than this.
CLOSE = 1.0

#: Where a row sums to more or less than exp(±this), potentials are first made to fit their neighbours', one by one.
ROUGH = 3.0

#: A step is known well enough when so much is left of its right-hand side; so many cycles at most.
LEFT = 0.05
CYCLES = 12

#: Beyond this a step is not believed: it comes from a cell that hardly anything reaches.
LONGEST = 1e4


class ScalingResult(NamedTuple):
    """Potentials, and the order of cells.

    Parameters
    ----------
    potential
        Framed; infinite where the target cannot be reached.
    rank
        0 for the cell that is nearest to the target; `UNORDERED` for the target and for what is not reached.
    hierarchy
        Of the walk, in the scale of the last potentials but one; None where no such potentials were found.
    factor
        By which values in the last scale are larger than in the last but one, framed.
    logarithms
        log W of the steps from every cell, in the eight directions of `QUEEN_OFFSETS`.
    """

    potential: Float64[np.ndarray, "_"]
    rank: Int32[np.ndarray, "rows columns"]
    hierarchy: Hierarchy | None
    factor: Float32[np.ndarray, "_"]
    logarithms: Float64[np.ndarray, "cells 8"]


def newton_log_scaling(
    terrain: TransitionData, theta: float, target: int, memory: Float64[np.ndarray, "room cells"]
) -> ScalingResult:
    """Find potentials of order −log z, z the weight that reaches a target.

    Parameters
    ----------
    terrain
        What the walk is made from; conductances count but for a factor of each cell, costs are zero or more.
    theta
        θ.
    target
        Flat raster index.
    memory
        At least `MEMORY` rows, for the logarithms and what else is large; whoever does not need these any more can use
        it again, as memory that was never written to is slow.

    References
    ----------
    Todorov, E. (2009). Efficient computation of optimal actions. PNAS 106, 11478–11483.
    """
    frame = terrain.frame
    logarithms, distance, order = _least_energies(terrain, theta, target, memory)
    rank = np.full(terrain.cells, UNORDERED, np.int32)
    rank[order] = np.arange(-1, order.size - 1, dtype=np.int32)
    rank[target] = UNORDERED
    ranks = orderings_on_all_levels(rank.reshape(frame.rows, frame.columns))
    potential = np.full(frame.size, np.inf)
    frame.inside(potential)[:] = distance.reshape(frame.rows, frame.columns)
    walk = (logarithms, np.array([down * frame.width + right for down, right in QUEEN_OFFSETS]), terrain.place(target))
    change = np.zeros(frame.size)
    upwind_guess(
        _differences(ranks[0].order, walk, potential, frame.width),
        walk[1],
        ranks[0].order,
        ranks[0].rank,
        walk[2],
        change,
    )
    potential += change
    found = _newton(ranks, walk, potential)
    return ScalingResult(potential, rank.reshape(frame.rows, frame.columns), *found, logarithms)


def _newton(ranks: list[Ordering], walk: tuple, potential: np.ndarray) -> tuple[Hierarchy | None, np.ndarray]:
    """Change potentials until they hardly change; return the last hierarchy, and exp of the last change."""
    frame = ranks[0].frame
    k = tuple(np.zeros(frame.size, FLOAT32) for _ in range(8))
    ground, inverse, excess = (np.zeros(frame.size, FLOAT32) for _ in range(3))
    given = (*walk, potential, k, ground, inverse, excess, frame.width)
    for _ in range(STEPS):
        worst = max(parallel_starmap(normalized_weights, [(*given, *band) for band in frame.bands]))
        if worst > ROUGH:
            _settle_halves(ranks[0], walk, potential)
            worst = max(parallel_starmap(normalized_weights, [(*given, *band) for band in frame.bands]))
        if not np.isfinite(worst):
            break
        hierarchy = build(ranks, k, ground, inverse)
        step, left = _solved(VCycle(hierarchy), -excess)
        largest = np.abs(step).max()
        if not largest < LONGEST:
            break
        potential += step
        if largest < CLOSE and left < 1:
            return hierarchy, np.exp(step)
    return None, excess


def _settle_halves(ranks: Ordering, walk: tuple, potential: np.ndarray) -> None:
    """Make potentials fit their neighbours', one by one; a half sees the other as it was."""
    width, calls, starts = ranks.frame.width, [], []
    for start, order in ranks.halves():
        apart = _differences(order + np.int32(start), walk, potential, width)
        calls.append((apart, walk[1], order, np.zeros(potential.size - start)))
        starts.append(start)
    parallel_starmap(upwind_gauss_seidel, calls)
    for start, (*_, change) in zip(starts, calls, strict=True):
        potential[start:] += change


def _differences(order: np.ndarray, walk: tuple, potential: np.ndarray, width: int) -> Float32[np.ndarray, "n 8"]:
    """Return log W_ij + φ_i − φ_j of cells in an order."""
    logarithms, offsets, _ = walk
    result = np.empty((order.size, 8), FLOAT32)
    pieces = [slice(first, first + ROWS_PER_CHUNK) for first in range(0, order.size, ROWS_PER_CHUNK)]
    given = (potential, width)
    parallel_starmap(differences, [(logarithms, offsets, order[piece], *given, result[piece]) for piece in pieces])
    return result


def _solved(cycle: VCycle, b: Float32[np.ndarray, "_"]) -> tuple[Float32[np.ndarray, "_"], float]:
    """Solve roughly, by generalised conjugate residuals; return what is left, relative to b, too."""
    level = cycle.hierarchy.levels[0]
    frame, x, residual = level.frame, np.zeros_like(b), b.copy()
    largest = largest_left = max(float(b.max()), float(-b.min()), 0.0)
    parts = [((first + 1) * frame.width, (last + 1) * frame.width) for first, last in frame.bands]
    directions: list[tuple[np.ndarray, np.ndarray]] = []
    while len(directions) < CYCLES and largest_left > LEFT * largest:
        cycle.b[0][0] = residual
        cycle.run()
        direction, left = cycle.x[0][0].copy(), np.zeros((1, frame.size), FLOAT32)
        given = (level.k, level.inverse, residual[None], direction[None], RHS_BLOCK, left, frame.width)
        parallel_starmap(residual_rows, [(*given, *band) for band in frame.bands])
        image = left[0]
        sums = parallel_starmap(image_from_residual, [(residual, image, *part) for part in parts])
        for old_direction, old_image in directions:
            factor = np.dot(old_image, image) / np.dot(old_image, old_image)
            direction -= factor * old_direction
            image -= factor * old_image
        if directions:
            sums = [(np.dot(image, image), np.dot(image, residual))]
        square, product = (sum(each) for each in zip(*sums, strict=True))
        if not 0 < square < np.inf:
            break
        given = (product / square, direction, image, x, residual)
        largest_left = max(parallel_starmap(update, [(*given, *part) for part in parts]))
        directions.append((direction, image))
    return x, largest_left / max(largest, float(np.finfo(FLOAT32).tiny))


def _least_energies(
    terrain: TransitionData, theta: float, target: int, memory: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log W of the eight steps from every cell, the least energies to the target, and the cells by them."""
    frame, _, costs, places, ends, _, numbers = terrain
    shape, parts = (len(places), frame.rows, frame.columns), terrain.parts
    logarithms, means = memory[:8].reshape(terrain.cells, 8), np.empty(terrain.cells)
    given = (terrain.conductances, costs, places, ends, numbers, theta, logarithms, means)
    wrong = sum(parallel_starmap(log_probabilities, [(*given, *part) for part in parts]))
    if wrong:
        raise ValueError(f"the cost is negative or undefined on {wrong} edges; it must not be")
    priced = (logarithms, costs, places, ends, numbers, theta)
    shares, prices = entropy_fraction(means, len(places)), memory[8 : 8 + len(places)].reshape(shape)
    given = (*priced, shares, prices.reshape(len(places), -1))
    parallel_starmap(edge_energies, [(*given, *part) for part in parts])
    steps = stencil_offsets(shape, reverse=True, undirected=False)
    ways = dijkstra_search(validate_costs(prices), steps, terrain.cells, [(np.array([target]), np.zeros(1))])
    parallel_starmap(log_weights, [(*priced, *part) for part in parts])
    order = ways.order[0]
    return logarithms, ways.distance[0], order[: np.searchsorted(order < 0, True)].astype(np.int64)
