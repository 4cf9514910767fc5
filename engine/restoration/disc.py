"""What restoring a whole disc takes off least costs: exactly, by a search that stays near the disc.

With all cells of a disc D at their new permeability, a path from s to t that gains by it enters D and leaves it for the
last time. Before the first entry it runs through the landscape as it is, at the cost d_s of a search that was made
already, and after the last exit at the cost d_t. Between the two it may leave D and come back, so a search starts from
all cells of D at once, with what it costs to reach them, and goes on beyond D as long as coming back could still pay:
no way on from D costs less than

    m_t = min over cells b of D of ( d_t(b), the least of c'(b, k) + d_t(k) over neighbours k ∉ D ),

so what is reached at more than the best way found so far less m_t is of no use.
"""

from collections.abc import Callable
from heapq import heappop, heappush

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from ..graph.grid_graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg.stencil_matrix import neighbour_offsets
from ..parallel.numba_jit import cpu_count, njit_cached, parallel_starmap
from .base import RestorationGain, restored_permeability
from .least_cost import LeastCostRestoration
from .search_window import window_of

#: Parts of the landscape that are worked on before progress is told.
TURNS = 20

#: Of two costs that differ by less than this part, the difference is rounding.
ROUNDING = 1e-13


def disc_restoration(
    least_costs: LeastCostRestoration,
    radius: float,
    restored: ArrayInput,
    restorable: Bool[np.ndarray, "rows columns"] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> RestorationGain:
    """Return by how much least costs fall when all cells of a disc around a cell are raised, for every cell.

    Parameters
    ----------
    least_costs
        The least costs of a landscape between focal nodes.
    radius
        In map units; cells whose centres are no further from the centre of a cell belong to its disc.
    restored
        Permeability of a restored cell: one number, or one for each cell. Cells that have more keep it.
    restorable
        Which cells could be restored; by default those that are active. Others stay as they are, and have no disc.
    progress
        Called with the number of parts of the landscape done and of all.

    Raises
    ------
    ValueError
        A radius or a permeability that is not a positive number; a raster of another shape.

    Examples
    --------
    >>> from ..graph.focal_nodes import FocalNodes
    >>> grid = GridGraph(np.array([[1.0, 0.5, 0.1, 0.5, 1.0]]), edge_rule="resistance")
    >>> ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([4])))
    >>> disc_restoration(LeastCostRestoration(grid, ends), radius=1.0, restored=1.0).gain
    array([[ 1., 10., 11., 10.,  1.]])
    """
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"the radius of a restored disc must be a positive number, not {radius:g}")
    grid = least_costs.grid
    permeability, looked_at = restored_permeability(grid, restored, restorable)
    own = np.where(np.asarray(grid.active), np.asarray(grid.permeability), 0.0)
    everywhere = GridGraph(
        jnp.asarray(np.where(looked_at, permeability, own)),
        neighbors=grid.neighbors,
        edge_rule=grid.edge_rule,
        pixel_size=grid.pixel_size,
    )
    one_raised = grid.conductances_if_cell_set_to(permeability)
    prices = [
        least_costs.priced(concrete_or_none(edges)).reshape(grid.directions, -1)
        for edges in (grid.edges, *one_raised, everywhere.edges)
    ]
    count, size = len(least_costs.nodes), looked_at.size
    now = np.array([[least_costs.between(one, other) for other in range(count)] for one in range(count)])
    asked = np.zeros((count, count), bool)
    asked[tuple(np.array(least_costs.pairs).T)] = True
    disc = window_of(grid, radius)
    around = np.argwhere(disc) - np.array(disc.shape) // 2
    saved, joined = np.zeros(size), np.zeros(size, np.int64)
    fixed = (
        around,
        np.array(neighbour_offsets(grid.directions)),
        grid.width,
        looked_at.ravel(),
        *prices,
        np.stack(least_costs.costs_from).reshape(count, -1),
        np.stack(least_costs.costs_to).reshape(count, -1),
        now,
        asked,
        saved,
        joined,
    )
    cuts = np.linspace(0, size, TURNS * cpu_count() + 1).astype(int)
    for turn in range(TURNS):
        mine = cuts[turn * cpu_count() : (turn + 1) * cpu_count() + 1]
        parallel_starmap(_gains, [(start, stop, *fixed) for start, stop in zip(mine[:-1], mine[1:], strict=True)])
        if progress is not None:
            progress(turn + 1, TURNS)
    return least_costs.summed_up(saved.reshape(grid.shape), joined.reshape(grid.shape), looked_at)


