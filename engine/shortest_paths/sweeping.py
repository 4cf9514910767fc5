"""Least accumulated costs by fast sweeping, in JAX: for GPUs, and for many small rasters at once.

Where Dijkstra's algorithm takes one cell at a time, a sweep goes down (or up) the rows and updates a whole row at once:
first from the row before, then along the row in both directions by a parallel scan (Zhao 2005). Sweeps are repeated
until nothing changes. Open landscapes need a handful of them, a maze as many as its paths have turns.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..linalg import neighbour_offsets, shift
from .dijkstra import TIE_RTOL, TIE_STEP_RTOL

#: Relative change below which backpropagated cotangents count as unchanged by a sweep: rounding of their sums.
FLOW_RTOL = 1e-14


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def fast_sweeping(
    costs: Float[Array, "directions rows columns"], initial: Float[Array, "rows columns"], reverse: bool
) -> Float[Array, "rows columns"]:
    """Return the least accumulated cost between the nearest source and every cell.

    Parameters
    ----------
    costs
        Cost of stepping from a cell to its neighbour, infinite where there is no edge. It must be zero or more: sweeps
        around a cycle of negative cost would never end.
    initial
        0 at the sources, infinite elsewhere; see `initial_costs`.
    reverse
        False: from the source to the cell; True: from the cell to the source.

    Notes
    -----
    Values and gradients equal those of `least_costs` up to the order of summation, also where paths are tied. Where
    steps cost nothing, the two may choose different paths among several that are equally cheap.

    References
    ----------
    Zhao, H. (2005). A fast sweeping method for eikonal equations. Mathematics of Computation 74, 603–627.

    Examples
    --------
    >>> chain = jnp.full((4, 1, 3), jnp.inf).at[2, 0, :2].set(2.0).at[1, 0, 1:].set(2.0)
    >>> fast_sweeping(chain, initial_costs(jnp.array([0]), (1, 3)), False)
    Array([[0., 2., 4.]], dtype=float64)
    """
    return _iterate(_incoming(costs, reverse), initial)


def _fwd(costs, initial, reverse):
    distance = _iterate(_incoming(costs, reverse), initial)
    return distance, (costs, initial, distance)


def _bwd(reverse, residuals, cotangent):
    costs, initial, distance = residuals
    incoming = _incoming(costs, reverse)
    fractions = _predecessor_fractions(incoming, initial, distance)
    cotangent = jnp.where(jnp.isfinite(distance) & jnp.isfinite(cotangent), cotangent, 0.0)
    flow = fractions * _backpropagate(fractions, cotangent)
    # `incoming` is indexed by the cell that a step enters, the gradient by the cell that it leaves.
    return _outgoing(flow, reverse), jnp.zeros_like(initial)


fast_sweeping.defvjp(_fwd, _bwd)


def initial_costs(sources: Int[Array, " k"], shape: tuple[int, int]) -> Float[Array, "rows columns"]:
    """Return a raster that is 0 at the sources (flat indices) and infinite elsewhere.

    Examples
    --------
    >>> initial_costs(jnp.array([1]), (1, 3)).tolist()
    [[inf, 0.0, inf]]
    """
    return jnp.full(shape[0] * shape[1], jnp.inf).at[sources].set(0.0, mode="drop").reshape(shape)


def _incoming(costs: Array, reverse: bool) -> Array:
    """Return, for every cell and direction, the cost of entering the cell from the neighbour in that direction."""
    directions = costs.shape[0]
    if reverse:
        return costs
    steps = neighbour_offsets(directions)
    return jnp.stack([shift(costs[directions - 1 - d], step, fill=jnp.inf) for d, step in enumerate(steps)])


def _outgoing(flow: Array, reverse: bool) -> Array:
    """Invert `_incoming` for values that are 0 where there is no edge."""
    directions = flow.shape[0]
    if reverse:
        return flow
    return jnp.stack([shift(flow[directions - 1 - d], step) for d, step in enumerate(neighbour_offsets(directions))])


def _iterate(incoming: Float[Array, "directions rows columns"], initial: Float[Array, "rows columns"]) -> Array:
    """Sweep until no distance falls any more."""

    def changed(state: tuple[Array, Bool[Array, ""]]) -> Bool[Array, ""]:
        return state[1]

    def sweep_down_and_up(state):
        """Sweep in both directions; return the distances and whether any fell."""
        distance, _ = state
        swept = _sweep(incoming, _sweep(incoming, distance, down=True), down=False)
        return swept, (swept < distance).any()

    return jax.lax.while_loop(changed, sweep_down_and_up, (initial, jnp.array(True)))[0]


def _sweep(incoming: Array, distance: Array, *, down: bool) -> Array:
    """Update row after row: from the row before, then along the row to the right and to the left."""
    steps = neighbour_offsets(incoming.shape[0])
    from_previous_row = [d for d, step in enumerate(steps) if step[0] == (-1 if down else 1)]
    left, right = steps.index((0, -1)), steps.index((0, 1))

    def update_row(previous: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
        """Lower the distances of one row by steps from the row before and along the row."""
        cost, values = row
        padded = jnp.pad(previous, 1, constant_values=jnp.inf)
        width = previous.shape[0]
        for d in from_previous_row:
            start = 1 + steps[d][1]
            values = jnp.minimum(values, padded[start : start + width] + cost[d])
        values = _row_scan(cost[left], values, _min_plus)
        values = _row_scan(cost[right][::-1], values[::-1], _min_plus)[::-1]
        return values, values

    first = jnp.full(distance.shape[1], jnp.inf)
    return jax.lax.scan(update_row, first, (incoming.swapaxes(0, 1), distance), reverse=not down)[1]


def _row_scan(factor: Array, constant: Array, combine) -> Array:
    """Evaluate the recurrence x_j = constant_j ⊕ (x_{j−1} ⊗ factor_j) along a row, by a parallel scan."""
    return jax.lax.associative_scan(combine, (factor, constant))[1]


def _min_plus(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
    """Compose two segments of x_j = min(constant_j, x_{j−1} + factor_j)."""
    return left[0] + right[0], jnp.minimum(right[1], left[1] + right[0])


def _plus_times(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
    """Compose two segments of x_j = constant_j + x_{j−1} · factor_j."""
    return left[0] * right[0], right[1] + left[1] * right[0]


def _predecessor_fractions(incoming: Array, initial: Array, distance: Array) -> Float[Array, "directions rows columns"]:
    """Return the fraction of each cell's shortest paths that enters from each neighbour; ties share evenly."""
    steps = neighbour_offsets(incoming.shape[0])
    neighbour = jnp.stack([shift(distance, step, fill=jnp.inf) for step in steps])
    usable = jnp.isfinite(neighbour) & jnp.isfinite(incoming) & (initial > 0)
    slack = jnp.where(usable, jnp.abs(jnp.where(usable, neighbour + incoming, 0.0) - distance), jnp.inf)
    # A predecessor is strictly nearer, or equally near by free steps and fewer of these away: no cycles can arise.
    free = usable & (neighbour == distance) & (slack == 0)
    hops = jax.lax.cond(free.any(), lambda: _free_steps(free, initial, neighbour, distance, slack), lambda: initial)
    fewer_hops = jnp.stack([shift(hops, step, fill=jnp.inf) for step in steps]) < hops
    precedes = (neighbour < distance) | (free & fewer_hops)
    slack = jnp.where(precedes, slack, jnp.inf)
    # The sums here are rounded differently from those of the recurrence, so that no slack need be 0: the predecessor of
    # least slack always counts, the others if they are tied.
    tied = (slack <= TIE_RTOL * distance) & (slack <= TIE_STEP_RTOL * incoming)
    used = usable & precedes & ((slack <= slack.min(0)) | tied)
    count = used.sum(0)
    return jnp.where(used, 1.0 / jnp.maximum(count, 1), 0.0)


