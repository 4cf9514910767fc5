"""Estimates of memory and time, from measurements of the worker.

Seconds are those of compiled kernels on the reference machine, times the speed factor of this machine.
"""

from ..linalg import (
    FACTOR_SECONDS,
    HIERARCHY_SECONDS,
    ITERATION_SECONDS,
    NONSYMMETRIC_BYTES,
    NONSYMMETRIC_SECONDS,
    SUBSTITUTION_SECONDS,
    predicted_factor_bytes,
    select_solver,
)
from ..moving_window import MAX_FACTORED_WIDTH, WINDOWS_PER_CHUNK, WindowOperation
from ..parallel import cpu_count
from .machine_speed import speed_factors
from .task import ResourceEstimate

#: Memory of the worker with JAX and an empty job, and seconds until the computation starts.
BASE_BYTES = 350 << 20
START_SECONDS = 1.0

#: Seconds of the compilation of randomized paths, in every process: JAX does not cache programs with host callbacks.
COMPILE_SECONDS = 1.5

#: Bytes per cell of the raster for the graph and temporary arrays, and for each raster of unknowns. Searches without a
#: map, and components, need less; the memory of a solver includes most of the graph.
GRAPH_BYTES_PER_CELL = 300
SEARCH_GRAPH_BYTES_PER_CELL = 140
COMPONENTS_BYTES_PER_CELL = 120
SOLVED_GRAPH_BYTES_PER_CELL = 130
UNKNOWN_BYTES_PER_CELL = 48
SOLUTION_BYTES_PER_CELL = 8

#: Bytes per cell of the sources and sinks of a field, and of a potential, with the graph.
FIELD_BYTES_PER_CELL, POTENTIAL_BYTES_PER_CELL = 100, 180

#: Bytes per cell of a resistance map in addition to the factor: graph and selected inverse; each source.
MAP_GRAPH_BYTES_PER_CELL, MAP_BYTES_PER_CELL = 500, 64

#: Bytes per cell of the gradient of a symmetric system, for each right-hand side: differences along eight edges and
#: their products. The gradient of randomized paths has one target at a time.
GRADIENT_BYTES_PER_CELL = 180
RANDOMIZED_RASTERS, RANDOMIZED_GRADIENT_RASTERS = 12, 82

#: Bytes per cell of hitting probabilities of a target and the flow to it, in eight directions.
FLOW_BYTES_PER_CELL = 1400

#: Seconds per cell of a search for least-cost paths, and of its backtrace.
SEARCH_SECONDS = 1.6e-7
BACKTRACE_SECONDS = 1e-7

#: Seconds per cell of a linear system for expected visits, with its sums over edges.
PASSAGE_SECONDS = 4e-7

#: Iterations of multigrid in a typical landscape.
TYPICAL_ITERATIONS = 12

#: Bytes for every cell of every window of a batch, and for every cell of the tile that contains the windows: distances,
#: paths, qualities, graphs and temporary arrays; without and with the gradient.
WINDOW_BYTES_PER_CELL = (150, 900)
WINDOW_GRADIENT_BYTES_PER_CELL = (260, 1200)

#: Bytes for every cell of a window of currents that is too wide for a factor: multigrid and the currents, per thread.
WIDE_WINDOW_BYTES_PER_CELL = 1500

#: Bytes of the compiled kernels of currents in windows.
WINDOW_KERNEL_BYTES = 80 << 20

#: Seconds of one core for the currents of a window, per cell, and for its factor, per h w³.
CURRENT_SECONDS = 1e-7
FACTOR_ROW_SECONDS = 8e-12


def shortest_paths(
    cells: int, searches: int, rasters: int = 1, *, gradient: bool = False, is_map: bool = True
) -> ResourceEstimate:
    """Estimate searches for least-cost paths, with a number of result rasters in memory.

    Parameters
    ----------
    cells
        Cells of the raster.
    searches, rasters
        Number of searches, and of rasters in memory at once.
    gradient
        Whether the gradient is computed as well.
    is_map
        Whether the result is a map, and not paths or distances between nodes.
    """
    seconds = searches * cells * (SEARCH_SECONDS + (BACKTRACE_SECONDS if gradient else 0.0))
    graph = GRAPH_BYTES_PER_CELL if is_map else SEARCH_GRAPH_BYTES_PER_CELL
    return ResourceEstimate(
        BASE_BYTES + cells * (graph + UNKNOWN_BYTES_PER_CELL * rasters), START_SECONDS + speed_factors()[1] * seconds
    )


def components(cells: int) -> ResourceEstimate:
    """Estimate the labels of connected components, which take about as long as a search."""
    return ResourceEstimate(BASE_BYTES + cells * COMPONENTS_BYTES_PER_CELL, shortest_paths(cells, 1).seconds)


def flow_divergence(cells: int, *, on_landscape: bool) -> ResourceEstimate:
    """Estimate the sources and sinks of a flow, which are sums over the neighbours of each cell.

    Parameters
    ----------
    cells
        Cells of the raster.
    on_landscape
        Whether the flow is given by a potential on a landscape, which becomes a graph.
    """
    each = POTENTIAL_BYTES_PER_CELL if on_landscape else FIELD_BYTES_PER_CELL
    return ResourceEstimate(BASE_BYTES + cells * each, shortest_paths(cells, 1).seconds)


