"""Currents of many pairs, each of which has potentials that are sums of a few out of many patterns, as loops."""

import numpy as np

from ..compiled import compiled

#: Rows and columns that are worked on together: their potentials under all patterns stay in a core's cache.
BLOCK = 16
#: Patterns added at a time, so that what they are added to is read and written as seldom.
FOUR = 4


@compiled
def add_combined(values, weights, steps, counts, first, one, other, mine, theirs, begins, own, total, largest):
    """Add up the currents of pairs in a rectangle; return the most that enters a cell and does not leave it.

    Parameters
    ----------
    values
        Potentials of each pattern, (patterns, h, w).
    weights
        Conductances forward, (steps, h, w), 0 beyond the raster.
    steps
        Where these lead, (steps, 2): rows down, columns to the right.
    counts
        Which cells count, (h, w), none of them at the rim.
    first
        Number of each region's first pattern, and one more than that of the last region's last.
    one, other
        Regions of each pair.
    mine, theirs
        How much of the patterns of the two each pair has, (pairs, most).
    begins, own
        Cells of region n in the rectangle: own[begins[n] : begins[n + 1]], as r · w + c. They are left out of its pairs.
    total, largest
        Set where cells count, (h, w): sum and maximum over the pairs.
    """
    patterns, h, w = values.shape
    room = (BLOCK + 2) * (BLOCK + 2)
    block, weight = np.zeros((patterns, room)), np.zeros((len(steps), room))
    flows, left = np.zeros((len(steps), room)), np.zeros(len(steps), np.int64)
    v, net, gross = np.zeros(room), np.zeros(room), np.zeros(room)
    sums, most, worst, inner = np.zeros(room), np.zeros(room), np.zeros(room), np.zeros(room)
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
            for s in range(len(steps)):
                left[s] = steps[s, 0] * wide + steps[s, 1]
            sums[:] = 0
            most[:] = 0
            worst[:] = 0
            for pair in range(one.size):
                v[:n] = 0
                _add_patterns(block, first[one[pair]], first[one[pair] + 1], mine[pair], n, v)
                _add_patterns(block, first[other[pair]], first[other[pair] + 1], theirs[pair], n, v)
                _currents(weight, left, v, n, flows, gross, net)
                for region in (one[pair], other[pair]):
                    for place in range(ends[region], ends[region + 1]):
                        gross[here[place]] = net[here[place]] = 0
                for q in range(n):
                    lost = abs(net[q]) * inner[q]
                    current = (gross[q] + lost) / 2
                    sums[q] += current
                    most[q] = current if current > most[q] else most[q]
                    worst[q] = lost if lost > worst[q] else worst[q]
            for r in range(1, high - 1):
                for c in range(1, wide - 1):
                    q = r * wide + c
                    if inner[q] > 0:
                        total[top + r, west + c], largest[top + r, west + c] = sums[q], most[q]
                        unbalanced = max(unbalanced, worst[q])
    return unbalanced


@compiled
def _gather(arrays, top, west, high, wide, out):
    """Put a block of each array into a row of out."""
    for k in range(len(arrays)):
        for r in range(high):
            given, to = arrays[k, top + r, west : west + wide], out[k, r * wide : (r + 1) * wide]
            for c in range(wide):
                to[c] = given[c]


@compiled
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


@compiled
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


@compiled
def _currents(weight, left, v, n, flows, gross, net):
    """Put what flows along the edges of every cell into gross, and what enters less what leaves into net.

    Beyond the rim of the block an edge leads somewhere else at the rim, where nothing counts.
    """
    longest = left[-1]
    for s in range(left.size):
        step, flow, weight_ = left[s], flows[s], weight[s]
        for q in range(n - longest):
            flow[q] = weight_[q] * (v[q] - v[q + step])
        flow[n - longest : n] = 0
    gross[:n] = 0
    net[:n] = 0
    for s in range(left.size):
        step, flow = left[s], flows[s]
        for q in range(n):
            gross[q] += abs(flow[q])
            net[q] += flow[q]
        for q in range(step, n):
            gross[q] += abs(flow[q - step])
            net[q] -= flow[q - step]
