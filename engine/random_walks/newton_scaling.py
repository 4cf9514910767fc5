"""Log scaling of an absorbing random walk by Newton's method, in which its transition weights become probabilities.

In the log scale φ the weights of the transitions are W̃_ij = W_ij exp(φ_i − φ_j). If every row sums to one, exp(−φ) is
the hitting weight z = W z of the target. Newton's method for log Σ_j W̃_ij = 0 divides the rows by their sums,
p_ij = W̃_ij / Σ_j W̃_ij, and solves Σ_j p_ij (δ_i − δ_j) = −log Σ_j W̃_ij for the change δ of φ. This is policy iteration
for the free energy φ (Todorov 2009): from the first step on φ decreases monotonically, and in the end it converges
quadratically.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Float64, Int, Int32

from ..linalg import (
    FLOAT32,
    HIERARCHY_CACHE,
    QUEEN_OFFSETS,
    ROWS_PER_CHUNK,
    UNORDERED,
    Hierarchy,
    Ordering,
    ScaledHierarchy,
    VCycle,
    build,
    orderings_on_all_levels,
    solve_gcr,
)
from ..parallel import parallel_starmap
from ..shortest_paths import dijkstra_search, stencil_offsets, validate_costs
from .log_scaling import SMALLEST_LOG_SCALE, entropy_fraction, invalid_cost_message
from .newton_kernels import log_weight_differences, normalized_weights, upwind_gauss_seidel, upwind_guess
from .transition_data import TransitionData
from .transition_kernels import compute_edge_energies, compute_log_probabilities, subtract_energies

#: Rows of the workspace: eight for the log weights, eight for the edge energies.
WORKSPACE_ROWS = 16

#: Largest number of Newton steps.
MAX_NEWTON_STEPS = 25

#: Newton's method ends when a step changes no log scale by more than this. The rows then sum to one nearly enough for
#: the hierarchy of that step to precondition the final system.
MAX_LAST_STEP = 1.0

#: Rows whose log sum exceeds this in magnitude are first relaxed one by one: Newton's method starts too far away there.
MAX_LOG_ROW_SUM = 3.0

#: Relative residual at which a Newton step is accurate enough, and largest number of V-cycles for it.
STEP_TOLERANCE = 0.05
MAX_CYCLES = 12

#: A larger step comes from a cell that has hardly any weight to reach the target; Newton's method then gives up.
MAX_STEP = 1e4


class ScalingResult(NamedTuple):
    """Log scale, downstream ordering, and what a solver needs to solve in that scale.

    Attributes
    ----------
    log_scale
        φ, padded; infinite where the target cannot be reached.
    position
        Position of each cell in the ordering, 0 for the one nearest to the target; `UNORDERED` for the target itself
        and for cells that cannot reach it.
    hierarchy
        Of the system in the log scale before the last Newton step; None where Newton's method failed.
    factor
        exp of the last Newton step, padded: the similarity scaling between the systems before and after it.
    log_weights
        log W of the transitions from every cell, in the directions of `QUEEN_OFFSETS`.
    """

    log_scale: Float64[np.ndarray, " padded"]
    position: Int32[np.ndarray, "rows columns"]
    hierarchy: Hierarchy | None
    factor: Float32[np.ndarray, " padded"]
    log_weights: Float64[np.ndarray, "cells 8"]


def newton_log_scaling(
    transitions: TransitionData,
    theta: float,
    target: int,
    workspace: Float64[np.ndarray, "workspace_rows cells"],
    newton_steps: int = MAX_NEWTON_STEPS,
) -> ScalingResult:
    """Find the log scale φ ≈ −log z, z being the hitting weight of a target.

    Parameters
    ----------
    transitions
        Conductances, of which only the ratios between the transitions of a cell matter, and costs ≥ 0.
    theta
        Inverse temperature θ.
    target
        Flat raster index.
    workspace
        At least `WORKSPACE_ROWS` rows. The log weights of the result are a view of it; when they are no longer needed
        it can be used again, which is faster than writing to new memory.
    newton_steps
        Largest number of Newton steps.

    Raises
    ------
    ValueError
        A cost is negative or NaN.

    References
    ----------
    Todorov, E. (2009). Efficient computation of optimal actions. PNAS 106, 11478–11483.
    """
    shape = transitions.shape
    log_weights, energy, order = _log_weights_and_energies(transitions, theta, target, workspace)
    position = np.full(transitions.n_cells, UNORDERED, np.int32)
    position[order] = np.arange(-1, order.size - 1, dtype=np.int32)
    position[target] = UNORDERED
    position = position.reshape(shape.rows, shape.columns)
    orderings = orderings_on_all_levels(position)
    log_scale = np.full(shape.size, np.inf)
    shape.inside(log_scale)[:] = energy.reshape(shape.rows, shape.columns)
    offsets = np.array([down * shape.width + right for down, right in QUEEN_OFFSETS])
    walk = _LogWalk(log_weights, offsets, transitions.padded_index(target))
    log_scale += _first_correction(orderings[0], walk, log_scale)
    hierarchy, factor = _newton(orderings, walk, log_scale, newton_steps)
    if hierarchy is not None:
        small = log_scale < SMALLEST_LOG_SCALE
        factor[small] *= np.exp(-log_scale[small])
        log_scale[small] = 0
    return ScalingResult(log_scale, position, hierarchy, factor, log_weights)


def cached_log_scaling(
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    newton_steps: int = MAX_NEWTON_STEPS,
) -> tuple[Float[Array, "rows columns"], Int32[Array, "rows columns"], Int[Array, ""]]:
    """Find the log scale by `newton_log_scaling`, and cache the hierarchy for an `OrderedSystem`; not differentiable.

    Returns
    -------
    log_scale, position, hierarchy_key
        See `ScalingResult` and `OrderedSystem`; the key is 0 where Newton's method failed.
    """
    shape = conductances.shape[1:]
    result = (
        jax.ShapeDtypeStruct(shape, jnp.float64),
        jax.ShapeDtypeStruct(shape, jnp.int32),
        jax.ShapeDtypeStruct((), jnp.int64),
    )

    def on_cpu(conductances, costs, theta, target) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log scale, ordering and key, from NumPy arrays."""
        conductances, costs, target = np.asarray(conductances), np.asarray(costs), int(target)
        key = HIERARCHY_CACHE.new_key()
        if not 0 <= target < shape[0] * shape[1]:
            return np.full(shape, np.inf), np.full(shape, UNORDERED, np.int32), np.array(key)
        transitions = TransitionData.from_arrays(conductances, costs, undirected=False)
        workspace = np.empty((WORKSPACE_ROWS, transitions.n_cells))
        scaling = newton_log_scaling(transitions, float(theta), target, workspace, newton_steps)
        log_scale = transitions.shape.inside(scaling.log_scale)
        if scaling.hierarchy is None:
            return log_scale, scaling.position, np.array(0)
        HIERARCHY_CACHE.store(key, ScaledHierarchy(scaling.hierarchy, scaling.factor))
        return log_scale, scaling.position, np.array(key)

    return jax.pure_callback(on_cpu, result, conductances, costs, theta, target, vmap_method="sequential")