@njit_cached
def _gains(
    start,
    stop,
    around,
    steps,
    width,
    restorable,
    as_is,
    out,
    into,
    both,
    costs_from,
    costs_to,
    now,
    asked,
    saved,
    joined,
):
    """Add up over all pairs what a disc around each cell from `start` to `stop` takes off their costs.

    Parameters
    ----------
    around
        Rows and columns of the cells of a disc, from its centre.
    steps
        Rows and columns of the neighbours.
    restorable
        Which cells are raised if a disc holds them.
    as_is, out, into, both
        Costs (directions, cells) of the step from a cell to its neighbour as it is, if the cell is raised, if both
        are; and of that from the neighbour to the cell, if the cell is raised.
    costs_from, costs_to
        From and to every focal node as it is, (nodes, cells).
    now
        Between focal nodes as it is.
    asked
        Which pairs.
    saved, joined
        Changed in place: the sum over connected pairs, and how many pairs are joined.
    """
    size = restorable.size
    height = size // width
    directions, nodes = steps.shape[0], now.shape[0]
    opposite = np.empty(directions, np.int64)
    for one in range(directions):
        for other in range(directions):
            if steps[one, 0] == -steps[other, 0] and steps[one, 1] == -steps[other, 1]:
                opposite[one] = other
    inside = np.zeros(size, np.bool_)
    label = np.full(size, np.inf)
    members = np.empty(around.shape[0], np.int64)
    least, best = np.empty(nodes), np.empty(nodes)
    for centre in range(start, stop):
        if not restorable[centre]:
            continue
        count = 0
        for place in range(around.shape[0]):
            row, column = centre // width + around[place, 0], centre % width + around[place, 1]
            if 0 <= row < height and 0 <= column < width and restorable[row * width + column]:
                members[count] = row * width + column
                inside[members[count]] = True
                count += 1
        for target in range(nodes):
            least[target] = np.inf
            for place in range(count):
                cell = members[place]
                least[target] = min(least[target], costs_to[target, cell])
                for step in range(directions):
                    row, column = cell // width + steps[step, 0], cell % width + steps[step, 1]
                    if 0 <= row < height and 0 <= column < width and not inside[row * width + column]:
                        on = out[step, cell] + costs_to[target, row * width + column]
                        least[target] = min(least[target], on)
        for source in range(nodes):
            heap = [(np.inf, np.int64(0))]
            touched = [np.int64(-1)]
            for place in range(count):
                cell = members[place]
                reached = costs_from[source, cell]
                for step in range(directions):
                    row, column = cell // width + steps[step, 0], cell % width + steps[step, 1]
                    if 0 <= row < height and 0 <= column < width and not inside[row * width + column]:
                        reached = min(reached, costs_from[source, row * width + column] + into[step, cell])
                if reached < np.inf:
                    label[cell] = reached
                    touched.append(cell)
                    heappush(heap, (reached, cell))
            for target in range(nodes):
                best[target] = now[source, target]
            while len(heap) > 1:
                cost, cell = heappop(heap)
                if cost > label[cell]:
                    continue
                useful = -np.inf
                for target in range(nodes):
                    if asked[source, target]:
                        if inside[cell]:
                            best[target] = min(best[target], cost + costs_to[target, cell])
                        # Of a target that is still out of reach any way is of use, unless none can lead there.
                        if least[target] < np.inf:
                            useful = max(useful, best[target] - least[target])
                if cost >= useful:
                    break
                for step in range(directions):
                    row, column = cell // width + steps[step, 0], cell % width + steps[step, 1]
                    if not (0 <= row < height and 0 <= column < width):
                        continue
                    there = row * width + column
                    if inside[cell]:
                        price = both[step, cell] if inside[there] else out[step, cell]
                    else:
                        price = into[opposite[step], there] if inside[there] else as_is[step, cell]
                    then = cost + price
                    known_cost = label[there]
                    if not inside[there]:
                        known_cost = min(known_cost, costs_from[source, there])
                    if not then < known_cost:
                        continue
                    label[there] = then
                    touched.append(there)
                    heappush(heap, (then, there))
                    if not inside[there]:
                        for target in range(nodes):
                            best[target] = min(best[target], then + costs_to[target, there])
            for cell in touched:
                if cell >= 0:
                    label[cell] = np.inf
            for target in range(nodes):
                if not asked[source, target]:
                    continue
                if now[source, target] == np.inf:
                    joined[centre] += best[target] < np.inf
                elif best[target] < now[source, target] * (1 - ROUNDING):
                    saved[centre] += now[source, target] - best[target]
        for place in range(count):
            inside[members[place]] = False
