"""Free energies and expected costs of the killed random walks to one target."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..linalg import AbstractLinearSolver, NonsymmetricMultigrid, mirror_half
from .hitting_cpu import solve_hitting_cpu
from .hitting_system import HittingSolution, log_discarded, scaled_transition_system
from .newton_scaling import MAX_NEWTON_STEPS
from .residuals import MAX_ERROR


def solve_hitting(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
    *,
    undirected: bool,
    expected_cost: bool,
    newton_steps: int = MAX_NEWTON_STEPS,
) -> HittingSolution:
    """Solve for the weight of all paths from every cell to one absorbing target; differentiable.

    Parameters
    ----------
    solver
        Solver of the nonsymmetric linear systems.
    conductances
        Of every transition, 0 where there is no edge.
    costs
        C ≥ 0; 0 where there is no edge.
    theta
        Inverse temperature θ.
    target
        Flat raster index; nothing reaches an index beyond the raster.
    undirected
        Whether conductances and costs are the same in both directions, and given for the first half of them only.
    expected_cost
        Whether to solve for the expected cost, too.
    newton_steps
        Largest number of Newton steps for the log scaling; only for nonsymmetric multigrid.

    Notes
    -----
    A transition from i to j has weight W_ij = P_ij exp(−θ C_ij), with P_ij ∝ conductance, and z = W z with z = 1 at
    the absorbing target. In a log scale φ ≈ −log z, z̃_i = z_i exp(φ_i) solves the same equation with
    W̃_ij = W_ij exp(φ_i − φ_j), whose rows sum to about one. With the exact φ = −log z they sum to one: W̃ is then the
    walk Q that hits the target. Its expected cost is (I − Q)⁻¹ c, c_i = Σ_j Q_ij C_ij. Both are refined, and
    differentiated, in the form of `residuals`.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616.

    Examples
    --------
    >>> from ..linalg.nested_dissection import NestedDissection
    >>> chain = jnp.zeros((4, 1, 2)).at[2, 0, 0].set(1.0).at[1, 0, 1].set(1.0)
    >>> solution = solve_hitting(
    ...     NestedDissection(symmetric=False), chain, chain, jnp.array(0.5), jnp.array(1),
    ...     undirected=False, expected_cost=True,
    ... )
    >>> solution.free_energy, solution.expected_cost
    (Array([[0.5, 0. ]], dtype=float64), Array([[1., 0.]], dtype=float64))
    """

    def differentiable(solver, conductances, costs, theta, target):
        """Solve by functions that JAX differentiates."""
        if undirected:
            conductances, costs = mirror_half(conductances), mirror_half(costs)
        return _differentiable(solver, conductances, costs, theta, target, expected_cost, newton_steps)

    if not isinstance(solver, NonsymmetricMultigrid):
        return differentiable(solver, conductances, costs, theta, target)

    @jax.custom_jvp
    def fused(*args):
        """Solve in one call on the CPU, or by the fallback."""
        free_energy, cost, converged = solve_hitting_cpu(
            solver, *args, undirected=undirected, expected_cost=expected_cost, newton_steps=newton_steps
        )

        def result() -> HittingSolution:
            """Return the result of the CPU as finite arrays."""
            reachable = free_energy < jnp.inf
            return HittingSolution(reachable, jnp.where(reachable, free_energy, 0.0), jnp.zeros_like(cost), cost)

        return jax.lax.cond(converged, result, lambda: differentiable(solver.fallback, *args))

    @fused.defjvp
    def _(primals, tangents):
        *_, target = primals
        return jax.jvp(lambda *args: differentiable(solver, *args, target), primals[:-1], tangents[:-1])

    return fused(conductances, costs, theta, target)


def _differentiable(
    solver: AbstractLinearSolver, conductances, costs, theta, target, expected_cost: bool, newton_steps: int
) -> HittingSolution:
    """Solve by functions that JAX differentiates; a result of multigrid that is not accurate is replaced."""
    system = scaled_transition_system(solver, conductances, costs, theta, target, newton_steps)
    change, error = system.free_energy_change()

    def solve() -> HittingSolution:
        """Solve for the expected cost, too, if requested."""
        return system.solve_hitting(change, expected_cost=expected_cost)

    if not isinstance(solver, NonsymmetricMultigrid):
        return solve()

    def fall_back() -> HittingSolution:
        """Solve by the direct solver, which finds a log scale of its own: this one may be rounded too coarsely."""
        log_discarded(solver, error)
        return _differentiable(solver.fallback, conductances, costs, theta, target, expected_cost, newton_steps)

    return jax.lax.cond(error <= MAX_ERROR, solve, fall_back)
