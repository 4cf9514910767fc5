"""Hitting probabilities of one target on the CPU, in one step from conductances and costs."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..linalg import (
    NAME,
    UNORDERED,
    KrylovWorkspace,
    NonsymmetricMultigrid,
    PaddedStencil,
    VCycle,
    log_solve,
    solve_fgmres,
)
from ..parallel import parallel_starmap
from .newton_scaling import MAX_NEWTON_STEPS, newton_log_scaling
from .transition_data import TransitionData
from .transition_kernels import cost_rhs, scaled_weights

Raster = Float[np.ndarray, "rows columns"]


class HittingResult(NamedTuple):
    """As `hitting.HittingSolution`; the rasters mean nothing unless `converged`."""

    log_scale: Raster
    scaled: Raster
    accumulated_cost: Raster
    converged: bool


def solve_hitting_cpu(
    solver: NonsymmetricMultigrid,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    *,
    undirected: bool,
    accumulated_cost: bool,
    newton_steps: int = MAX_NEWTON_STEPS,
) -> tuple[Float[Array, "rows columns"], Float[Array, "rows columns"], Float[Array, "rows columns"], Bool[Array, ""]]:
    """Solve for hitting probabilities by `newton_log_scaling` and nonsymmetric multigrid; not differentiable.

    Parameters
    ----------
    solver
        Tolerance and largest number of iterations.
    conductances, costs, undirected
        As for `TransitionData.from_arrays`.
    theta, target, accumulated_cost
        As for `hitting.solve_hitting`.
    newton_steps
        Largest number of Newton steps for the log scaling.

    Returns
    -------
    log_scale, scaled, accumulated_cost, converged
        See `HittingResult`.
    """
    raster = jax.ShapeDtypeStruct(conductances.shape[1:], jnp.float64)
    result = (raster, raster, raster, jax.ShapeDtypeStruct((), bool))
    on_cpu = partial(
        _solve,
        undirected=undirected,
        accumulated_cost=accumulated_cost,
        tolerance=solver.tolerance,
        iterations=solver.iterations,
        newton_steps=newton_steps,
    )
    return jax.pure_callback(on_cpu, result, conductances, costs, theta, target, vmap_method="sequential")


def _solve(
    conductances, costs, theta, target, *, undirected: bool, **options
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    conductances, costs, target = np.asarray(conductances), np.asarray(costs), int(target)
    rows, columns = conductances.shape[1:]
    if not 0 <= target < rows * columns:
        zeros = np.zeros((rows, columns))
        return np.full((rows, columns), np.inf), zeros, zeros, np.array(True)
    transitions = TransitionData.from_arrays(conductances, costs, undirected=undirected)
    *rasters, converged = _solve_transitions(transitions, float(theta), target, **options)
    return *rasters, np.array(converged)


def _solve_transitions(
    transitions: TransitionData,
    theta: float,
    target: int,
    *,
    accumulated_cost: bool,
    tolerance: float,
    iterations: int,
    newton_steps: int,
) -> HittingResult:
    shape, costs, offsets = transitions.shape, transitions.costs, transitions.offsets
    workspace = KrylovWorkspace.allocate(shape)
    scaling = newton_log_scaling(transitions, theta, target, workspace.basis, newton_steps)
    log_scale = shape.inside(scaling.log_scale)
    if scaling.hierarchy is None:
        return HittingResult(log_scale, log_scale, log_scale, False)
    edges, padded_target = np.empty((offsets.size, transitions.n_cells)), transitions.padded_index(target)
    args = (scaling.log_weights, offsets, transitions.directions, padded_target, scaling.log_scale, edges, shape.width)
    parallel_starmap(scaled_weights, [(*args, *band) for band in shape.bands])
    matrix = PaddedStencil(shape, np.ones(transitions.n_cells), edges, offsets, scaling.factor)
    solver_args = (matrix, VCycle(scaling.hierarchy), workspace)
    b, initial_guess = np.zeros(transitions.n_cells), np.zeros(shape.size)
    b[target] = 1
    # In log scale hitting probabilities are about the same everywhere.
    shape.inside(initial_guess)[:] = scaling.position < UNORDERED
    initial_guess[padded_target] = 1
    results = [solve_fgmres(*solver_args, b, initial_guess, tolerance, iterations)]
    if accumulated_cost and results[0].converged:
        edge_args = (transitions.edge_offsets, transitions.edge_ends, offsets)
        args = (edges, costs, *edge_args, results[0].x, b, shape.width)
        parallel_starmap(cost_rhs, [(*args, *band) for band in shape.bands])
        results.append(solve_fgmres(*solver_args, b, np.zeros(shape.size), tolerance, iterations))
    for result in results:
        log_solve(NAME, 1, result.iterations, result.residuals)
    rasters = [shape.inside(result.x) for result in results]
    return HittingResult(log_scale, rasters[0], rasters[-1], results[-1].converged)
