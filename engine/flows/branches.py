"""What flows along the edges of a raster, as loops over cells."""

import numpy as np
from jaxtyping import Float, Int

from ..compiled import compiled


@compiled
def strongest(edges, offsets, values):
    """Return the largest current along an edge."""
    largest = 0.0
    for step in range(offsets.size):
        for cell in range(values.size):
            weight = edges[step, cell]
            if weight > 0:
                flow = abs(weight * (values[cell] - values[cell + offsets[step]]))
                if flow > largest:
                    largest = flow
    return largest


@compiled
def split_flows(edges, offsets, values, least, into, out):
    """Add what enters and what leaves every cell; currents below `least` are none."""
    for step in range(offsets.size):
        for cell in range(values.size):
            weight = edges[step, cell]
            if weight > 0:
                flow = weight * (values[cell] - values[cell + offsets[step]])
                if flow >= least:
                    out[cell] += flow
                elif -flow >= least:
                    into[cell] -= flow


@compiled
def accumulate(edges, offsets, potentials, first, second, start, stop, total, largest):
    """Add the currents of pairs, from potentials of which each pair's are a difference.

    Parameters
    ----------
    edges, offsets
        Conductances (steps, cells), and where each step leads.
    potentials
        Shape (cells, n).
    first, second
        Columns of the potentials that belong to each pair; −1 for the reference, whose potentials are all 0.
    start, stop
        Which cells.
    total, largest
        Changed in place: sum over the pairs, and maximum, of the current through each cell.
    """
    count = potentials.shape[1]
    flows = np.zeros((offsets.size, count + 1))
    for cell in range(start, stop):
        present = 0
        for step in range(offsets.size):
            weight = edges[step, cell]
            if weight > 0:
                other = cell + offsets[step]
                for number in range(count):
                    flows[present, number] = weight * (potentials[cell, number] - potentials[other, number])
                present += 1
        sum_of, most = 0.0, 0.0
        for pair in range(first.size):
            net, through = 0.0, 0.0
            # Column −1 is the last one, which stays 0.
            one, two = first[pair], second[pair]
            for step in range(present):
                flow = flows[step, one] - flows[step, two]
                net += flow
                through += abs(flow)
            # The larger of what enters and what leaves: half of their sum and of their difference.
            current = (through + abs(net)) / 2
            sum_of += current
            most = max(most, current)
        total[cell] += sum_of
        largest[cell] = max(largest[cell], most)


def offsets_of(steps: tuple[tuple[int, int], ...], columns: int) -> Int[np.ndarray, "steps"]:
    """Return where steps lead, in flat indices.

    Examples
    --------
    >>> offsets_of(((-1, 0), (0, 1)), 5)
    array([-5,  1])
    """
    return np.array([down * columns + right for down, right in steps])


def flows_of_pairs(
    weights: Float[np.ndarray, "edges"],
    fall: Float[np.ndarray, "edges n"],
    first: Int[np.ndarray, "pairs"],
    second: Int[np.ndarray, "pairs"],
) -> Float[np.ndarray, "pairs"]:
    """Return the current through one node of several places, for every pair, from the edges that leave it.

    Examples
    --------
    >>> flows_of_pairs(np.array([2.0]), np.array([[3.0]]), np.array([0]), np.array([-1]))
    array([6.])
    """
    along = np.concatenate([weights[:, None] * fall, np.zeros((len(weights), 1))], axis=1)
    result = np.empty(len(first))
    for start in range(0, len(first), 256):
        part = slice(start, start + 256)
        flow = along[:, first[part]] - along[:, second[part]]
        result[part] = (np.abs(flow).sum(0) + np.abs(flow.sum(0))) / 2
    return result
