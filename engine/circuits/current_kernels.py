"""What flows along the edges of a raster, as loops over cells."""

import itertools

import numpy as np
from jaxtyping import Float, Int

from ..parallel.numba_jit import cpu_count, njit_cached


@njit_cached
def largest_current(edges, offsets, values):
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


@njit_cached
def add_inflow_outflow(edges, offsets, values, least, into, out):
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


#: Cells that are worked on together: what flows along their edges stays in a core's nearest cache.
TOGETHER = 32
SORTED = 64
STRETCH = 512


@njit_cached
def _flows_of_rows(edges, offsets, potentials, rows, kept_from, begin, width, flows, net, through):
    """Put what flows from some cells into flows, of each row of potentials and of the steps from kept_from on.

    net becomes what leaves a cell less what enters, and through what flows along all its edges; row −1 is all 0.
    """
    cells, together = potentials.shape[1], net.shape[1]
    backward = np.empty(together)
    flows[:] = 0
    net[:] = 0
    through[:] = 0
    for step in range(offsets.size):
        offset = offsets[step]
        low, high = max(0, -offset - begin), min(width, cells - offset - begin)
        if low >= high:
            continue
        weight, at = edges[step, begin + low : begin + high], (step - kept_from) * together + low
        for n in range(rows.size):
            if rows[n] < 0:
                continue
            values = potentials[rows[n]]
            mine, other = values[begin + low : begin + high], values[begin + low + offset : begin + high + offset]
            along = flows[n, at : at + high - low] if step >= kept_from else backward[low:high]
            net_, through_ = net[n, low:high], through[n, low:high]
            for j in range(high - low):
                flow = weight[j] * (mine[j] - other[j])
                along[j] = flow
                net_[j] += flow
                through_[j] += abs(flow)


@njit_cached
def _look(rows, checked, begin, width, net, through, imbalance, strength):
    """Keep the largest net current of a cell that is checked, and the largest current through any, of each row."""
    for n in range(rows.size):
        if rows[n] >= 0:
            worst, most = 0.0, 0.0
            for j in range(width):
                unbalanced = abs(net[n, j])
                most = max(most, (through[n, j] + unbalanced) / 2)
                worst = max(worst, unbalanced if checked[begin + j] else 0.0)
            strength[rows[n]], imbalance[rows[n]] = max(strength[rows[n]], most), max(imbalance[rows[n]], worst)


@njit_cached
def accumulate_currents(
    edges, offsets, potentials, first, second, checked, start, stop, total, largest, imbalance, strength
):
    """Add the currents of pairs, from potentials of which each pair's are a difference.

    Parameters
    ----------
    edges, offsets
        Conductances (steps, cells), and where each step leads; 4 or 8 steps.
    potentials
        Shape (n, cells).
    first, second
        Rows of the potentials that belong to each pair; −1 for the reference, whose potentials are all 0.
    checked
        Cells that current neither enters nor leaves otherwise.
    start, stop
        Which cells.
    total, largest
        Changed in place: sum over the pairs, and maximum, of the current through each cell.
    imbalance, strength
        Changed in place, of each row of potentials: the largest net current of a cell that is checked, and the largest
        current through any.
    """
    count, rows = len(potentials), np.arange(len(potentials))
    # Row −1 is the last one, which stays 0.
    flows, net = np.zeros((count + 1, offsets.size * TOGETHER)), np.zeros((count + 1, TOGETHER))
    through, gross = np.zeros((count + 1, TOGETHER)), np.zeros(TOGETHER)
    for begin in range(start, stop, TOGETHER):
        width = min(TOGETHER, stop - begin)
        _flows_of_rows(edges, offsets, potentials, rows, 0, begin, width, flows, net, through)
        _look(rows, checked, begin, width, net, through, imbalance, strength)
        sums, most = total[begin : begin + width], largest[begin : begin + width]
        for pair in range(first.size):
            one, two = flows[first[pair]], flows[second[pair]]
            ahead, behind = net[first[pair]], net[second[pair]]
            for j in range(TOGETHER):
                gross[j] = abs(ahead[j] - behind[j])
            for step in range(0, offsets.size * TOGETHER, 4 * TOGETHER):
                a, b = one[step : step + 4 * TOGETHER], two[step : step + 4 * TOGETHER]
                for j in range(TOGETHER):
                    k, m, n = j + TOGETHER, j + 2 * TOGETHER, j + 3 * TOGETHER
                    gross[j] += (abs(a[j] - b[j]) + abs(a[k] - b[k])) + (abs(a[m] - b[m]) + abs(a[n] - b[n]))
            # The larger of what enters and what leaves: half of their sum and of their difference.
            for j in range(width):
                sums[j] += gross[j] / 2
                most[j] = max(most[j], gross[j] / 2)


