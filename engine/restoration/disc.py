"""Exact change of the least-cost distances when all cells of a disc are restored, by searches near the disc.

Let D be a disc of restored cells. A path from s to t that benefits from it has a first entry into D and a last exit.
Before the first entry it runs through the current landscape, at the cost d_s of a search that was made before, and
after the last exit at the cost d_t. Between the two it may leave D and return, so a search starts from all cells of D,
at the costs of reaching them, and continues beyond D as long as returning could still pay. No path onwards from D
costs less than

    m_t = min over cells b of D of ( d_t(b), min over neighbours k ∉ D of c'(b, k) + d_t(k) ),

so cells reached at a cost above the best path found up to then minus m_t need no further search.
"""

from collections.abc import Callable
from heapq import heappop, heappush

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from ..graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg import neighbour_offsets
from ..parallel import cpu_count, equal_ranges, njit_cached, parallel_starmap
from .base import RestorationGain, restored_permeability
from .least_cost import LeastCostRestoration
from .search_window import disc_mask

#: Number of progress reports.
PROGRESS_STEPS = 20

#: Relative difference of two costs below which they are equal but for rounding errors.
COST_ROUNDING = 1e-13


def disc_restoration(
    least_costs: LeastCostRestoration,
    radius: float,
    permeability: ArrayInput,
    restorable: Bool[np.ndarray, "rows columns"] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> RestorationGain:
    """Return the decrease of the least-cost distances when the disc around each cell is restored.

    Parameters
    ----------
    least_costs
        The least costs of a landscape between focal nodes.
    radius
        Radius of the discs, in map units. A cell belongs to a disc if its centre is no further from the disc's centre.
    permeability
        Permeability of restored cells: one number, or a raster. Cells with a higher one keep it.
    restorable
        The cells that can be restored; by default the active cells. Other cells keep their permeability and have no
        disc.
    progress
        Called with the number of parts of the landscape processed and their total.

    Raises
    ------
    ValueError
        A radius or a permeability that is not a positive number; a raster of another shape.

    Examples
    --------
    >>> from permea.engine.graph import FocalNodes
    >>> grid = GridGraph(np.array([[1.0, 0.5, 0.1, 0.5, 1.0]]), edge_rule="resistance")
    >>> ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([4])))
    >>> disc_restoration(LeastCostRestoration(grid, ends), radius=1.0, permeability=1.0).gain
    array([[ 1., 10., 11., 10.,  1.]])
    """
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"the radius of a restored disc must be a positive number, not {radius:g}")
    grid = least_costs.grid
    restored, candidates = restored_permeability(grid, permeability, restorable)
    current_permeability = np.where(np.asarray(grid.active), np.asarray(grid.permeability), 0.0)
    all_restored = GridGraph(
        jnp.asarray(np.where(candidates, restored, current_permeability)),
        neighbors=grid.neighbors,
        edge_rule=grid.edge_rule,
        pixel_size=grid.pixel_size,
    )
    step_costs = [
        least_costs.step_costs(concrete_or_none(edges)).reshape(grid.directions, -1)
        for edges in (grid.edges, *grid.conductances_if_cell_set_to(restored), all_restored.edges)
    ]
    count, size = len(least_costs.nodes), candidates.size
    current = np.array([[least_costs.between(i, j) for j in range(count)] for i in range(count)])
    is_pair = np.zeros((count, count), bool)
    is_pair[tuple(np.array(least_costs.pairs).T)] = True
    disc = disc_mask(grid, radius)
    savings, newly_connected = np.zeros(size), np.zeros(size, np.int64)
    args = (
        np.argwhere(disc) - np.array(disc.shape) // 2,
        np.array(neighbour_offsets(grid.directions)),
        grid.width,
        candidates.ravel(),
        *step_costs,
        np.stack(least_costs.costs_from).reshape(count, -1),
        np.stack(least_costs.costs_to).reshape(count, -1),
        current,
        is_pair,
        savings,
        newly_connected,
    )
    intervals = equal_ranges(size, PROGRESS_STEPS)
    for number, (first, last) in enumerate(intervals, start=1):
        parts = equal_ranges(last - first, cpu_count())
        parallel_starmap(_disc_gains, [(first + start, first + stop, *args) for start, stop in parts])
        if progress is not None:
            progress(number, len(intervals))
    return least_costs.reduce(savings.reshape(grid.shape), newly_connected.reshape(grid.shape), candidates)


