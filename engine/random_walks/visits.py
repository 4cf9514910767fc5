"""Killed random walks conditioned on hitting a target: transition probabilities and expected visits.

Let W_ij be the weight of the transition from i to j, and z_i the weight with which a walk from i hits the target.
Conditioned on hitting it (Doob's h-transform), the walk moves with probabilities Q_ij = W_ij z_j / z_i, whose rows sum
to one. The expected visits n of walks that start with m_i in each cell solve

    n_i = m_i + Σ_j n_j Q_ji,

a sum of nonnegative terms in any scale of z. With n = z̃ y this is Σ_j (I − W̃)_ji y_j = m_i / z̃_i, the transpose of the
system for z̃ itself.
"""

from dataclasses import dataclass
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..linalg import AbstractLinearSolver, NonsymmetricMultigrid
from .hitting_system import ScaledTransitionSystem, scaled_transition_system
from .residuals import MAX_ERROR, difference_operator

#: Message where multigrid cannot compute the free energy.
INACCURATE = (
    "nonsymmetric multigrid cannot solve for these randomized paths accurately: hardly any of the random walks is "
    "killed before it hits the target. Use a larger theta or a raster with less contrast, or, in Python, pass "
    "NestedDissection() as the solver"
)


@dataclass(frozen=True)
class ConditionedWalk:
    """A killed random walk conditioned on hitting one target.

    Attributes
    ----------
    reachable
        Whether the target can be reached from a cell; True at the target.
    expected_cost
        Expected cost from a cell until the target is hit: 0 at the target, infinite where it cannot be reached.
    transition_probabilities
        Q_ij from each cell to its neighbours; 0 at the target, which is absorbing, and where it cannot be reached.
    """

    reachable: Bool[Array, "rows columns"]
    expected_cost: Float[Array, "rows columns"]
    transition_probabilities: Float[Array, "directions rows columns"]
    _system: ScaledTransitionSystem
    _scaled: Float[Array, "rows columns"]

    def expected_visits(self, starts: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
        """Return the expected number of visits to each cell before the target is hit, the start included.

        Parameters
        ----------
        starts
            Walks that start in each cell, m ≥ 0. Starts at the target or in cells that cannot reach it are ignored.
        """
        transient = self.reachable & ~(self._system.target > 0)
        weights = jax.lax.stop_gradient(jnp.where(transient, self._scaled, 1.0))
        outflow = partial(difference_operator, self.transition_probabilities)
        transposed = jax.linear_transpose(outflow, weights)

        def visits_of(starts: Array) -> Array:
            """Return the visits of the walks from one raster of starts."""
            b = jnp.where(transient, starts, 0.0)
            # Visits are refined only where the bound would replace multigrid.
            return self._system.solve_differences(
                lambda visits: transposed(visits)[0], b, weights, transpose=True, tolerance=MAX_ERROR
            )

        # Rounding errors can make tiny visits negative.
        return jnp.where(transient, jnp.maximum(jax.lax.map(visits_of, starts), 0.0), 0.0)


def condition_on_hitting(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
) -> ConditionedWalk:
    """Condition the walk of randomized shortest paths on hitting one target.

    Two linear systems are solved here, and a transposed one for each raster of starts.

    Parameters
    ----------
    solver, conductances, costs, theta, target
        As in `solve_hitting`.

    References
    ----------
    Kivimäki, I., Lebichot, B., Saramäki, J. & Saerens, M. (2016). Two betweenness centrality measures based on
    randomized shortest paths. Scientific Reports 6, 19668.
    """
    system = scaled_transition_system(solver, conductances, costs, theta, target)
    change, error = system.free_energy_change()
    if isinstance(solver, NonsymmetricMultigrid):
        change = eqx.error_if(change, jnp.logical_not(error <= MAX_ERROR), INACCURATE)
    hitting = system.solve_hitting(change, expected_cost=True)
    expected_cost = jnp.where(hitting.reachable, hitting.expected_cost, jnp.inf)
    probabilities = system.transitions.conditioned(hitting.delta)
    return ConditionedWalk(hitting.reachable, expected_cost, probabilities, system, jnp.exp(-hitting.delta))
