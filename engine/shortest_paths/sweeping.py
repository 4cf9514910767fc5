"""Least accumulated costs by sweeping the raster: for GPUs, and for many small rasters at once.

Dijkstra's algorithm takes one cell at a time. Here a sweep walks down (or up) the rows and settles a whole row at once:
first from the row before, then along the row itself in both directions. Sweeps are repeated until nothing changes; open
landscapes need a handful, a maze as many as its paths turn.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..linalg.stencil_matrix import neighbour_offsets, shift
from .dijkstra import TIE_RTOL


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def fast_sweeping(
    costs: Float[Array, "directions rows columns"], starts: Float[Array, "rows columns"], reverse: bool
) -> Float[Array, "rows columns"]:
    """Return the least accumulated cost from the nearest start to every cell, everything on the device.

    Parameters
    ----------
    costs
        Cost of stepping from a cell to its neighbour, zero or more; infinite where there is no edge.
    starts
        0 at the starts, infinite elsewhere.
    reverse
        False: from the starts to the cell; True: from the cell to the starts.

    Notes
    -----
    The same values as `least_costs` up to the order of summation, and the same gradient, ties included; where steps
    cost nothing, either may choose another one of the equally cheap ways.
    """
    return _iterate(_incoming(costs, reverse), starts)


def _remember(costs, starts, reverse):
    distance = _iterate(_incoming(costs, reverse), starts)
    return distance, (costs, starts, distance)


def _along_the_paths(reverse, remembered, cotangent):
    costs, starts, distance = remembered
    incoming = _incoming(costs, reverse)
    share = _shares(incoming, starts, distance)
    pull = jnp.where(jnp.isfinite(distance) & jnp.isfinite(cotangent), cotangent, 0.0)
    flow = share * _backpropagate(share, pull)
    # `incoming` is indexed by the cell that is entered; the step by which it was reached, from there.
    return _outgoing(flow, reverse), jnp.zeros_like(starts)


fast_sweeping.defvjp(_remember, _along_the_paths)


def initial_costs(seeds: Int[Array, "k"], shape: tuple[int, int]) -> Float[Array, "rows columns"]:
    """Return a raster that is 0 at the seeds (flat indices) and infinite elsewhere."""
    return jnp.full(shape[0] * shape[1], jnp.inf).at[seeds].set(0.0, mode="drop").reshape(shape)


def _incoming(costs: Array, reverse: bool) -> Array:
    """Return, for every cell and step, the cost of arriving from the neighbour at that step."""
    directions = costs.shape[0]
    if reverse:
        return costs
    steps = neighbour_offsets(directions)
    return jnp.stack([shift(costs[directions - 1 - d], step, fill=jnp.inf) for d, step in enumerate(steps)])


def _outgoing(flow: Array, reverse: bool) -> Array:
    """Undo `_incoming` for values that are 0 where there is no edge."""
    directions = flow.shape[0]
    if reverse:
        return flow
    return jnp.stack([shift(flow[directions - 1 - d], step) for d, step in enumerate(neighbour_offsets(directions))])


def _iterate(incoming: Float[Array, "directions rows columns"], starts: Float[Array, "rows columns"]) -> Array:
    def unsettled(state: tuple[Array, Bool[Array, ""]]) -> Bool[Array, ""]:
        return state[1]

    def both_ways(state):
        distance, _ = state
        swept = _sweep(incoming, _sweep(incoming, distance, down=True), down=False)
        return swept, (swept < distance).any()

    return jax.lax.while_loop(unsettled, both_ways, (starts, jnp.array(True)))[0]


def _sweep(incoming: Array, distance: Array, *, down: bool) -> Array:
    """Settle row after row: from the row before, then along the row to the right and to the left."""
    steps = neighbour_offsets(incoming.shape[0])
    before = [d for d, step in enumerate(steps) if step[0] == (-1 if down else 1)]
    left, right = steps.index((0, -1)), steps.index((0, 1))

    def row(previous: Array, here: tuple[Array, Array]) -> tuple[Array, Array]:
        cost, now = here
        padded = jnp.pad(previous, 1, constant_values=jnp.inf)
        width = previous.shape[0]
        for d in before:
            shift = 1 + steps[d][1]
            now = jnp.minimum(now, padded[shift : shift + width] + cost[d])
        now = _row_scan(cost[left], now, _min_plus)
        now = _row_scan(cost[right][::-1], now[::-1], _min_plus)[::-1]
        return now, now

    first = jnp.full(distance.shape[1], jnp.inf)
    return jax.lax.scan(row, first, (incoming.swapaxes(0, 1), distance), reverse=not down)[1]


def _row_scan(factor: Array, own: Array, combine) -> Array:
    """Return the recurrence x_j = own_j ⊕ (x_{j−1} ⊗ factor_j) along a row, by a parallel scan."""
    return jax.lax.associative_scan(combine, (factor, own))[1]


def _min_plus(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
    """Chain two stretches of x_j = min(own_j, x_{j−1} + cost_j)."""
    return left[0] + right[0], jnp.minimum(right[1], left[1] + right[0])


def _sum(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
    """Chain two stretches of x_j = own_j + x_{j−1} · share_j."""
    return left[0] * right[0], right[1] + left[1] * right[0]


def _shares(incoming: Array, starts: Array, distance: Array) -> Float[Array, "directions rows columns"]:
    """Return by which part each cell's cheapest way arrives from each neighbour; ties share evenly."""
    steps = neighbour_offsets(incoming.shape[0])
    there = jnp.stack([shift(distance, step, fill=jnp.inf) for step in steps])
    usable = jnp.isfinite(there) & jnp.isfinite(incoming) & (starts > 0)
    slack = jnp.where(usable, jnp.abs(jnp.where(usable, there + incoming, 0.0) - distance), jnp.inf)
    # A predecessor comes strictly earlier, or costs nothing and is fewer steps away: an order without cycles.
    level = usable & (there == distance) & (slack == 0)
    hops = jax.lax.cond(level.any(), lambda: _steps_over(level, starts, there, distance, slack), lambda: starts)
    nearer = jnp.stack([shift(hops, step, fill=jnp.inf) for step in steps]) < hops
    earlier = (there < distance) | (level & nearer)
    slack = jnp.where(earlier, slack, jnp.inf)
    # Sums in another order than the recurrence's differ by rounding: the best predecessor is always one, near ties too.
    used = usable & earlier & ((slack <= slack.min(0)) | ((slack <= TIE_RTOL * distance) & (slack <= 1e-3 * incoming)))
    count = used.sum(0)
    return jnp.where(used, 1.0 / jnp.maximum(count, 1), 0.0)