@njit_cached
def total_of_pairs(edges, offsets, potentials, rows, swaps, checked, start, stop, sums, imbalance, strength):
    """Add up |current| along every edge over all pairs, half of it to each of its ends; see `sorted_sums`.

    Parameters
    ----------
    edges, offsets
        Conductances (steps, cells), and where each step leads; the second half of the steps leads forward.
    potentials
        Shape (n, cells).
    rows
        The row of the potentials that belongs to each focal point; −1 for the reference, whose potentials are all 0.
    swaps
        Exchanges that sort as many numbers as there are rows.
    checked
        Cells that current neither enters nor leaves otherwise.
    start, stop
        Which cells.
    sums
        Changed in place: of the cells from start on, as far beyond stop as their edges reach.
    imbalance, strength
        Changed in place, of each row of potentials: the largest net current of a cell that is checked, and the largest
        current through any.
    """
    count, half = rows.size, offsets.size // 2
    flows, total = np.zeros((count, half * SORTED)), np.zeros(half * SORTED)
    net, through = np.zeros((count, SORTED)), np.zeros((count, SORTED))
    for begin in range(start, stop, SORTED):
        width = min(SORTED, stop - begin)
        _flows_of_rows(edges, offsets, potentials, rows, half, begin, width, flows, net, through)
        _look(rows, checked, begin, width, net, through, imbalance, strength)
        for n in range(swaps.shape[1]):
            one, other = flows[swaps[0, n]], flows[swaps[1, n]]
            for j in range(half * SORTED):
                a, b = one[j], other[j]
                one[j] = a if a < b else b
                other[j] = a if a > b else b
        total[:] = 0
        for n in range(count):
            flow, times = flows[n], 0.5 * (2 * n + 1 - count)
            for j in range(half * SORTED):
                total[j] += times * flow[j]
        for step in range(half):
            part = total[step * SORTED : step * SORTED + width]
            here, there_ = sums[begin - start :], sums[begin - start + offsets[half + step] :]
            for j in range(width):
                here[j] += part[j]
            for j in range(width):
                there_[j] += part[j]


@njit_cached
def add_currents(edges, offsets, potentials, own, start, stop, total, largest, imbalance, strength):
    """Add the currents of pairs, each with potentials of its own.

    Parameters
    ----------
    edges, offsets, start, stop, total, largest
        As in `accumulate_currents`.
    potentials
        Shape (pairs, cells).
    own
        Shape (pairs, cells): cells of a pair's focal regions, which are left out.
    imbalance, strength
        Changed in place, of each pair: the largest net current of a cell, and the largest current through any.
    """
    cells = potentials.shape[1]
    net, gross = np.zeros(STRETCH), np.zeros(STRETCH)
    for begin in range(start, stop, STRETCH):
        width = min(STRETCH, stop - begin)
        for pair in range(len(potentials)):
            values, left_out = potentials[pair], own[pair, begin : begin + width]
            net[:] = 0
            gross[:] = 0
            for step in range(offsets.size):
                offset = offsets[step]
                low, high = max(0, -offset - begin), min(width, cells - offset - begin)
                if low < high:
                    weight = edges[step, begin + low : begin + high]
                    mine = values[begin + low : begin + high]
                    other = values[begin + low + offset : begin + high + offset]
                    net_, gross_ = net[low:high], gross[low:high]
                    for j in range(high - low):
                        flow = weight[j] * (mine[j] - other[j])
                        net_[j] += flow
                        gross_[j] += abs(flow)
            sums, most = total[begin : begin + width], largest[begin : begin + width]
            worst, largest_current = 0.0, 0.0
            for j in range(width):
                counts = 0.0 if left_out[j] else 1.0
                unbalanced = counts * abs(net[j])
                current = (counts * gross[j] + unbalanced) / 2
                sums[j] += current
                most[j] = max(most[j], current)
                worst, largest_current = max(worst, unbalanced), max(largest_current, current)
            imbalance[pair], strength[pair] = max(imbalance[pair], worst), max(strength[pair], largest_current)


@njit_cached
def boundary_inflow_outflow(edges, offsets, values, cells):
    """Return what enters and what leaves a set of cells that are at one potential."""
    into, out = 0.0, 0.0
    for cell in cells:
        for step in range(offsets.size):
            weight = edges[step, cell]
            if weight > 0:
                flow = weight * (values[cell] - values[cell + offsets[step]])
                if flow > 0:
                    out += flow
                else:
                    into -= flow
    return into, out


def chunk_ranges(cells: int) -> list[tuple[int, int]]:
    """Return the first cell of each of some stretches for all cores to work on, and the cell behind its last.

    Examples
    --------
    >>> chunk_ranges(1)
    [(0, 1)]
    """
    cuts = np.linspace(0, cells, 8 * cpu_count() + 1).astype(int).tolist()
    return [(start, stop) for start, stop in itertools.pairwise(cuts) if stop > start]


def flat_offsets(steps: tuple[tuple[int, int], ...], columns: int) -> Int[np.ndarray, "steps"]:
    """Return where steps lead, in flat indices.

    Examples
    --------
    >>> flat_offsets(((-1, 0), (0, 1)), 5)
    array([-5,  1])
    """
    return np.array([down * columns + right for down, right in steps])


def flows_of_pairs(
    along: Float[np.ndarray, "n edges"], first: Int[np.ndarray, "pairs"], second: Int[np.ndarray, "pairs"]
) -> Float[np.ndarray, "pairs"]:
    """Return the current through one node for every pair, from what leaves it along its edges.

    Parameters
    ----------
    along
        Current along each edge at each row of potentials.
    first, second
        As in `accumulate_currents`.

    Examples
    --------
    >>> flows_of_pairs(np.array([[6.0]]), np.array([0]), np.array([-1]))
    array([6.])
    """
    along = np.concatenate([along, np.zeros((1, along.shape[1]))])
    result = np.empty(len(first))
    for start in range(0, len(first), 256):
        part = slice(start, start + 256)
        flow = along[first[part]] - along[second[part]]
        result[part] = (np.abs(flow).sum(1) + np.abs(flow.sum(1))) / 2
    return result