def resistance_map(shape: tuple[int, int], sources: int) -> ResourceEstimate:
    """Estimate a resistance map: a factorization, its selected inverse, and a solve for each source."""
    cells = shape[0] * shape[1]
    factor = predicted_factor_bytes(shape, symmetric=True)
    # The selected inverse takes about as long as the factorization.
    seconds = 2 * FACTOR_SECONDS * cells**1.5 + sources * SUBSTITUTION_SECONDS * cells
    return ResourceEstimate(
        BASE_BYTES + factor + cells * (MAP_GRAPH_BYTES_PER_CELL + MAP_BYTES_PER_CELL * sources),
        START_SECONDS + speed_factors()[0] * seconds,
    )


def symmetric_solves(shape: tuple[int, int], right_hand_sides: int, *, gradient: bool = False) -> ResourceEstimate:
    """Estimate symmetric linear systems, optionally with their gradient, for the solver that will be selected."""
    cells = shape[0] * shape[1]
    try:
        choice = select_solver(shape, right_hand_sides, symmetric=True)
    except MemoryError:
        # The job does not fit into memory: it is refused with this number.
        return ResourceEstimate(BASE_BYTES + predicted_factor_bytes(shape, symmetric=True))
    if choice.direct:
        seconds = speed_factors()[0] * (FACTOR_SECONDS * cells**1.5 + SUBSTITUTION_SECONDS * cells * right_hand_sides)
    else:
        seconds = (
            speed_factors()[1] * cells * (HIERARCHY_SECONDS + TYPICAL_ITERATIONS * ITERATION_SECONDS * right_hand_sides)
        )
    graph = GRAPH_BYTES_PER_CELL if choice.direct or gradient else SOLVED_GRAPH_BYTES_PER_CELL
    # The memory of multigrid includes the solutions.
    solution = SOLUTION_BYTES_PER_CELL if choice.direct else 0
    each = GRADIENT_BYTES_PER_CELL if gradient else solution
    nbytes = BASE_BYTES + choice.bytes + cells * (graph + each * right_hand_sides)
    return ResourceEstimate(nbytes, START_SECONDS + seconds)


def randomized_paths(shape: tuple[int, int], targets: int, *, gradient: bool = False) -> ResourceEstimate:
    """Estimate nonsymmetric linear systems, one after the other, for the solver that will be selected."""
    cells = shape[0] * shape[1]
    rasters = 1 + (RANDOMIZED_GRADIENT_RASTERS if gradient else RANDOMIZED_RASTERS)
    rasters_bytes = cells * (GRAPH_BYTES_PER_CELL + UNKNOWN_BYTES_PER_CELL * rasters)
    try:
        choice = select_solver(shape, 1, symmetric=False)
    except MemoryError:
        # The job does not fit into memory: it is refused with this number.
        return ResourceEstimate(BASE_BYTES + NONSYMMETRIC_BYTES * cells + rasters_bytes)
    if not choice.direct:
        seconds = speed_factors()[1] * targets * (2 if gradient else 1) * NONSYMMETRIC_SECONDS * cells
        return ResourceEstimate(BASE_BYTES + choice.bytes + rasters_bytes, START_SECONDS + COMPILE_SECONDS + seconds)
    # A nonsymmetric factor has twice the entries and takes twice the time.
    seconds_per_target = 2 * FACTOR_SECONDS * cells**1.5 + (4 if gradient else 2) * SUBSTITUTION_SECONDS * cells
    # The factor of the previous target may still be cached.
    seconds = speed_factors()[0] * targets * seconds_per_target
    return ResourceEstimate(BASE_BYTES + 2 * choice.bytes + rasters_bytes, START_SECONDS + COMPILE_SECONDS + seconds)


def passages(shape: tuple[int, int], targets: int, flows: int) -> ResourceEstimate:
    """Estimate passages of randomized paths to targets, with linear systems for expected visits."""
    systems, cells = randomized_paths(shape, targets), shape[0] * shape[1]
    return ResourceEstimate(
        systems.bytes + FLOW_BYTES_PER_CELL * cells,
        None if systems.seconds is None else systems.seconds + speed_factors()[0] * flows * PASSAGE_SECONDS * cells,
    )


def moving_currents(
    half_window: tuple[int, int],
    all_windows: WindowOperation,
    tiles: WindowOperation,
    *,
    potential: bool = False,
    gradient: bool = False,
) -> ResourceEstimate:
    """Estimate the currents of moving windows, or their gradient, with one batch in memory.

    A narrow window of h × w cells is factorized in h w³ operations; the currents take time proportional to its cells.
    """
    height, width = 2 * half_window[0] + 1, 2 * half_window[1] + 1
    cells, narrow = height * width, width <= MAX_FACTORED_WIDTH
    windows_in_batch = (tiles.core[0] // all_windows.core[0]) * (tiles.core[1] // all_windows.core[1])
    tile = tiles.window_shape[0] * tiles.window_shape[1]
    maps = 2 if potential or gradient else 1
    chunks = -(-windows_in_batch // WINDOWS_PER_CHUNK)
    # The gradient has an entry for every edge and every source.
    rasters = 9 if gradient else maps
    nbytes = tile * (GRAPH_BYTES_PER_CELL * maps + 8 * rasters * chunks) + cpu_count() * maps * cells * (
        8 * width if narrow else WIDE_WINDOW_BYTES_PER_CELL
    )
    window_seconds = CURRENT_SECONDS * cells * maps + (
        FACTOR_ROW_SECONDS * cells * width**2 if narrow else CURRENT_SECONDS * cells
    )
    return ResourceEstimate(
        BASE_BYTES + WINDOW_KERNEL_BYTES + int(nbytes),
        START_SECONDS + speed_factors()[0] * window_seconds * all_windows.count / cpu_count(),
    )
