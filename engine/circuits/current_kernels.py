"""Kernels for currents along the edges of a raster: inflow and outflow of cells, and sums over pairs."""

import numpy as np
from jaxtyping import Float, Int

from ..parallel import cpu_count, equal_ranges, njit_cached

#: Cells per block where the currents of pairs are differences of rows; the edge currents of all rows in a block stay in
#: the cache of a core, as for the other sizes of blocks.
PAIR_BLOCK = 32

#: Cells per block where edge currents are sorted.
SORT_BLOCK = 64

#: Cells per block where each pair has its own potentials.
CELL_BLOCK = 512


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
def add_inflow_outflow(edges, offsets, values, threshold, inflow, outflow):
    """Add the currents into and out of every cell; those below the threshold count as 0."""
    for step in range(offsets.size):
        for cell in range(values.size):
            weight = edges[step, cell]
            if weight > 0:
                flow = weight * (values[cell] - values[cell + offsets[step]])
                if flow >= threshold:
                    outflow[cell] += flow
                elif -flow >= threshold:
                    inflow[cell] -= flow


@njit_cached
def accumulate_currents(
    edges, offsets, potentials, first, second, source_free, start, stop, total, largest, imbalance, strength, done
):
    """Add the currents of pairs whose potentials are differences of two rows.

    Parameters
    ----------
    edges, offsets
        Conductances (steps, cells), and the flat index offset of each step; 4 or 8 steps.
    potentials
        Shape (n, cells).
    first, second
        Rows of the potentials of each pair; −1 for the reference, whose potentials are all 0.
    source_free
        Cells at which no current enters or leaves except along edges.
    start, stop
        Range of cells.
    total, largest
        Updated in place: sum and maximum over the pairs of the current through each cell.
    imbalance, strength
        Updated in place, for each row of potentials: the largest net current of a source-free cell, and the largest
        current through any cell.
    done
        Its only element becomes the number of finished cells, for progress reports by another thread.
    """
    count, rows = len(potentials), np.arange(len(potentials))
    # Row −1 is the last one, which stays 0.
    flows, net = np.zeros((count + 1, offsets.size * PAIR_BLOCK)), np.zeros((count + 1, PAIR_BLOCK))
    through, gross = np.zeros((count + 1, PAIR_BLOCK)), np.zeros(PAIR_BLOCK)
    for begin in range(start, stop, PAIR_BLOCK):
        width = min(PAIR_BLOCK, stop - begin)
        _flows_of_rows(edges, offsets, potentials, rows, 0, begin, width, flows, net, through)
        _update_diagnostics(rows, source_free, begin, width, net, through, imbalance, strength)
        sums, most = total[begin : begin + width], largest[begin : begin + width]
        for pair in range(first.size):
            flow_a, flow_b = flows[first[pair]], flows[second[pair]]
            net_a, net_b = net[first[pair]], net[second[pair]]
            for j in range(PAIR_BLOCK):
                gross[j] = abs(net_a[j] - net_b[j])
            for step in range(0, offsets.size * PAIR_BLOCK, 4 * PAIR_BLOCK):
                a, b = flow_a[step : step + 4 * PAIR_BLOCK], flow_b[step : step + 4 * PAIR_BLOCK]
                for j in range(PAIR_BLOCK):
                    k, m, n = j + PAIR_BLOCK, j + 2 * PAIR_BLOCK, j + 3 * PAIR_BLOCK
                    gross[j] += (abs(a[j] - b[j]) + abs(a[k] - b[k])) + (abs(a[m] - b[m]) + abs(a[n] - b[n]))
            # The larger of inflow and outflow is half of their sum and their difference.
            for j in range(width):
                sums[j] += gross[j] / 2
                most[j] = max(most[j], gross[j] / 2)
        done[0] = begin + width - start


