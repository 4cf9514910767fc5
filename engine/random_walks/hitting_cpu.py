"""Free energy and expected cost of the walks to one target on the CPU, in one step from conductances and costs."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..linalg import (
    NAME,
    UNORDERED,
    KrylovResult,
    KrylovWorkspace,
    NonsymmetricMultigrid,
    PaddedStencil,
    VCycle,
    log_solve,
    solve_fgmres,
)
from ..parallel import parallel_starmap
from .newton_scaling import MAX_NEWTON_STEPS, newton_log_scaling
from .residuals import CORRECTION_TOL, MAX_ERROR, MAX_REFINEMENTS, MAX_WEIGHT_REDUCTION, needs_refinement
from .transition_data import TransitionData
from .transition_kernels import (
    compute_cost_rhs,
    compute_expected_cost_residual,
    compute_free_energy_residual,
    compute_off_diagonals,
)

Raster = Float[np.ndarray, "rows columns"]


class HittingResult(NamedTuple):
    """As `hitting_system.HittingSolution`, with infinite free energy where the target cannot be reached.

    The rasters mean nothing unless `converged`.
    """

    free_energy: Raster
    expected_cost: Raster
    converged: bool


def solve_hitting_cpu(
    solver: NonsymmetricMultigrid,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    *,
    undirected: bool,
    expected_cost: bool,
    newton_steps: int = MAX_NEWTON_STEPS,
) -> tuple[Float[Array, "rows columns"], Float[Array, "rows columns"], Bool[Array, ""]]:
    """Solve for hitting probabilities by `newton_log_scaling` and nonsymmetric multigrid; not differentiable.

    Parameters
    ----------
    solver
        Tolerance and largest number of iterations.
    conductances, costs, undirected
        As for `TransitionData.from_arrays`.
    theta, target, expected_cost
        As for `hitting.solve_hitting`.
    newton_steps
        Largest number of Newton steps for the log scaling.

    Returns
    -------
    free_energy, expected_cost, converged
        See `HittingResult`.
    """
    raster = jax.ShapeDtypeStruct(conductances.shape[1:], jnp.float64)
    result = (raster, raster, jax.ShapeDtypeStruct((), bool))
    on_cpu = partial(
        _solve,
        undirected=undirected,
        expected_cost=expected_cost,
        tolerance=solver.tolerance,
        iterations=solver.iterations,
        newton_steps=newton_steps,
    )
    return jax.pure_callback(on_cpu, result, conductances, costs, theta, target, vmap_method="sequential")


def _solve(
    conductances, costs, theta, target, *, undirected: bool, **options
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    conductances, costs, target = np.asarray(conductances), np.asarray(costs), int(target)
    rows, columns = conductances.shape[1:]
    if not 0 <= target < rows * columns:
        return np.full((rows, columns), np.inf), np.zeros((rows, columns)), np.array(True)
    transitions = TransitionData.from_arrays(conductances, costs, undirected=undirected)
    *rasters, converged = _solve_transitions(transitions, float(theta), target, **options)
    return *rasters, np.array(converged)


def _solve_transitions(
    transitions: TransitionData,
    theta: float,
    target: int,
    *,
    expected_cost: bool,
    tolerance: float,
    iterations: int,
    newton_steps: int,
) -> HittingResult:
    """Solve for the free energy and, if requested, the expected cost; options as of `solve_hitting_cpu`."""
    shape, offsets = transitions.shape, transitions.offsets
    workspace = KrylovWorkspace.allocate(shape)
    scaling = newton_log_scaling(transitions, theta, target, workspace.basis, newton_steps)
    log_scale = shape.inside(scaling.log_scale)
    if scaling.hierarchy is None:
        return HittingResult(log_scale, log_scale, False)
    edges, padded_target = np.empty((offsets.size, transitions.n_cells)), transitions.padded_index(target)
    args = (scaling.log_weights, offsets, transitions.directions, padded_target, scaling.log_scale, edges, shape.width)
    parallel_starmap(compute_off_diagonals, [(*args, *band) for band in shape.bands])
    matrix = PaddedStencil(shape, np.ones(transitions.n_cells), edges, offsets, scaling.factor)
    cycle = VCycle(scaling.hierarchy)

    def solve(b: np.ndarray, initial_guess: np.ndarray, tolerance: float = tolerance) -> KrylovResult:
        """Solve the system in log scale for one right-hand side."""
        return solve_fgmres(matrix, cycle, workspace, b, initial_guess, tolerance, iterations)

    b, initial_guess = np.zeros(transitions.n_cells), np.zeros(shape.size)
    b[target] = 1
    # In log scale hitting probabilities are about the same everywhere.
    shape.inside(initial_guess)[:] = scaling.position < UNORDERED
    initial_guess[padded_target] = 1
    first = solve(b, initial_guess)
    if not first.converged:
        _log_solves([first], succeeded=False)
        return HittingResult(log_scale, log_scale, False)
    equations = _Equations(transitions, theta, padded_target, scaling.log_scale, solve)
    delta, error = equations.refined_free_energy(first.x)
    if not error <= MAX_ERROR:
        _log_solves([first], succeeded=False)
        return HittingResult(log_scale, log_scale, False)
    free_energy = shape.inside(scaling.log_scale + delta)
    if not expected_cost:
        _log_solves([first], succeeded=True)
        return HittingResult(free_energy, np.zeros_like(log_scale), True)
    second, error = equations.expected_cost(edges, delta)
    accurate = second.converged and error <= MAX_ERROR
    _log_solves([first, second], succeeded=accurate)
    return HittingResult(free_energy, shape.inside(second.x), accurate)


def _log_solves(results: list[KrylovResult], *, succeeded: bool) -> None:
    for result in results:
        log_solve(NAME, 1, result.iterations, result.residuals, succeeded=succeeded)


class _Equations:
    """The equations of `residuals`, and their solution by refinement of approximate solutions."""

    def __init__(
        self,
        transitions: TransitionData,
        theta: float,
        target: int,
        log_scale: np.ndarray,
        solve: Callable[..., KrylovResult],
    ):
        self.transitions, self.shape, self.target, self.log_scale = transitions, transitions.shape, target, log_scale
        self.solve, self.edges = solve, (transitions.edge_offsets, transitions.edge_ends, transitions.offsets)
        self.residual = np.empty(transitions.n_cells)
        self.args = (transitions.conductances, transitions.costs, *self.edges, theta, target, log_scale)

    def refined_free_energy(self, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Return δ, padded, from the scaled hitting weights, and its error; 0 where the target cannot be reached."""
        reachable = self.log_scale < np.inf
        delta, scale = np.zeros(self.shape.size), np.empty_like(self.residual)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.log(weights, out=delta, where=reachable)
        np.negative(delta, out=delta)
        delta[self.target] = 0
        error = np.inf
        for step in range(MAX_REFINEMENTS + 1):
            error, previous = (
                self._map_rows(compute_free_energy_residual, *self.args, delta, self.residual, scale),
                error,
            )
            if step == MAX_REFINEMENTS or not needs_refinement(error, previous):
                break
            weights = np.exp(-delta)
            self.residual *= self.shape.inside(weights).ravel()
            result = self._correction()
            if not result.converged:
                break
            # The equation is exp(−change) = 1 − reduction.
            delta -= np.log1p(-np.minimum(result.x / weights, MAX_WEIGHT_REDUCTION))
            delta[self.target] = 0
        return delta, error

    def expected_cost(self, edges: np.ndarray, delta: np.ndarray) -> tuple[KrylovResult, float]:
        """Return the expected cost, padded, and its error, given the off-diagonals of the system, and δ."""
        weights, b = np.negative(delta), np.empty_like(self.residual)
        np.exp(weights, out=weights)
        args = (edges, self.transitions.costs, *self.edges, weights)
        parallel_starmap(compute_cost_rhs, [(*args, b, self.shape.width, *band) for band in self.shape.bands])
        first = self.solve(b, np.zeros(self.shape.size))
        expected, error = first.x / weights, np.inf
        for step in range(MAX_REFINEMENTS + 1):
            error, previous = self._map_rows(compute_expected_cost_residual, *args, expected, b, self.residual), error
            if not first.converged or step == MAX_REFINEMENTS or not needs_refinement(error, previous):
                break
            result = self._correction()
            if not result.converged:
                break
            expected += result.x / weights
        expected[self.target] = 0
        return first._replace(x=expected), error

    def _correction(self) -> KrylovResult:
        """Solve for the residual, as accurately as a refinement needs."""
        return self.solve(self.residual, np.zeros(self.shape.size), CORRECTION_TOL)

    def _map_rows(self, kernel, *args) -> float:
        """Call a kernel for all bands of rows; return the largest of its results."""
        return max(parallel_starmap(kernel, [(*args, self.shape.width, *band) for band in self.shape.bands]))