class _LogWalk(NamedTuple):
    """Log weights of the transitions, padded offsets of the neighbours, padded index of the target."""

    log_weights: Float64[np.ndarray, "cells 8"]
    offsets: np.ndarray
    target: int


def _log_weights_and_energies(
    transitions: TransitionData, theta: float, target: int, workspace: np.ndarray
) -> tuple[Float64[np.ndarray, "cells 8"], Float64[np.ndarray, " cells"], Int[np.ndarray, " reached"]]:
    """Return log W, the energy of the least-energy path from every cell to the target, and the cells in that order."""
    shape, chunks = transitions.shape, transitions.chunks
    edges = (transitions.costs, transitions.edge_offsets, transitions.edge_ends, transitions.directions, theta)
    n_directions, n_cells = len(transitions.directions), transitions.n_cells
    log_probabilities, mean_energy = workspace[:8].reshape(n_cells, 8), np.empty(n_cells)
    args = (transitions.conductances, *edges, log_probabilities, mean_energy)
    invalid = sum(parallel_starmap(compute_log_probabilities, [(*args, *chunk) for chunk in chunks]))
    if invalid:
        raise ValueError(invalid_cost_message(invalid))
    energies = workspace[8 : 8 + n_directions].reshape(n_directions, shape.rows, shape.columns)
    fraction = entropy_fraction(mean_energy, n_directions)
    args = (log_probabilities, *edges, fraction, energies.reshape(n_directions, -1))
    parallel_starmap(compute_edge_energies, [(*args, *chunk) for chunk in chunks])
    offsets = stencil_offsets(energies.shape, reverse=True, undirected=False)
    forest = dijkstra_search(validate_costs(energies), offsets, n_cells, [(np.array([target]), np.zeros(1))])
    parallel_starmap(subtract_energies, [(log_probabilities, *edges, *chunk) for chunk in chunks])
    log_weights, order = log_probabilities, forest.order[0]
    return log_weights, forest.distance[0], order[: np.searchsorted(order < 0, True)].astype(np.int64)