@njit_cached
def sum_absolute_differences(
    edges, offsets, potentials, rows, exchanges, source_free, start, stop, sums, imbalance, strength, done
):
    """Sum |current| along every edge over all pairs, half of it at each of its ends; see `sorting_network`.

    Parameters
    ----------
    edges, offsets
        Conductances (steps, cells), and the flat index offset of each step; the second half leads forward.
    potentials
        Shape (n, cells).
    rows
        Row of the potentials of each focal point; −1 for the reference, whose potentials are all 0.
    exchanges
        Sorting network for as many values as there are rows.
    source_free
        Cells at which no current enters or leaves except along edges.
    start, stop
        Range of cells.
    sums
        Updated in place: sums of the cells from start on, and of a halo beyond stop.
    imbalance, strength
        Updated in place, for each row of potentials: the largest net current of a source-free cell, and the largest
        current through any cell.
    done
        As in `accumulate_currents`.
    """
    count, half = rows.size, offsets.size // 2
    flows, total = np.zeros((count, half * SORT_BLOCK)), np.zeros(half * SORT_BLOCK)
    net, through = np.zeros((count, SORT_BLOCK)), np.zeros((count, SORT_BLOCK))
    for begin in range(start, stop, SORT_BLOCK):
        width = min(SORT_BLOCK, stop - begin)
        _flows_of_rows(edges, offsets, potentials, rows, half, begin, width, flows, net, through)
        _update_diagnostics(rows, source_free, begin, width, net, through, imbalance, strength)
        for n in range(exchanges.shape[1]):
            low, high = flows[exchanges[0, n]], flows[exchanges[1, n]]
            for j in range(half * SORT_BLOCK):
                a, b = low[j], high[j]
                low[j] = a if a < b else b
                high[j] = a if a > b else b
        total[:] = 0
        for n in range(count):
            flow, factor = flows[n], 0.5 * (2 * n + 1 - count)
            for j in range(half * SORT_BLOCK):
                total[j] += factor * flow[j]
        for step in range(half):
            part = total[step * SORT_BLOCK : step * SORT_BLOCK + width]
            at_source, at_target = sums[begin - start :], sums[begin - start + offsets[half + step] :]
            for j in range(width):
                at_source[j] += part[j]
            for j in range(width):
                at_target[j] += part[j]
        done[0] = begin + width - start


@njit_cached
def add_currents(edges, offsets, potentials, excluded, start, stop, total, largest, imbalance, strength):
    """Add the currents of pairs with their own potentials.

    Parameters
    ----------
    edges, offsets, start, stop, total, largest
        As in `accumulate_currents`.
    potentials
        Shape (pairs, cells).
    excluded
        Shape (pairs, cells): the cells of a pair's focal regions, which count as 0.
    imbalance, strength
        Updated in place, for each pair: the largest net current of a cell, and the largest current through any cell.
    """
    cells = potentials.shape[1]
    net, gross = np.zeros(CELL_BLOCK), np.zeros(CELL_BLOCK)
    for begin in range(start, stop, CELL_BLOCK):
        width = min(CELL_BLOCK, stop - begin)
        for pair in range(len(potentials)):
            values, is_excluded = potentials[pair], excluded[pair, begin : begin + width]
            net[:] = 0
            gross[:] = 0
            for step in range(offsets.size):
                offset = offsets[step]
                low, high = max(0, -offset - begin), min(width, cells - offset - begin)
                if low < high:
                    weight = edges[step, begin + low : begin + high]
                    source = values[begin + low : begin + high]
                    target = values[begin + low + offset : begin + high + offset]
                    net_, gross_ = net[low:high], gross[low:high]
                    for j in range(high - low):
                        flow = weight[j] * (source[j] - target[j])
                        net_[j] += flow
                        gross_[j] += abs(flow)
            sums, most = total[begin : begin + width], largest[begin : begin + width]
            worst, largest_current = 0.0, 0.0
            for j in range(width):
                counts = 0.0 if is_excluded[j] else 1.0
                unbalanced = counts * abs(net[j])
                current = (counts * gross[j] + unbalanced) / 2
                sums[j] += current
                most[j] = max(most[j], current)
                worst, largest_current = max(worst, unbalanced), max(largest_current, current)
            imbalance[pair], strength[pair] = max(imbalance[pair], worst), max(strength[pair], largest_current)


