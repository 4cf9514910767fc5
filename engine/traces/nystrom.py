"""XNysTrace: leave-one-out averages of Nyström approximations, for positive semidefinite operators."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .factorizations import eigh, inverse
from .probes import Distribution
from .trace_method import AbstractTraceMethod, mean_product, padded_rows

#: Asymmetry, and negative eigenvalues relative to the largest, that iterative solvers and rounding may cause.
TOLERANCE = 1e-6
#: Eigenvalues of ΩᵀAΩ below this fraction of the largest are raised to it in the gradient.
GRADIENT_FLOOR = 1e-10
#: 2 × 2 blocks with a smaller determinant, relative to their diagonal, count as singular.
SINGULAR = 1e-8


class NystromState(eqx.Module):
    """Probes and their images.

    Parameters
    ----------
    probes, images
        Ω and AΩ, one row a probe, zeros where there is still room.
    count
        Number of probes so far.
    """

    probes: Float[Array, "capacity n"]
    images: Float[Array, "capacity n"]
    count: Int[Array, ""]


class XNysTrace(AbstractTraceMethod):
    """XNysTrace: every probe estimates the remainder of the Nyström approximation by all others.

    Parameters
    ----------
    distribution
        Of the probes.

    Notes
    -----
    With Y = AΩ and N = (ΩᵀY)⁻¹, the approximation is Â = Y N Yᵀ. Without probe i it is Â − b_i b_iᵀ / N_ii with b_i
    column i of YN, and ω_iᵀ(A − Â_i)ω_i = 1 / N_ii, so that the estimate of probe i is

    tr Â − |b_i|² / N_ii + c_i / N_ii, c_i = (n − m + 1) ((ΩᵀΩ)⁻¹)_ii (1 for signs).

    It takes one product for each probe, where XTrace takes two, and is the most accurate if A is positive
    semidefinite.

    References
    ----------
    Epperly, E. N., Tropp, J. A. and Webber, R. J. (2024). XTrace: making the most of every sample in stochastic trace
    estimation. SIAM Journal on Matrix Analysis and Applications 45, 1-23.
    """

    distribution: Distribution = "sphere"

    @property
    def products_per_probe(self) -> int:
        return 1

    def probes_for(self, products: int) -> int:
        return products

    def first(self, operator, key, count, capacity):
        probes = self.draw(key, count, operator)
        images = operator(probes)
        products = padded_rows(images, capacity)
        state = NystromState(padded_rows(probes, capacity), jax.lax.stop_gradient(products), jnp.array(count))
        return state, products

    def append(self, state, operator, key, count):
        probes = self.draw(key, count, operator)
        return NystromState(
            jax.lax.dynamic_update_slice_in_dim(state.probes, probes, state.count, 0),
            jax.lax.dynamic_update_slice_in_dim(state.images, operator(probes), state.count, 0),
            state.count + count,
        )

    def samples(self, state):
        # N is made of eigenvalues that are not below rounding, as sums of squares without cancellation.
        values, vectors = self._eigenvalues(state, self._floor(state))
        factor = (vectors / jnp.sqrt(values)).T @ state.images
        N_diagonal = (vectors**2 / values).sum(1)
        left_out = (((vectors / jnp.sqrt(values)) @ factor) ** 2).sum(1)
        return (factor**2).sum() + (self._scale(state) - left_out) / N_diagonal, state.count

    def covariance(self, state):
        values, vectors = self._eigenvalues(state, self._floor(state))
        root = vectors / jnp.sqrt(values)
        N, B = root @ root.T, root @ (root.T @ state.images)
        P = B @ B.T
        diagonal, P_diagonal = jnp.diagonal(N)[:, None], jnp.diagonal(P)[:, None]
        one = (self._scale(state)[:, None] - P_diagonal) / diagonal
        # Without probes i and j: the inverse of the 2 × 2 block of N takes the role of 1 / N_ii.
        determinant = diagonal * diagonal.T - N**2
        regular = determinant > SINGULAR * diagonal * diagonal.T
        determinant = jnp.where(regular, determinant, 1.0)
        left_out = (P_diagonal * diagonal.T + diagonal * P_diagonal.T - 2 * N * P) / determinant
        two = self._scale_without(state) * diagonal.T / determinant - left_out
        return mean_product(jnp.where(regular, one - two, 0.0), state.count)

    def vectors(self, state):
        return state.probes

    def linear(self, state, products):
        values, vectors = self._eigenvalues(state, GRADIENT_FLOOR)
        N = (vectors / values) @ vectors.T
        B = N @ state.images
        P = B @ B.T
        change = state.probes @ products.T
        change = (change + change.T) / 2
        total = 2 * (B * products).sum() - (P * change).sum()
        left_out = 2 * ((N @ products) * B).sum(1) - 2 * (N * (change @ P).T).sum(1)
        N_change = -((N @ change) * N).sum(1)
        diagonal = jnp.diagonal(N)
        ratio = (self._scale(state) - jnp.diagonal(P)) / diagonal
        each = -left_out / diagonal - ratio * N_change / diagonal
        counted = jnp.arange(each.shape[0]) < state.count
        return total + jnp.where(counted, each, 0).sum() / state.count

    def products(self, state):
        return state.count

    def violation(self, state):
        gram = state.probes @ state.images.T
        largest = jnp.abs(gram).max()
        tolerance = jnp.maximum(TOLERANCE, 1e3 * jnp.finfo(gram.dtype).eps) * largest
        negative = eigh((gram + gram.T) / 2)[0][0] < -tolerance
        return negative | (jnp.abs(gram - gram.T).max() > tolerance), (
            "the operator is not symmetric and positive semidefinite, as method='xnystrace' needs; use method='xtrace'"
        )

    def _floor(self, state: NystromState) -> float:
        return float(jnp.finfo(state.probes.dtype).eps) * state.probes.shape[0]

    def _eigenvalues(self, state: NystromState, floor: float) -> tuple[Array, Array]:
        """Return eigenvalues, none below a fraction of the largest, and eigenvectors of ΩᵀAΩ."""
        gram = state.probes @ state.images.T
        largest = jnp.abs(gram).max()
        largest = jnp.where(largest > 0, largest, 1.0)
        unused = jnp.arange(gram.shape[0]) >= state.count
        values, vectors = eigh((gram + gram.T) / 2 + jnp.diag(jnp.where(unused, largest, 0.0)))
        return jnp.maximum(values, floor * jnp.maximum(values[-1], largest)), vectors

    def _scale_without(self, state: NystromState) -> Float[Array, "capacity capacity"]:
        """Return c_i where probe j is left out, too."""
        if self.distribution == "rademacher":
            return jnp.ones_like(state.probes, shape=(1, 1))
        G = self._inverse_gram(state)
        diagonal = jnp.diagonal(G)
        determinant = diagonal[:, None] * diagonal - G**2
        return (state.probes.shape[1] - state.count + 2) * determinant / diagonal

    def _scale(self, state: NystromState) -> Float[Array, " capacity"]:
        capacity, size = state.probes.shape
        if self.distribution == "rademacher":
            return jnp.ones(capacity, state.probes.dtype)
        return (size - state.count + 1) * jnp.diagonal(self._inverse_gram(state))

    def _inverse_gram(self, state: NystromState) -> Float[Array, "capacity capacity"]:
        """Return (ΩᵀΩ)⁻¹."""
        capacity, size = state.probes.shape
        unused = jnp.arange(capacity) >= state.count
        return inverse(state.probes @ state.probes.T + jnp.diag(jnp.where(unused, float(size), 0.0)))
