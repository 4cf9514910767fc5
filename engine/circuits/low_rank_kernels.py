"""Kernels for the currents of many pairs whose potentials are linear combinations of a few basis vectors."""

import numpy as np

from ..parallel import njit_cached

#: Rows and columns per block: the potentials of all basis vectors in a block stay in the cache of a core.
BLOCK = 16
#: Basis vectors added at a time, so that the sum is read and written once for all of them.
UNROLL = 4


@njit_cached
def sum_currents_low_rank(
    values,
    weights,
    counts,
    starts,
    first,
    second,
    first_coefficients,
    second_coefficients,
    region_starts,
    region_cells,
    total,
    maximum,
):
    """Sum the currents of pairs in a rectangle; return the largest violation of Kirchhoff's current law.

    Parameters
    ----------
    values
        Potentials of each basis vector, (basis, h, w).
    weights
        Conductances to the east, southwest, south and southeast, (4, h, w), 0 beyond the raster.
    counts
        Which cells are summed, (h, w); none at the boundary of the rectangle.
    starts
        Number of each region's first basis vector, followed by the number of all basis vectors.
    first, second
        Regions of each pair.
    first_coefficients, second_coefficients
        Coefficients of each pair for the basis vectors of its two regions, (pairs, most).
    region_starts, region_cells
        Cells of region n in the rectangle, region_cells[region_starts[n] : region_starts[n + 1]], as r · w + c. They
        count as 0 for the pairs of the region.
    total, maximum
        Set where cells are summed, (h, w): sum and maximum over the pairs.
    """
    n_basis, h, w = values.shape
    size = (BLOCK + 2) * (BLOCK + 2)
    block, weight = np.zeros((n_basis, size)), np.zeros((4, size))
    flow, gross, net = np.zeros(size), np.zeros(size), np.zeros(size)
    v, sums, most, worst = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    inner, mask = np.zeros(size), np.zeros(size)
    block_cells, block_starts = np.zeros(region_cells.size, np.int64), np.zeros(region_starts.size, np.int64)
    imbalance = 0.0
    for top in range(0, h - 2, BLOCK):
        for left in range(0, w - 2, BLOCK):
            high, wide = min(BLOCK, h - 2 - top) + 2, min(BLOCK, w - 2 - left) + 2
            if not counts[top + 1 : top + high - 1, left + 1 : left + wide - 1].any():
                continue
            n = high * wide
            _copy_block(values, top, left, high, wide, block)
            _copy_block(weights, top, left, high, wide, weight)
            for r in range(high):
                for c in range(wide):
                    inside = 0 < r < high - 1 and 0 < c < wide - 1 and counts[top + r, left + c]
                    inner[r * wide + c] = 1.0 if inside else 0.0
            _region_cells_in_block(region_starts, region_cells, w, top, left, high, wide, block_cells, block_starts)
            sums[:] = 0
            most[:] = 0
            worst[:] = 0
            mask[:] = inner
            for pair in range(first.size):
                i, j = first[pair], second[pair]
                v[:n] = 0
                _add_basis_vectors(block, starts[i], starts[i + 1], first_coefficients[pair], n, v)
                _add_basis_vectors(block, starts[j], starts[j + 1], second_coefficients[pair], n, v)
                for region in (i, j):
                    for k in range(block_starts[region], block_starts[region + 1]):
                        mask[block_cells[k]] = 0
                _add_currents(weight, v, wide, n, flow, gross, net, mask, sums, most, worst)
                for region in (i, j):
                    for k in range(block_starts[region], block_starts[region + 1]):
                        mask[block_cells[k]] = inner[block_cells[k]]
            for r in range(1, high - 1):
                for c in range(1, wide - 1):
                    q = r * wide + c
                    if inner[q] > 0:
                        total[top + r, left + c], maximum[top + r, left + c] = sums[q], most[q]
                        imbalance = max(imbalance, worst[q])
    return imbalance


@njit_cached
def _copy_block(arrays, top, left, high, wide, out):
    """Copy a block of each array into a row of out."""
    for k in range(len(arrays)):
        for r in range(high):
            source, target = arrays[k, top + r, left : left + wide], out[k, r * wide : (r + 1) * wide]
            for c in range(wide):
                target[c] = source[c]


@njit_cached
def _region_cells_in_block(region_starts, region_cells, w, top, left, high, wide, block_cells, block_starts):
    """Write the cells of each region in a block, renumbered within the block."""
    count = 0
    for region in range(region_starts.size - 1):
        block_starts[region] = count
        for k in range(region_starts[region], region_starts[region + 1]):
            r, c = region_cells[k] // w - top, region_cells[k] % w - left
            if 0 <= r < high and 0 <= c < wide:
                block_cells[count] = r * wide + c
                count += 1
    block_starts[region_starts.size - 1] = count


@njit_cached
def _add_basis_vectors(block, start, stop, coefficients, n, v):
    """Add to v the linear combination of the basis vectors from start to stop."""
    unrolled = (stop - start) // UNROLL * UNROLL
    for k in range(0, unrolled, UNROLL):
        a, b, c, d = coefficients[k], coefficients[k + 1], coefficients[k + 2], coefficients[k + 3]
        p = start + k
        for q in range(n):
            v[q] += (a * block[p, q] + b * block[p + 1, q]) + (c * block[p + 2, q] + d * block[p + 3, q])
    for k in range(unrolled, stop - start):
        a, p = coefficients[k], start + k
        for q in range(n):
            v[q] += a * block[p, q]


@njit_cached
def _add_currents(weight, v, wide, n, flow, gross, net, mask, sums, most, worst):
    """Add the current through every cell of the mask, the larger of inflow and outflow.

    At the boundary of the block, where no cell is in the mask, flat offsets lead to the wrong cells. All loops start at
    0 and write to few arrays, so that the compiler vectorizes them.
    """
    begin, end = wide + 1, n - wide - 1
    count = end - begin
    gross_, net_, mask_ = gross[:count], net[:count], mask[begin:end]
    gross_[:] = 0
    net_[:] = 0
    for s in range(4):
        step = 1 if s == 0 else wide + s - 2
        along, source, target = weight[s], v[:end], v[step : step + end]
        for q in range(end):
            flow[q] = along[q] * (source[q] - target[q])
        outflow, inflow = flow[begin:end], flow[begin - step : end - step]
        for q in range(count):
            gross_[q] += abs(outflow[q]) + abs(inflow[q])
            net_[q] += outflow[q] - inflow[q]
    sums_, most_, worst_ = sums[begin:end], most[begin:end], worst[begin:end]
    for q in range(count):
        net_[q] = mask_[q] * abs(net_[q])
        gross_[q] = (mask_[q] * gross_[q] + net_[q]) / 2
    for q in range(count):
        sums_[q] += gross_[q]
        most_[q] = gross_[q] if gross_[q] > most_[q] else most_[q]
    for q in range(count):
        worst_[q] = net_[q] if net_[q] > worst_[q] else worst_[q]
