"""Currents of all pairs of focal regions: pairs are solved together, and their maps added up without being formed."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool

from ..compiled import cores, on_all_cores
from .branches import add_up, crossing
from .cumulative import CumulativeCurrent
from .focal import pairs_of
from .region_pairs import RegionPairs

#: Pairs whose potentials are alive at a time.
TOGETHER = 16

#: More net current than this at a node where none enters, relative to the largest, is not rounding.
IMBALANCE_LIMIT = 1e-6


def of_region_pairs(
    pairs: RegionPairs, asked: Bool[np.ndarray, "n n"], zero_at_focal: bool, done: int = 0
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
    """
    circuit = pairs.circuit
    wanted = pairs_of(asked)
    cells = circuit.node_of.size
    cuts = np.linspace(0, cells, 8 * cores() + 1).astype(int)
    parts = [(start, stop) for start, stop in zip(cuts[:-1], cuts[1:], strict=True) if stop > start]
    for begin in range(done, len(wanted), TOGETHER):
        some = wanted[begin : begin + TOGETHER]
        ends, values = pairs.potentials(some)
        own = np.zeros(values.shape, bool)
        for row, (one, other, *_) in zip(own, ends, strict=True):
            row[pairs.focal.places[one]] = row[pairs.focal.places[other]] = True
        total, largest = np.zeros((2, cells))
        imbalance, strength = np.zeros((2, len(parts), len(ends)))
        given = (circuit.edges, circuit.offsets, values, own)
        calls = [(*given, *part, total, largest, *mine) for part, *mine in zip(parts, imbalance, strength, strict=True)]
        on_all_cores(add_up, calls)
        claimed = np.zeros(cells, bool)
        imbalance, strength = imbalance.max(0, initial=0), strength.max(0, initial=0)
        for number, (one, other) in enumerate(ends):
            for end in (one, other):
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
        if not worst <= IMBALANCE_LIMIT:
            raise RuntimeError(
                f"currents of {circuit.count} nodes could not be computed: of the largest one {worst:.1e} is lost at "
                "some node; the values of the raster may span too many orders of magnitude"
            )
        yield len(some), CumulativeCurrent(total, largest, len(ends), float(worst))
