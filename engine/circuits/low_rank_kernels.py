"""Currents of many pairs, each of which has potentials that are sums of a few out of many patterns, as loops."""

import numpy as np

from ..parallel.numba_jit import njit_cached

#: Rows and columns that are worked on together: their potentials under all patterns stay in a core's cache.
BLOCK = 16
#: Patterns added at a time, so that what they are added to is read and written as seldom.
FOUR = 4


@njit_cached
def sum_currents_low_rank(values, weights, counts, first, one, other, mine, theirs, begins, own, total, largest):
    """Add up the currents of pairs in a rectangle; return the most that enters a cell and does not leave it.

    Parameters
    ----------
    values
        Potentials of each pattern, (patterns, h, w).
    weights
        Conductances to the east, southwest, south and southeast, (4, h, w), 0 beyond the raster.
    counts
        Which cells count, (h, w), none of them at the rim.
    first
        Number of each region's first pattern, and one more than that of the last region's last.
    one, other
        Regions of each pair.
    mine, theirs
        How much of the patterns of the two each pair has, (pairs, most).
    begins, own
        Cells of region n in the rectangle: own[begins[n] : begins[n + 1]], as r · w + c. Its pairs leave them out.
    total, largest
        Set where cells count, (h, w): sum and maximum over the pairs.
    """
    patterns, h, w = values.shape
    room = (BLOCK + 2) * (BLOCK + 2)
    block, weight = np.zeros((patterns, room)), np.zeros((4, room))
    flow, gross, net = np.zeros(room), np.zeros(room), np.zeros(room)
    v, sums, most, worst = np.zeros(room), np.zeros(room), np.zeros(room), np.zeros(room)
    inner, kept = np.zeros(room), np.zeros(room)
    here, ends = np.zeros(own.size, np.int64), np.zeros(begins.size, np.int64)
    unbalanced = 0.0
    for top in range(0, h - 2, BLOCK):
        for west in range(0, w - 2, BLOCK):
            high, wide = min(BLOCK, h - 2 - top) + 2, min(BLOCK, w - 2 - west) + 2
            if not counts[top + 1 : top + high - 1, west + 1 : west + wide - 1].any():
                continue
            n = high * wide
            _gather(values, top, west, high, wide, block)
            _gather(weights, top, west, high, wide, weight)
            for r in range(high):
                for c in range(wide):
                    inside = 0 < r < high - 1 and 0 < c < wide - 1 and counts[top + r, west + c]
                    inner[r * wide + c] = 1.0 if inside else 0.0
            _in_block(begins, own, w, top, west, high, wide, here, ends)
            sums[:] = 0
            most[:] = 0
            worst[:] = 0
            kept[:] = inner
            for pair in range(one.size):
                v[:n] = 0
                _add_patterns(block, first[one[pair]], first[one[pair] + 1], mine[pair], n, v)
                _add_patterns(block, first[other[pair]], first[other[pair] + 1], theirs[pair], n, v)
                for region in (one[pair], other[pair]):
                    for place in range(ends[region], ends[region + 1]):
                        kept[here[place]] = 0
                _add_currents(weight, v, wide, n, flow, gross, net, kept, sums, most, worst)
                for region in (one[pair], other[pair]):
                    for place in range(ends[region], ends[region + 1]):
                        kept[here[place]] = inner[here[place]]
            for r in range(1, high - 1):
                for c in range(1, wide - 1):
                    q = r * wide + c
                    if inner[q] > 0:
                        total[top + r, west + c], largest[top + r, west + c] = sums[q], most[q]
                        unbalanced = max(unbalanced, worst[q])
    return unbalanced


@njit_cached
def _gather(arrays, top, west, high, wide, out):
    """Put a block of each array into a row of out."""
    for k in range(len(arrays)):
        for r in range(high):
            given, to = arrays[k, top + r, west : west + wide], out[k, r * wide : (r + 1) * wide]
            for c in range(wide):
                to[c] = given[c]


@njit_cached
def _in_block(begins, own, w, top, west, high, wide, here, ends):
    """Put which cells of each region lie in a block into here[ends[n] : ends[n + 1]], as they are numbered there."""
    found = 0
    for region in range(begins.size - 1):
        ends[region] = found
        for place in range(begins[region], begins[region + 1]):
            r, c = own[place] // w - top, own[place] % w - west
            if 0 <= r < high and 0 <= c < wide:
                here[found] = r * wide + c
                found += 1
    ends[begins.size - 1] = found


@njit_cached
def _add_patterns(block, first, stop, shares, n, v):
    """Add to v the patterns first … stop − 1, as much of each as a pair has."""
    whole = (stop - first) // FOUR * FOUR
    for k in range(0, whole, FOUR):
        a, b, c, d = shares[k], shares[k + 1], shares[k + 2], shares[k + 3]
        p = first + k
        for q in range(n):
            v[q] += (a * block[p, q] + b * block[p + 1, q]) + (c * block[p + 2, q] + d * block[p + 3, q])
    for k in range(whole, stop - first):
        a, p = shares[k], first + k
        for q in range(n):
            v[q] += a * block[p, q]


@njit_cached
def _add_currents(weight, v, wide, n, flow, gross, net, kept, sums, most, worst):
    """Add the current through every cell that is kept, the larger of what enters and what leaves.

    Beyond the rim of the block an edge leads somewhere else at the rim, where nothing counts. (Loops begin at 0 and
    write to few arrays each; else several cells would not be done at once.)
    """
    begin, all_ = wide + 1, n - wide - 1
    count = all_ - begin
    gross_, net_, kept_ = gross[:count], net[:count], kept[begin:all_]
    gross_[:] = 0
    net_[:] = 0
    for s in range(4):
        step = 1 if s == 0 else wide + s - 2
        along, here, there = weight[s], v[:all_], v[step : step + all_]
        for q in range(all_):
            flow[q] = along[q] * (here[q] - there[q])
        out, into = flow[begin:all_], flow[begin - step : all_ - step]
        for q in range(count):
            gross_[q] += abs(out[q]) + abs(into[q])
            net_[q] += out[q] - into[q]
    sums_, most_, worst_ = sums[begin:all_], most[begin:all_], worst[begin:all_]
    for q in range(count):
        net_[q] = kept_[q] * abs(net_[q])
        gross_[q] = (kept_[q] * gross_[q] + net_[q]) / 2
    for q in range(count):
        sums_[q] += gross_[q]
        most_[q] = gross_[q] if gross_[q] > most_[q] else most_[q]
    for q in range(count):
        worst_[q] = net_[q] if net_[q] > worst_[q] else worst_[q]