@njit_cached
def boundary_inflow_outflow(edges, offsets, values, cells):
    """Return the total current into and out of a set of cells at one potential."""
    inflow, outflow = 0.0, 0.0
    for cell in cells:
        for step in range(offsets.size):
            weight = edges[step, cell]
            if weight > 0:
                flow = weight * (values[cell] - values[cell + offsets[step]])
                if flow > 0:
                    outflow += flow
                else:
                    inflow -= flow
    return inflow, outflow


def node_currents_of_pairs(
    along_edges: Float[np.ndarray, "n edges"],
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
) -> Float[np.ndarray, " pairs"]:
    """Return the current through one node for every pair, from the currents along its edges.

    Parameters
    ----------
    along_edges
        Current along each edge for each row of potentials.
    first, second
        As in `accumulate_currents`.

    Examples
    --------
    >>> node_currents_of_pairs(np.array([[6.0]]), np.array([0]), np.array([-1]))
    array([6.])
    """
    along_edges = np.concatenate([along_edges, np.zeros((1, along_edges.shape[1]))])
    result = np.empty(len(first))
    # In blocks, which bound the memory for differences.
    for start in range(0, len(first), 256):
        block = slice(start, start + 256)
        current = along_edges[first[block]] - along_edges[second[block]]
        result[block] = (np.abs(current).sum(1) + np.abs(current.sum(1))) / 2
    return result


def cell_ranges(cells: int) -> list[tuple[int, int]]:
    """Return ranges of cells for all cores to work on.

    Examples
    --------
    >>> cell_ranges(1)
    [(0, 1)]
    """
    return equal_ranges(cells, 8 * cpu_count())


def flat_offsets(steps: tuple[tuple[int, int], ...], columns: int) -> Int[np.ndarray, " steps"]:
    """Return the flat index offset of each step (rows down, columns right).

    Examples
    --------
    >>> flat_offsets(((-1, 0), (0, 1)), 5)
    array([-5,  1])
    """
    return np.array([down * columns + right for down, right in steps])


@njit_cached
def _flows_of_rows(edges, offsets, potentials, rows, first_step, begin, width, flows, net, through):
    """Write the edge currents of a block of cells, for each row of potentials and the steps from first_step on.

    net becomes the outflow of a cell minus its inflow, and through the sum of its absolute edge currents. Row −1 is 0.
    """
    cells, block = potentials.shape[1], net.shape[1]
    backward = np.empty(block)
    flows[:] = 0
    net[:] = 0
    through[:] = 0
    for step in range(offsets.size):
        offset = offsets[step]
        low, high = max(0, -offset - begin), min(width, cells - offset - begin)
        if low >= high:
            continue
        weight, at = edges[step, begin + low : begin + high], (step - first_step) * block + low
        for n in range(rows.size):
            if rows[n] < 0:
                continue
            values = potentials[rows[n]]
            source, target = values[begin + low : begin + high], values[begin + low + offset : begin + high + offset]
            along = flows[n, at : at + high - low] if step >= first_step else backward[low:high]
            net_, through_ = net[n, low:high], through[n, low:high]
            for j in range(high - low):
                flow = weight[j] * (source[j] - target[j])
                along[j] = flow
                net_[j] += flow
                through_[j] += abs(flow)


@njit_cached
def _update_diagnostics(rows, source_free, begin, width, net, through, imbalance, strength):
    """Update, for each row, the largest net current of a source-free cell and the largest current through a cell."""
    for n in range(rows.size):
        if rows[n] >= 0:
            worst, most = 0.0, 0.0
            for j in range(width):
                unbalanced = abs(net[n, j])
                most = max(most, (through[n, j] + unbalanced) / 2)
                worst = max(worst, unbalanced if source_free[begin + j] else 0.0)
            strength[rows[n]], imbalance[rows[n]] = max(strength[rows[n]], most), max(imbalance[rows[n]], worst)