@njit_cached
def _disc_gains(
    start,
    stop,
    disc,
    steps,
    width,
    restorable,
    current_steps,
    out,
    into,
    restored_steps,
    costs_from,
    costs_to,
    current,
    is_pair,
    savings,
    newly_connected,
):
    """Add up the decreases of all pairs for the discs around the cells from `start` to `stop`.

    Parameters
    ----------
    disc
        Rows and columns of the cells of a disc, relative to its centre.
    steps
        Rows and columns of the neighbours, relative to a cell.
    restorable
        Whether each cell is restored if a disc contains it.
    current_steps, out, restored_steps
        Costs (directions, cells) of the step from a cell to its neighbour: in the current landscape, if the cell is
        restored, and if both are.
    into
        Cost of the step from the neighbour to the cell if the cell is restored.
    costs_from, costs_to
        Current costs from and to every focal node (nodes, cells).
    current
        Current costs between focal nodes.
    is_pair
        Whether each pair of focal nodes counts.
    savings, newly_connected
        Changed in place: the sum over connected pairs, and the number of pairs that become connected.
    """
    size = restorable.size
    height = size // width
    directions, nodes = steps.shape[0], current.shape[0]
    opposite = np.empty(directions, np.int64)
    for direction in range(directions):
        for other_direction in range(directions):
            if steps[direction, 0] == -steps[other_direction, 0] and steps[direction, 1] == -steps[other_direction, 1]:
                opposite[direction] = other_direction
    inside = np.zeros(size, np.bool_)
    cost_to = np.full(size, np.inf)
    members = np.empty(disc.shape[0], np.int64)
    least_onward, best = np.empty(nodes), np.empty(nodes)
    for centre in range(start, stop):
        if not restorable[centre]:
            continue
        count = 0
        for index in range(disc.shape[0]):
            row, column = centre // width + disc[index, 0], centre % width + disc[index, 1]
            if 0 <= row < height and 0 <= column < width and restorable[row * width + column]:
                members[count] = row * width + column
                inside[members[count]] = True
                count += 1
        for target in range(nodes):
            least_onward[target] = np.inf
            for index in range(count):
                cell = members[index]
                least_onward[target] = min(least_onward[target], costs_to[target, cell])
                for step in range(directions):
                    row, column = cell // width + steps[step, 0], cell % width + steps[step, 1]
                    if 0 <= row < height and 0 <= column < width and not inside[row * width + column]:
                        onward = out[step, cell] + costs_to[target, row * width + column]
                        least_onward[target] = min(least_onward[target], onward)
        for source in range(nodes):
            heap = [(np.inf, np.int64(0))]
            labelled = [np.int64(-1)]
            for index in range(count):
                cell = members[index]
                entry_cost = costs_from[source, cell]
                for step in range(directions):
                    row, column = cell // width + steps[step, 0], cell % width + steps[step, 1]
                    if 0 <= row < height and 0 <= column < width and not inside[row * width + column]:
                        entry_cost = min(entry_cost, costs_from[source, row * width + column] + into[step, cell])
                if entry_cost < np.inf:
                    cost_to[cell] = entry_cost
                    labelled.append(cell)
                    heappush(heap, (entry_cost, cell))
            for target in range(nodes):
                best[target] = current[source, target]
            while len(heap) > 1:
                cost, cell = heappop(heap)
                if cost > cost_to[cell]:
                    continue
                limit = -np.inf
                for target in range(nodes):
                    if is_pair[source, target]:
                        if inside[cell]:
                            best[target] = min(best[target], cost + costs_to[target, cell])
                        # Any path to a target still unreachable is useful, unless no path from the disc leads there.
                        if least_onward[target] < np.inf:
                            limit = max(limit, best[target] - least_onward[target])
                if cost >= limit:
                    break
                for step in range(directions):
                    row, column = cell // width + steps[step, 0], cell % width + steps[step, 1]
                    if not (0 <= row < height and 0 <= column < width):
                        continue
                    neighbour = row * width + column
                    if inside[cell]:
                        step_cost = restored_steps[step, cell] if inside[neighbour] else out[step, cell]
                    else:
                        step_cost = into[opposite[step], neighbour] if inside[neighbour] else current_steps[step, cell]
                    new_cost = cost + step_cost
                    known = cost_to[neighbour]
                    if not inside[neighbour]:
                        known = min(known, costs_from[source, neighbour])
                    if not new_cost < known:
                        continue
                    cost_to[neighbour] = new_cost
                    labelled.append(neighbour)
                    heappush(heap, (new_cost, neighbour))
                    if not inside[neighbour]:
                        for target in range(nodes):
                            best[target] = min(best[target], new_cost + costs_to[target, neighbour])
            for cell in labelled:
                if cell >= 0:
                    cost_to[cell] = np.inf
            for target in range(nodes):
                if not is_pair[source, target]:
                    continue
                if current[source, target] == np.inf:
                    newly_connected[centre] += best[target] < np.inf
                elif best[target] < current[source, target] * (1 - COST_ROUNDING):
                    savings[centre] += current[source, target] - best[target]
        for index in range(count):
            inside[members[index]] = False
