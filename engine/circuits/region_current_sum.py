"""Currents of all pairs of focal regions: pairs are solved together, and their maps added up without being formed."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool

from ..graph.focal_nodes import selected_pairs
from ..parallel.numba_jit import parallel_starmap
from .accumulator import CumulativeCurrent, CurrentAccumulator
from .current_kernels import add_currents, boundary_inflow_outflow, chunk_ranges
from .low_rank_sum import BALANCE_TOL, sum_region_currents_low_rank
from .region_pairs import RESISTANCE_RTOL, RegionPairSolver

#: Pairs whose potentials are alive at a time, where each has its own.
TOGETHER = 16

#: Pairs that are added up at a time where they share patterns.
SHARING = 16_384


def sum_region_pair_currents(
    pairs: RegionPairSolver,
    asked: Bool[np.ndarray, "n n"],
    zero_focal_currents: bool,
    done: int = 0,
    on_progress: Callable[[float], None] = lambda pairs: None,
) -> Iterator[tuple[int, CumulativeCurrent]]:
    """Give the currents of all pairs, some at a time: how many pairs, and their sum.

    Parameters
    ----------
    pairs
        The focal regions, on a raster without short-circuit regions.
    asked
        Which pairs.
    zero_focal_currents
        Whether the current through the two regions of a pair counts as 0.
    done
        How many pairs to leave out, as many as an earlier time gave.
    on_progress
        Told how many pairs are done, while many are worked on together: a part of the raster counts as a part of them.
    """
    wanted = selected_pairs(asked)[done:]
    for begin in range(0, len(wanted), SHARING):
        many = wanted[begin : begin + SHARING]
        found = sum_region_currents_low_rank(
            pairs, many, zero_focal_currents, partial(_tell, on_progress, done + begin, len(many))
        )
        if found is not None:
            yield len(many), found
            continue
        for first in range(0, len(many), TOGETHER):
            some = many[first : first + TOGETHER]
            yield len(some), _one_by_one(pairs, some, zero_focal_currents)


def _tell(on_progress: Callable[[float], None], before: int, many: int, part: float) -> None:
    on_progress(before + part * many)


def _one_by_one(pairs: RegionPairSolver, some: list[tuple[int, int]], zero_focal_currents: bool) -> CumulativeCurrent:
    """Return the sum of the currents of some pairs, each of which has potentials of its own."""
    answers = zip(some, pairs.entering(some, retain=True), strict=True)
    certain = [pair for pair, answer in answers if answer.certain]
    found, unbalanced = _summed(pairs, certain, zero_focal_currents, refine=False)
    if not found.residual <= BALANCE_TOL:
        found, unbalanced = _summed(pairs, certain, zero_focal_currents, refine=True)
    if len(certain) == len(some) and not unbalanced:
        return found
    sums = CurrentAccumulator(found.total * 0)
    sums.add_sum(
        _summed(pairs, [pair for pair in certain if pair not in unbalanced], zero_focal_currents, refine=True)[0]
    )
    for one, other in (pair for pair in some if pair not in certain or pair in unbalanced):
        resistance, values, currents = pairs.solve_alone(one, other)
        _, through = pairs.pair_maps(one, other, resistance, values, currents)
        if zero_focal_currents:
            through.ravel()[np.concatenate([pairs.focal.cells[one], pairs.focal.cells[other]])] = 0.0
        sums.add(through, currents.residual)
    return sums.result


def _summed(
    pairs: RegionPairSolver, some: list[tuple[int, int]], zero_focal_currents: bool, *, refine: bool
) -> tuple[CumulativeCurrent, list[tuple[int, int]]]:
    """Return the sum of the currents of some pairs, from potentials that are checked and refined or not.

    Returns
    -------
    sum, unbalanced
        And the pairs of which too much current is lost.
    """
    circuit, cells = pairs.circuit, pairs.circuit.node_of.size
    ends, values = pairs.potentials(some, refine=refine)
    own = np.zeros(values.shape, bool)
    for row, (one, other) in zip(own, ends, strict=True):
        row[pairs.focal.cells[one]] = row[pairs.focal.cells[other]] = True
    total, largest = np.zeros((2, cells))
    parts = chunk_ranges(cells)
    imbalance, strength = np.zeros((2, len(parts), len(ends)))
    given = (circuit.edges, circuit.offsets, values, own)
    calls = [(*given, *part, total, largest, *mine) for part, *mine in zip(parts, imbalance, strength, strict=True)]
    parallel_starmap(add_currents, calls)
    imbalance, strength = imbalance.max(0), strength.max(0)
    claimed = np.zeros(cells, bool)
    for number, pair in enumerate(ends):
        for end in pair:
            places = pairs.focal.cells[end]
            into, out = boundary_inflow_outflow(circuit.edges, circuit.offsets, values[number], places)
            current = 0.0 if zero_focal_currents else max(into, out)
            strength[number] = max(strength[number], into, out)
            claimed[places] = True
            total[places] += current
            largest[places] = np.maximum(largest[places], current)
    there = (circuit.node_of >= 0) | claimed
    total, largest = (np.where(there, each, np.nan).reshape(circuit.shape) for each in (total, largest))
    lost = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0)
    unbalanced = [pair for pair, part in zip(ends, lost, strict=True) if not part <= RESISTANCE_RTOL]
    return CumulativeCurrent(total, largest, len(ends), float(lost.max(initial=0.0))), unbalanced
