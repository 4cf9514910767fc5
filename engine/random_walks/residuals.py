"""Equations of the free energy and the expected cost of a walk to one target, in differences between neighbours.

The hitting weight z = W z, W_ij = P_ij exp(−θ C_ij), with free energy φ = −log z, fulfils Σ_j P_ij exp(x_ij) = 1 with
x_ij = −θ C_ij + φ_i − φ_j. As Σ_j P_ij = 1, that is

    Σ_j P_ij (exp(x_ij) − 1) = 0,

where neither 1 − z nor 1 − Σ_j W_ij is ever computed: the residual, and with it φ, is as accurate for a walk of which
one in 10³⁰ is killed as for any other. Likewise the expected cost EC, with the probabilities Q_ij = P_ij exp(x_ij) of
the walk that hits the target, fulfils Σ_j Q_ij (C_ij + EC_j − EC_i) = 0.

In a log scale φ̂ the free energy is φ = φ̂ + δ, and δ is what is solved for: where θ is large, φ itself is rounded too
coarsely. Where φ̂ is 0, as it is for small φ (see `log_scaling`), δ is φ.

The errors of approximate solutions follow from the residuals r. The expected cost is the sum of the mean costs
c_i = Σ_j Q_ij C_ij of all visits, its error the sum of their r_i, so that no error exceeds EC max_i |r_i| / c_i; and
neither does that of φ ≥ θ EC exceed φ max_i |r_i| / θ c_i.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..linalg import shifts

#: Bound of the relative error up to which a solution is not refined.
REFINEMENT_TOL = 1e-9

#: Largest number of refinements; each gains as many digits as the solver has.
MAX_REFINEMENTS = 6

#: Largest ratio of the errors after and before a refinement that is followed by another: rounding allows no more.
MAX_REFINEMENT_RATIO = 0.5

#: Largest backward error of the solutions by which multigrid refines; a smaller one would only cost iterations.
CORRECTION_TOL = 1e-7

#: Bound of the relative error above which a solution by multigrid is discarded for a direct one.
MAX_ERROR = 1e-7

#: Largest relative reduction of a weight by one refinement of the free energy.
MAX_WEIGHT_REDUCTION = 0.9


class TransitionCosts(NamedTuple):
    """Transitions of a walk to one target.

    Attributes
    ----------
    probabilities
        P; 0 where there is no edge.
    costs
        C ≥ 0.
    theta
        Inverse temperature θ.
    log_scale
        φ̂; 0 at the target and where it cannot be reached.
    transient
        Cells that can reach the target, without the target.
    reachable
        Cells that can reach the target, and the target.
    """

    probabilities: Float[Array, "directions rows columns"]
    costs: Float[Array, "directions rows columns"]
    theta: Float[Array, ""]
    log_scale: Float[Array, "rows columns"]
    transient: Bool[Array, "rows columns"]
    reachable: Bool[Array, "rows columns"]

    def free_energy_residual(self, delta: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        """Return 1 − Σ_j P_ij exp(x_ij) as −Σ_j P_ij (exp(x_ij) − 1), the weight killed in a step; else 0."""
        usable, exponent = self._exponents(delta)
        # A walk that steps to a cell from which the target cannot be reached is killed.
        change = jnp.where(usable, jnp.expm1(exponent), -1.0)
        return jnp.where(self.transient, -(self.probabilities * change).sum(0), 0.0)

    def conditioned(self, delta: Float[Array, "rows columns"]) -> Float[Array, "directions rows columns"]:
        """Return Q_ij = P_ij exp(x_ij), the transition probabilities of the walk that hits the target."""
        usable, exponent = self._exponents(delta)
        return jnp.where(usable & self.transient, self.probabilities * jnp.exp(exponent), 0.0)

    def _exponents(self, delta: Array) -> tuple[Array, Array]:
        """Return where an edge leads to the target, and x; 0 elsewhere, which keeps NaN out of the gradient."""
        directions = len(self.costs)
        usable = (self.probabilities > 0) & shifts(self.reachable, directions, fill=False) & self.reachable
        scaled_costs = (self.log_scale - shifts(self.log_scale, directions)) - self.theta * self.costs
        exponent = scaled_costs + (delta - shifts(delta, directions))
        return usable, jnp.where(usable, exponent, 0.0)


def difference_operator(
    conditioned: Float[Array, "directions rows columns"], values: Float[Array, "rows columns"]
) -> Float[Array, "rows columns"]:
    """Return Σ_j Q_ij (v_i − v_j) of every cell; v_i where no transitions lead from it, as at the target.

    Examples
    --------
    >>> chain = jnp.zeros((4, 1, 2)).at[2, 0, 0].set(1.0)
    >>> difference_operator(chain, jnp.array([[5.0, 2.0]]))
    Array([[3., 2.]], dtype=float64)
    """
    differences = (conditioned * (values - shifts(values, len(conditioned)))).sum(0)
    return jnp.where((conditioned > 0).any(0), differences, values)


def relative_residual(
    residual: Float[Array, "rows columns"],
    x: Float[Array, "rows columns"] | None = None,
    *,
    scale: Float[Array, "rows columns"],
    transient: Bool[Array, "rows columns"],
) -> Float[Array, ""]:
    """Return max_i |r_i| / c_i over the transient cells: a bound of the relative error of free energy or expected cost.

    Parameters
    ----------
    residual
        r.
    x
        The solution; not used, because the bound is relative to it by itself.
    scale
        c, the mean cost of a step (θ c for the free energy).
    transient
        Cells that can reach the target, without the target.

    Examples
    --------
    >>> cost, everywhere = jnp.array([[2.0, 4.0]]), jnp.ones((1, 2), bool)
    >>> float(relative_residual(jnp.array([[1e-3, -4e-3]]), scale=cost, transient=everywhere))
    0.001
    """
    safe = jnp.where(transient & (scale > 0), scale, 1.0)
    ratio = jnp.where(scale > 0, jnp.abs(residual) / safe, jnp.where(residual == 0, 0.0, jnp.inf))
    return jnp.where(transient, ratio, 0.0).max()


def tangent_error(
    residual: Float[Array, "rows columns"],
    x: Float[Array, "rows columns"],
    *,
    mean_energy: Float[Array, "rows columns"],
    free_energy: Float[Array, "rows columns"],
) -> Float[Array, ""]:
    """Return a bound of the error e of a tangent, (I − Q) e = r: of max_i |e_i| / φ_i relative to max_i |x_i| / φ_i.

    No |e_i| exceeds EC_i max_j |r_j| / c_j, and θ EC_i ≤ φ_i.

    Parameters
    ----------
    residual, x
        r and x; x is 0 outside the transient cells.
    mean_energy
        θ c, the mean cost of a step times θ.
    free_energy
        φ; 0 at the target and where it cannot be reached.
    """
    transient = free_energy > 0
    size = jnp.where(transient, jnp.abs(x) / jnp.where(transient, free_energy, 1.0), 0.0).max()
    error = relative_residual(residual, scale=mean_energy, transient=transient)
    return error / jnp.where(size > 0, size, 1.0)


def cotangent_error(
    residual: Float[Array, "rows columns"],
    x: Float[Array, "rows columns"],
    *,
    mean_energy: Float[Array, "rows columns"],
    free_energy: Float[Array, "rows columns"],
) -> Float[Array, ""]:
    """Return a bound of the error e of a cotangent, (I − Q)ᵀ e = r: of Σ_i |e_i| θ c_i relative to Σ_i |x_i| θ c_i.

    As the inverse is nonnegative, Σ_i |e_i| θ c_i ≤ Σ_i |r_i| θ EC_i, and θ EC_i ≤ φ_i.

    Parameters
    ----------
    residual, x, mean_energy, free_energy
        As of `tangent_error`.
    """
    size = (jnp.abs(x) * mean_energy).sum()
    return (jnp.abs(residual) * free_energy).sum() / jnp.where(size > 0, size, 1.0)


def needs_refinement(
    error: Float[Array, ""] | float, previous: Float[Array, ""] | float, tolerance: float = REFINEMENT_TOL
) -> Bool[Array, ""] | bool:
    """Return whether the error is too large and, given that before the last refinement, can be reduced.

    Examples
    --------
    >>> needs_refinement(1e-6, 1e-2), needs_refinement(1e-10, 1e-2), needs_refinement(1e-6, 1.1e-6)
    (True, False, False)
    """
    return (error > tolerance) & (error <= MAX_REFINEMENT_RATIO * previous)
