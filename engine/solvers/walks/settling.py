"""Potentials in which a walk to one target is a random walk proper: the chances of the steps from a cell sum to one.

In the scale of φ a walker steps from i to j with W̃_ij = W_ij exp(φ_i − φ_j). If all rows sum to one, exp(−φ) is the
weight that arrives. Else the rows are divided by their sums, and the potential of that walk is found: Σ_j p_ij
(δ_i − δ_j) = −log Σ_j W̃_ij. This is Newton's method for log Σ_j W̃_ij = 0, and policy iteration for the free energy;
from the first step on it comes from above, and as fast as Newton's method in the end.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int32

from ...compiled import on_all_cores
from ...stencil import steps_of
from ..dijkstra import cheapest_ways, checked, steps_through
from ..multigrid.descent import remaining
from ..multigrid.framed import Frame
from ..potentials import entropy_share
from .hierarchy import SIDES, SINGLE, Cycle, Hierarchy, build
from .ordered import guess_in_order, normal_weights, settle_in_order
from .ranks import Ranks, ranks_on_all_rasters
from .taking_in import mean_energies, price_steps
from .thinning import NOWHERE

#: Newton steps at most.
STEPS = 25

#: The last step changes no potential by more than this.
CLOSE = 1.0

#: Where a row sums to more or less than exp(±this), potentials are first made to fit their neighbours', one by one.
ROUGH = 1.0

#: A step is known well enough when so much is left of its right-hand side; so many cycles at most.
LEFT = 0.05
CYCLES = 12

#: Beyond this a step is not believed: it comes from a cell that hardly anything reaches.
LONGEST = 1e4


class Settled(NamedTuple):
    """Potentials, and the order of cells.

    Parameters
    ----------
    potential
        Infinite where the target cannot be reached.
    rank
        0 for the cell that is nearest to the target; `NOWHERE` for the target and for what is not reached.
    hierarchy
        Of the walk, in the scale of the last potentials but one; None where no such potentials were found.
    factor
        By which values in the last scale are larger than in the last but one, framed.
    """

    potential: Float[np.ndarray, "rows columns"]
    rank: Int32[np.ndarray, "rows columns"]
    hierarchy: Hierarchy | None
    factor: Float32[np.ndarray, "_"]


def settle(
    log_transitions: Float[np.ndarray, "directions rows columns"],
    energies: Float[np.ndarray, "directions rows columns"],
    target: int,
) -> Settled:
    """Find potentials of order −log z, z the weight that reaches a target.

    Parameters
    ----------
    log_transitions
        log P of stepping from a cell to its neighbour, −inf where there is no edge.
    energies
        θ C of that step, zero or more.
    target
        Flat raster index.

    References
    ----------
    Todorov, E. (2009). Efficient computation of optimal actions. PNAS 106, 11478–11483.
    """
    directions, rows, columns = log_transitions.shape
    frame = Frame(rows, columns)
    logarithms, distance, order = _least_energies(log_transitions, energies, target)
    rank = np.full(rows * columns, NOWHERE, np.int32)
    rank[order] = np.arange(-1, order.size - 1, dtype=np.int32)
    rank[target] = NOWHERE
    ranks = ranks_on_all_rasters(rank.reshape(rows, columns))
    potential = np.full(frame.size, np.inf)
    frame.inside(potential)[:] = distance.reshape(rows, columns)
    place = target + frame.width + 1 + target // columns
    offsets = np.array([down * frame.width + right for down, right in steps_of(directions)])
    numbers = np.arange(8) if directions == 8 else np.array([1, 3, 4, 6])
    guess_in_order(logarithms, offsets, ranks[0].order, ranks[0].rank, place, potential, frame.width)
    found = _newton(ranks, (logarithms, offsets, numbers, place), potential)
    return Settled(frame.inside(potential).copy(), rank.reshape(rows, columns), *found)


def _newton(ranks: list[Ranks], walk: tuple, potential: np.ndarray) -> tuple[Hierarchy | None, np.ndarray]:
    """Change potentials until they hardly change; return the last hierarchy, and exp of the last change."""
    frame, (logarithms, offsets, *_) = ranks[0].frame, walk
    k = tuple(np.zeros(frame.size, SINGLE) for _ in range(8))
    ground, excess = np.zeros(frame.size, SINGLE), np.zeros(frame.size, SINGLE)
    for _ in range(STEPS):
        for attempt in range(2):
            given = (*walk, potential, k, ground, excess, frame.width)
            worst = max(on_all_cores(normal_weights, [(*given, *band) for band in frame.bands]))
            if attempt or not worst > ROUGH:
                break
            settle_in_order(logarithms, offsets, ranks[0].order, potential, frame.width)
        if not np.isfinite(worst):
            break
        hierarchy = build(ranks, k, ground)
        step, left = _solved(Cycle(hierarchy), -excess)
        largest = np.abs(step).max()
        if not largest < LONGEST:
            break
        potential += step
        if largest < CLOSE and left < 1:
            return hierarchy, np.exp(step)
    return None, excess


def _solved(cycle: Cycle, b: np.ndarray) -> tuple[np.ndarray, float]:
    """Solve roughly, by generalised conjugate residuals; return what is left, relative to b, too."""
    level = cycle.hierarchy.levels[0]
    frame, x, residual = level.frame, np.zeros_like(b), b.copy()
    wanted = LEFT * np.abs(b).max(initial=0)
    images, directions = [], []
    for _ in range(CYCLES):
        cycle.b[0][0] = residual
        cycle.run()
        direction, image = cycle.x[0][0].copy(), np.zeros((1, frame.size), SINGLE)
        given = (level.k, level.inverse, residual[None], cycle.x[0], SIDES, image, frame.width)
        on_all_cores(remaining, [(*given, *band) for band in frame.bands])
        image = residual - image[0]
        for old_image, old_direction in zip(images, directions, strict=True):
            factor = np.dot(old_image, image)
            image -= factor * old_image
            direction -= factor * old_direction
        size = np.sqrt(np.dot(image, image))
        if not 0 < size < np.inf:
            break
        image /= size
        direction /= size
        factor = np.dot(image, residual)
        x += factor * direction
        residual -= factor * image
        if np.abs(residual).max() <= wanted:
            break
        images.append(image)
        directions.append(direction)
    return x, float(np.abs(residual).max(initial=0) / max(np.abs(b).max(initial=0), np.finfo(SINGLE).tiny))


def _least_energies(log_transitions, energies, target: int):
    """Return log W, the least energies to the target, and the cells by them."""
    directions, rows, columns = log_transitions.shape
    size = rows * columns
    transitions = np.ascontiguousarray(log_transitions, float).reshape(directions, -1)
    energies = np.ascontiguousarray(energies, float).reshape(directions, -1)
    logarithms, prices = np.empty((directions, size)), np.empty((directions, rows, columns))
    means = np.empty(size)
    parts = [(first * columns, last * columns) for first, last in Frame(rows, columns).bands]
    wrong = sum(on_all_cores(mean_energies, [(transitions, energies, logarithms, means, *part) for part in parts]))
    if wrong:
        raise ValueError(f"the cost is negative or undefined on {wrong} edges; it must not be")
    shares = entropy_share(means, directions)
    flat_prices = prices.reshape(directions, -1)
    on_all_cores(price_steps, [(transitions, energies, shares, flat_prices, *part) for part in parts])
    steps = steps_through(prices.shape, reverse=True, undirected=False)
    ways = cheapest_ways(checked(prices), steps, size, [(np.array([target]), np.zeros(1))])
    order = ways.order[0]
    return logarithms, ways.distance[0], order[: np.searchsorted(order < 0, True)].astype(np.int64)