def _first_correction(ordering: Ordering, walk: _LogWalk, log_scale: np.ndarray) -> np.ndarray:
    """Return the change of the log scale by `upwind_guess`, padded."""
    change = np.zeros(ordering.shape.size)
    differences = _log_weight_differences(ordering.order, walk, log_scale, ordering.shape.width)
    upwind_guess(differences, walk.offsets, ordering.order, ordering.position, walk.target, change)
    return change


def _newton(
    orderings: list[Ordering], walk: _LogWalk, log_scale: np.ndarray, max_steps: int
) -> tuple[Hierarchy | None, np.ndarray]:
    """Update the log scale in place until it hardly changes; return the last hierarchy, and exp of the last step.

    The hierarchy is None if the method failed; the other array then has no meaning.
    """
    shape = orderings[0].shape
    off_diagonals = tuple(np.zeros(shape.size, FLOAT32) for _ in range(8))
    row_sums, inverse_diagonal, log_row_sums = (np.zeros(shape.size, FLOAT32) for _ in range(3))
    args = (*walk, log_scale, off_diagonals, row_sums, inverse_diagonal, log_row_sums, shape.width)
    for _ in range(max_steps):
        largest = max(parallel_starmap(normalized_weights, [(*args, *band) for band in shape.bands]))
        if largest > MAX_LOG_ROW_SUM:
            _relax_blocks(orderings[0], walk, log_scale)
            largest = max(parallel_starmap(normalized_weights, [(*args, *band) for band in shape.bands]))
        if not np.isfinite(largest):
            break
        hierarchy = build(orderings, off_diagonals, row_sums, inverse_diagonal)
        cycle = VCycle(hierarchy)
        step, residual = solve_gcr(cycle, -log_row_sums, tolerance=STEP_TOLERANCE, max_cycles=MAX_CYCLES)
        step_size = np.abs(step).max()
        if not step_size < MAX_STEP:
            break
        log_scale += step
        if step_size < MAX_LAST_STEP and residual < 1:
            return hierarchy, np.exp(step)
    return None, log_row_sums


def _relax_blocks(ordering: Ordering, walk: _LogWalk, log_scale: np.ndarray) -> None:
    """Relax Σ_j W̃_ij = 1 cell by cell, in place; a block reads the values that the others had before."""
    width, calls, starts = ordering.shape.width, [], []
    for start, order in ordering.blocks():
        differences = _log_weight_differences(order + np.int32(start), walk, log_scale, width)
        calls.append((differences, walk.offsets, order, np.zeros(log_scale.size - start)))
        starts.append(start)
    parallel_starmap(upwind_gauss_seidel, calls)
    for start, (*_, change) in zip(starts, calls, strict=True):
        log_scale[start:] += change


def _log_weight_differences(
    order: np.ndarray, walk: _LogWalk, log_scale: np.ndarray, width: int
) -> Float32[np.ndarray, "n 8"]:
    """Return log W̃_ij = log W_ij + φ_i − φ_j of the cells in an order."""
    result = np.empty((order.size, 8), FLOAT32)
    chunks = [slice(first, first + ROWS_PER_CHUNK) for first in range(0, order.size, ROWS_PER_CHUNK)]
    args = (log_scale, width)
    parallel_starmap(
        log_weight_differences,
        [(walk.log_weights, walk.offsets, order[chunk], *args, result[chunk]) for chunk in chunks],
    )
    return result
