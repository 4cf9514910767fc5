"""Killed random walks on their way to a target: where they pass, given that they arrive.

A walker who steps from i to j with weight W_ij and arrives from i with weight z_i moves, given that it arrives, with
chances Q_ij = W_ij z_j / z_i, which sum to one: what was killed is no longer there. Its visits n are what enters and
what comes from the neighbours,

    n_i = m_i + Σ_j n_j Q_ji,

a sum of positive terms whatever the scale of z. With n = z̃ y it is Σ_j (I − W̃)_ji y_j = m_i / z̃_i, the transpose of the
system that z̃ itself comes from.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..linalg.base import AbstractLinearSolver, with_state
from ..linalg.stencil_matrix import shifts
from .hitting import ScaledTransitionSystem, scaled_transition_system


@dataclass(frozen=True)
class ConditionedWalk:
    """Walkers on their way to one target.

    Attributes
    ----------
    reached
        Whether the target can be reached from a cell; True at the target.
    expected_cost
        Mean cost of the paths from a cell until they first reach the target: 0 at the target, infinite where it cannot
        be reached.
    chances
        Q_ij of the step from a cell to its neighbour, 0 at the target, which nobody leaves, and where it cannot be
        reached.
    """

    reached: Bool[Array, "rows columns"]
    expected_cost: Float[Array, "rows columns"]
    chances: Float[Array, "directions rows columns"]
    _walk: ScaledTransitionSystem
    _scaled: Float[Array, "rows columns"]

    def visits(self, entering: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
        """Return how often walkers visit each cell before they arrive, their start included.

        Parameters
        ----------
        entering
            m, how many start in each cell, zero or more. Those who start at the target or cannot reach it do not move
            and count as no visit.
        """
        moves = self.reached & ~(self._walk.source > 0)
        scaled = jnp.where(moves, self._scaled, 1.0)
        back = with_state(self._walk.solver, self._walk.system, self._walk.prepared, transposed=True)
        sent = back(jnp.where(moves, entering / scaled, 0.0))
        # Where hardly anybody comes by, rounding may leave a little less than nobody.
        return jnp.where(moves, scaled * jnp.maximum(sent, 0.0), 0.0)


def condition_on_hitting(
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    theta: Float[Array, ""],
    target: Int[Array, ""],
) -> ConditionedWalk:
    """Return how walkers move to one target; three systems with one matrix, whatever the number of cells they visit.

    Parameters
    ----------
    solver, conductances, costs, theta, target
        As in `arrival.arrive`.

    References
    ----------
    Kivimäki, I., Lebichot, B., Saramäki, J. & Saerens, M. (2016). Two betweenness centrality measures based on
    randomized shortest paths. Scientific Reports 6, 19668.
    """
    walk = scaled_transition_system(solver, conductances, costs, theta, target)
    arrival = walk.arrival(spent=True)
    at_target, reached = walk.source > 0, walk.potential < jnp.inf
    # A harmless 1 where nothing arrives keeps NaN out of the gradient.
    scaled = jnp.where(reached, arrival.scaled, 1.0)
    expected_cost = jnp.where(reached, jnp.where(at_target, 0.0, arrival.spent / scaled), jnp.inf)
    ahead = shifts(jnp.where(reached, arrival.scaled, 0.0), len(conductances))
    # The system holds −W̃ beside its diagonal, and nothing in the rows of those who do not move.
    chances = -walk.system.edges * ahead / scaled
    return ConditionedWalk(reached, expected_cost, chances, walk, scaled)
