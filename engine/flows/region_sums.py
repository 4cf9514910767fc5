"""Currents of all pairs of focal regions: pairs are solved together, and their maps added up without being formed."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool

from ..compiled import on_all_cores
from .branches import add_up, crossing, stretches
from .cumulative import CumulativeCurrent
from .focal import pairs_of
from .pattern_sums import BALANCED, of_patterns
from .region_pairs import RegionPairs

#: Pairs whose potentials are alive at a time, where each has its own.
TOGETHER = 16

#: Pairs that are added up at a time where they share patterns.
SHARING = 16_384


def of_region_pairs(
    pairs: RegionPairs,
    asked: Bool[np.ndarray, "n n"],
    zero_at_focal: bool,
    done: int = 0,
    so_far: Callable[[float], None] = lambda pairs: None,
) -> Iterator[tuple[int, CumulativeCurrent]]:
    """Give the currents of all pairs, some at a time: how many pairs, and their sum.

    Parameters
    ----------
    pairs
        The focal regions, on a raster without short-circuit regions.
    asked
        Which pairs.
    zero_at_focal
        Whether the current through the two regions of a pair counts as 0.
    done
        How many pairs to leave out, as many as an earlier time gave.
    so_far
        Told how many pairs are done, while many are worked on together: a part of the raster counts as a part of them.
    """
    wanted = pairs_of(asked)[done:]
    for begin in range(0, len(wanted), SHARING):
        many = wanted[begin : begin + SHARING]
        found = of_patterns(pairs, many, zero_at_focal, partial(_tell, so_far, done + begin, len(many)))
        if found is not None:
            yield len(many), found
            continue
        for first in range(0, len(many), TOGETHER):
            some = many[first : first + TOGETHER]
            found = _summed(pairs, some, zero_at_focal, checked=False)
            if not found.residual <= BALANCED:
                found = _summed(pairs, some, zero_at_focal, checked=True)
            yield len(some), found


def _tell(so_far: Callable[[float], None], before: int, many: int, part: float) -> None:
    so_far(before + part * many)


def _summed(
    pairs: RegionPairs, some: list[tuple[int, int]], zero_at_focal: bool, *, checked: bool
) -> CumulativeCurrent:
    """Return the sum of the currents of some pairs, from potentials that are checked and refined or not."""
    circuit, cells = pairs.circuit, pairs.circuit.node_of.size
    ends, values = pairs.potentials(some, checked=checked)
    own = np.zeros(values.shape, bool)
    for row, (one, other) in zip(own, ends, strict=True):
        row[pairs.focal.places[one]] = row[pairs.focal.places[other]] = True
    total, largest = np.zeros((2, cells))
    parts = stretches(cells)
    imbalance, strength = np.zeros((2, len(parts), len(ends)))
    given = (circuit.edges, circuit.offsets, values, own)
    calls = [(*given, *part, total, largest, *mine) for part, *mine in zip(parts, imbalance, strength, strict=True)]
    on_all_cores(add_up, calls)
    imbalance, strength = imbalance.max(0), strength.max(0)
    claimed = np.zeros(cells, bool)
    for number, pair in enumerate(ends):
        for end in pair:
            places = pairs.focal.places[end]
            into, out = crossing(circuit.edges, circuit.offsets, values[number], places)
            current = 0.0 if zero_at_focal else max(into, out)
            strength[number] = max(strength[number], into, out)
            claimed[places] = True
            total[places] += current
            largest[places] = np.maximum(largest[places], current)
    there = (circuit.node_of >= 0) | claimed
    total, largest = (np.where(there, each, np.nan).reshape(circuit.shape) for each in (total, largest))
    worst = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0).max(initial=0.0)
    return CumulativeCurrent(total, largest, len(ends), float(worst))