def _steps_over(
    level: Array, starts: Array, there: Array, distance: Array, slack: Array
) -> Float[Array, "rows columns"]:
    """Count the free steps between each cell and the nearest one that is reached at a price (or is a start)."""
    paid = ((there < distance) & (slack <= TIE_RTOL * distance)).any(0)
    return _iterate(jnp.where(level, 1.0, jnp.inf), jnp.where(paid, 0.0, starts))


def _backpropagate(share: Float[Array, "directions rows columns"], pull: Float[Array, "rows columns"]) -> Array:
    """Let what every cell pulls run back to the starts; return what passes through each cell."""
    # What cell i receives from its neighbour j: the share of j's pull that arrives from i.
    back = _outgoing(share, False)

    def changing(state):
        return state[1]

    def both_ways(state):
        through, _ = state
        swept = _flow_sweep(back, pull, _flow_sweep(back, pull, through, down=True), down=False)
        # Shares run along a graph without cycles: after as many sweeps as its paths turn nothing changes at all.
        return swept, (jnp.abs(swept - through) > 1e-14 * jnp.abs(swept)).any()

    return jax.lax.while_loop(changing, both_ways, (pull, jnp.array(True)))[0]


def _flow_sweep(back: Array, pull: Array, through: Array, *, down: bool) -> Array:
    steps = neighbour_offsets(back.shape[0])
    before = [d for d, step in enumerate(steps) if step[0] == (-1 if down else 1)]
    after = [d for d, step in enumerate(steps) if step[0] == (1 if down else -1)]
    left, right = steps.index((0, -1)), steps.index((0, 1))
    beyond = jnp.stack([shift(through, steps[d]) for d in after])

    def row(previous, here):
        share, own, next_row, old = here
        padded = jnp.pad(previous, 1)
        width = previous.shape[0]
        base = own
        for d in before:
            shift = 1 + steps[d][1]
            base = base + padded[shift : shift + width] * share[d]
        for number, d in enumerate(after):
            base = base + next_row[number] * share[d]
        # Along the row no two neighbours feed each other, so the two directions add up.
        rightward = _row_scan(share[left], base, _sum)
        leftward = _row_scan(share[right][::-1], base[::-1], _sum)[::-1]
        now = rightward + leftward - base
        return now, now

    first = jnp.zeros(pull.shape[1])
    rows = (back.swapaxes(0, 1), pull, beyond.swapaxes(0, 1), through)
    return jax.lax.scan(row, first, rows, reverse=not down)[1]
