"""What jobs need, from measurements of the worker's peak memory and time.

Seconds are those of warm compiled kernels on the machine of the constants, times how slow this machine is.
"""

from ..linalg.auto import (
    FACTOR_SECONDS,
    HIERARCHY_SECONDS,
    ITERATION_SECONDS,
    NONSYMMETRIC_BYTES,
    NONSYMMETRIC_SECONDS,
    SUBSTITUTION_SECONDS,
    select_solver,
)
from ..linalg.nested_dissection import predicted_factor_bytes
from ..moving_window.current_batch import WINDOWS_PER_CHUNK
from ..moving_window.window_circuit import MAX_FACTORED_WIDTH
from ..moving_window.window_operation import WindowOperation
from ..parallel.numba_jit import cpu_count
from .machine_speed import speed_factors
from .task import ResourceEstimate

#: The worker with JAX and an empty job: bytes, and seconds until it starts to compute.
BASE = 350 << 20
START_SECONDS = 1.0

#: Seconds in which randomized paths are compiled, in every process anew: JAX keeps no programs that call the host.
COMPILE_SECONDS = 1.5

#: Bytes per cell of the raster for the graph itself and what is computed on it, and for each raster-sized unknown.
GRAPH = 400
UNKNOWN = 48

#: Seconds per cell of a search for cheapest paths, and of its way back.
SEARCH_SECONDS = 1.6e-7
WAY_BACK_SECONDS = 1e-7

#: Seconds per cell of a system of what passes, with its sums over edges.
PASSAGE_SECONDS = 4e-7

#: Iterations of multigrid in a landscape of middling difficulty.
MIDDLING = 12

#: Bytes for every cell of every window of a batch: distances, ways, qualities, and what is in between.
WINDOW_CELL = 150

#: Seconds of one core for the currents of a window, per cell, and for its factor, per h w³.
CURRENT_SECONDS = 1e-7
ROWWISE_SECONDS = 8e-12


def shortest_paths(cells: int, searches: int, rasters: int = 1, *, gradient: bool = False) -> ResourceEstimate:
    """Forecast so many searches for cheapest paths, with so many rasters of results at once."""
    seconds = searches * cells * (SEARCH_SECONDS + (WAY_BACK_SECONDS if gradient else 0.0))
    return ResourceEstimate(BASE + cells * (GRAPH + UNKNOWN * rasters), START_SECONDS + speed_factors()[1] * seconds)


def resistance_map(shape: tuple[int, int], sources: int) -> ResourceEstimate:
    """Forecast the resistance of every cell to some sources: a factor, its selected inverse, a solve each."""
    cells = shape[0] * shape[1]
    factor = predicted_factor_bytes(shape, symmetric=True)
    # The selected inverse takes about as long as the factor.
    seconds = 2 * FACTOR_SECONDS * cells**1.5 + sources * SUBSTITUTION_SECONDS * cells
    return ResourceEstimate(
        BASE + factor + cells * (GRAPH + UNKNOWN * sources), START_SECONDS + speed_factors()[0] * seconds
    )


def symmetric_solves(shape: tuple[int, int], right_hand_sides: int) -> ResourceEstimate:
    """Forecast symmetric systems, with their gradient, by the solver that will be chosen for them."""
    cells = shape[0] * shape[1]
    try:
        choice = select_solver(shape, right_hand_sides, symmetric=True)
    except MemoryError:
        # The plugin refuses what does not fit; it needs the number to say why.
        return ResourceEstimate(BASE + predicted_factor_bytes(shape, symmetric=True))
    if choice.direct:
        seconds = speed_factors()[0] * (FACTOR_SECONDS * cells**1.5 + SUBSTITUTION_SECONDS * cells * right_hand_sides)
    else:
        seconds = speed_factors()[1] * cells * (HIERARCHY_SECONDS + MIDDLING * ITERATION_SECONDS * right_hand_sides)
    # What multigrid needs includes the graph.
    graph = GRAPH if choice.direct else UNKNOWN
    return ResourceEstimate(BASE + choice.bytes + cells * (graph + 2 * UNKNOWN), START_SECONDS + seconds)


def randomized_paths(
    shape: tuple[int, int], targets: int, rasters: int = 1, *, gradient: bool = False
) -> ResourceEstimate:
    """Forecast so many nonsymmetric systems, one after the other, by the solver that will be chosen for them."""
    cells = shape[0] * shape[1]
    kept = cells * (GRAPH + UNKNOWN * (rasters + (40 if gradient else 10)))
    try:
        choice = select_solver(shape, 1, symmetric=False)
    except MemoryError:
        # The plugin refuses what does not fit; it needs the number to say why.
        return ResourceEstimate(BASE + NONSYMMETRIC_BYTES * cells + kept)
    if not choice.direct:
        seconds = speed_factors()[1] * targets * (2 if gradient else 1) * NONSYMMETRIC_SECONDS * cells
        return ResourceEstimate(BASE + choice.bytes + kept, START_SECONDS + COMPILE_SECONDS + seconds)
    # Not symmetric: twice the numbers in a factor, and the time.
    each = 2 * FACTOR_SECONDS * cells**1.5 + (4 if gradient else 2) * SUBSTITUTION_SECONDS * cells
    # The factor of the target before may still be kept.
    seconds = speed_factors()[0] * targets * each
    return ResourceEstimate(BASE + 2 * choice.bytes + kept, START_SECONDS + COMPILE_SECONDS + seconds)


def passages(shape: tuple[int, int], targets: int, flows: int) -> ResourceEstimate:
    """Forecast passages of randomized paths to so many targets, with so many systems of what passes in all."""
    walks, cells = randomized_paths(shape, targets), shape[0] * shape[1]
    # Two sums over edges, the chances of one target and what passes to it, in eight directions each.
    return ResourceEstimate(
        walks.bytes + 8 * UNKNOWN * cells,
        None if walks.seconds is None else walks.seconds + speed_factors()[0] * flows * PASSAGE_SECONDS * cells,
    )


def moving_currents(
    reach: tuple[int, int],
    all_windows: WindowOperation,
    tiles: WindowOperation,
    *,
    potential: bool = False,
    gradient: bool = False,
) -> ResourceEstimate:
    """Forecast the currents of moving windows, or their gradient, of which one batch is in memory.

    A window of h × w cells is factored in h w³ as long as it is narrow; the currents take as long as there are cells.
    """
    height, width = 2 * reach[0] + 1, 2 * reach[1] + 1
    cells, narrow = height * width, width <= MAX_FACTORED_WIDTH
    together = (tiles.core[0] // all_windows.core[0]) * (tiles.core[1] // all_windows.core[1])
    tile = tiles.window_shape[0] * tiles.window_shape[1]
    maps = 2 if potential or gradient else 1
    parts = -(-together // WINDOWS_PER_CHUNK)
    # Of the gradient, a number by every edge and every source.
    rasters = 9 if gradient else maps
    held = tile * (GRAPH * maps + 8 * rasters * parts) + cpu_count() * maps * cells * (8 * width if narrow else GRAPH)
    each = CURRENT_SECONDS * cells * maps + (ROWWISE_SECONDS * cells * width**2 if narrow else CURRENT_SECONDS * cells)
    return ResourceEstimate(
        BASE + int(held), START_SECONDS + speed_factors()[0] * each * all_windows.count / cpu_count()
    )