def _free_steps(
    free: Array, initial: Array, neighbour: Array, distance: Array, slack: Array
) -> Float[Array, "rows columns"]:
    """Count the free steps to each cell from the nearest one that is a source, or is entered by a step with a cost."""
    entered_at_cost = ((neighbour < distance) & (slack <= TIE_RTOL * distance)).any(0)
    return _iterate(jnp.where(free, 1.0, jnp.inf), jnp.where(entered_at_cost, 0.0, initial))


def _backpropagate(
    fractions: Float[Array, "directions rows columns"], cotangent: Float[Array, "rows columns"]
) -> Array:
    """Propagate cotangents of the distances back to the sources; return the accumulated cotangent of each cell."""
    # Cell i receives this fraction of the accumulated cotangent of its neighbour.
    received = _outgoing(fractions, False)

    def changed(state):
        return state[1]

    def sweep_down_and_up(state):
        """Sweep in both directions; return the accumulated cotangent and whether it changed."""
        accumulated, _ = state
        swept = _flow_sweep(received, cotangent, accumulated, down=True)
        swept = _flow_sweep(received, cotangent, swept, down=False)
        # The predecessors form a graph without cycles. After as many sweeps as its paths have turns nothing changes.
        return swept, (jnp.abs(swept - accumulated) > FLOW_RTOL * jnp.abs(swept)).any()

    return jax.lax.while_loop(changed, sweep_down_and_up, (cotangent, jnp.array(True)))[0]


def _flow_sweep(received: Array, cotangent: Array, accumulated: Array, *, down: bool) -> Array:
    """Accumulate cotangents row after row: from both neighbouring rows, then along the row."""
    steps = neighbour_offsets(received.shape[0])
    from_previous_row = [d for d, step in enumerate(steps) if step[0] == (-1 if down else 1)]
    from_next_row = [d for d, step in enumerate(steps) if step[0] == (1 if down else -1)]
    left, right = steps.index((0, -1)), steps.index((0, 1))
    next_rows = jnp.stack([shift(accumulated, steps[d]) for d in from_next_row])

    def update_row(previous, row):
        """Accumulate the cotangent of one row from its neighbouring rows and along the row."""
        fraction, constant, next_row = row
        padded = jnp.pad(previous, 1)
        width = previous.shape[0]
        for d in from_previous_row:
            start = 1 + steps[d][1]
            constant = constant + padded[start : start + width] * fraction[d]
        for number, d in enumerate(from_next_row):
            constant = constant + next_row[number] * fraction[d]
        # No two neighbours along a row are each other's predecessors, so the two directions add up.
        rightward = _row_scan(fraction[left], constant, _plus_times)
        leftward = _row_scan(fraction[right][::-1], constant[::-1], _plus_times)[::-1]
        values = rightward + leftward - constant
        return values, values

    first = jnp.zeros(cotangent.shape[1])
    rows = (received.swapaxes(0, 1), cotangent, next_rows.swapaxes(0, 1))
    return jax.lax.scan(update_row, first, rows, reverse=not down)[1]
