"""XTrace: leave-one-out averages over the probes that also make the basis (Epperly, Tropp and Webber 2024)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .factorizations import qr, svd
from .probes import Distribution
from .trace_method import DEPENDENT, AbstractTraceMethod, mean_product, padded_rows

#: Squared sine of the angle below which two directions left out count as one.
SINGULAR = 1e-8


class ProjectedState(eqx.Module):
    """Probes ω, the basis q of their images, and the inner products from which all estimates follow.

    Parameters
    ----------
    probes
        Ω, one row a probe, zeros where there is still room.
    basis, images
        Orthonormal rows Q with the span of AΩ, and AQ.
    coefficients
        R, with AΩ = QR.
    basis_images
        H = QᵀAQ.
    basis_probes
        W = QᵀΩ.
    image_probes
        T = (AQ)ᵀΩ.
    count
        Number of probes so far.
    """

    probes: Float[Array, "capacity n"]
    basis: Float[Array, "capacity n"]
    images: Float[Array, "capacity n"]
    coefficients: Float[Array, "capacity capacity"]
    basis_images: Float[Array, "capacity capacity"]
    basis_probes: Float[Array, "capacity capacity"]
    image_probes: Float[Array, "capacity capacity"]
    count: Int[Array, ""]


class XTrace(AbstractTraceMethod):
    """XTrace: every probe estimates the remainder of the low-rank approximation by all others.

    Parameters
    ----------
    distribution
        Of the probes.

    Notes
    -----
    With AΩ = QR, the basis without probe i spans what is orthogonal in Q to s_i, the normalized column i of R⁻ᵀ.
    With P_i = Q(I − s_i s_iᵀ)Qᵀ, the estimate of probe i is

    tr(P_i A) + c_i ω_iᵀ(I − P_i) A (I − P_i) ω_i,

    where c_i = (n − m + 1) / |(I − P_i) ω_i|² puts a direction on the sphere of the complement (1 for signs). The
    estimates are exchangeable, their mean is the result, and their scatter its standard error.

    References
    ----------
    Epperly, E. N., Tropp, J. A. and Webber, R. J. (2024). XTrace: making the most of every sample in stochastic trace
    estimation. SIAM Journal on Matrix Analysis and Applications 45, 1-23.
    """

    distribution: Distribution = "sphere"

    @property
    def products_per_probe(self) -> int:
        return 2

    def probes_for(self, products: int) -> int:
        return products // 2

    def first(self, operator, key, count, capacity):
        probes = self.draw(key, count, operator)
        probe_images = operator(probes)
        basis, coefficients = qr(jax.lax.stop_gradient(probe_images).T)
        basis = basis.T
        images = operator(basis)
        constant = jax.lax.stop_gradient(images)
        room = (0, capacity - count)
        state = ProjectedState(
            padded_rows(probes, capacity),
            padded_rows(basis, capacity),
            padded_rows(constant, capacity),
            *(
                jnp.pad(product, [room, room])
                for product in (coefficients, basis @ constant.T, basis @ probes.T, constant @ probes.T)
            ),
            jnp.array(count),
        )
        return state, jnp.concatenate([padded_rows(probe_images, capacity), padded_rows(images, capacity)])

    def append(self, state, operator, key, count):
        probes = self.draw(key, count, operator)
        new, within, beside = _orthonormal_rows(state, operator(probes))
        images = operator(new)

        def insert(rows: Array, more: Array) -> Array:
            """Put more rows behind those so far."""
            return jax.lax.dynamic_update_slice_in_dim(rows, more, state.count, 0)

        def grow(matrix: Array, above: Array, left: Array, corner: Array) -> Array:
            """Put columns and rows of inner products behind those so far."""
            matrix = jax.lax.dynamic_update_slice(matrix, above, (jnp.zeros_like(state.count), state.count))
            matrix = jax.lax.dynamic_update_slice(matrix, left, (state.count, jnp.zeros_like(state.count)))
            return jax.lax.dynamic_update_slice(matrix, corner, (state.count, state.count))

        old = state
        nothing = jnp.zeros((count, old.basis.shape[0]), operator.dtype)
        return ProjectedState(
            insert(old.probes, probes),
            insert(old.basis, new),
            insert(old.images, images),
            grow(old.coefficients, beside, nothing, within),
            grow(old.basis_images, old.basis @ images.T, new @ old.images.T, new @ images.T),
            grow(old.basis_probes, old.basis @ probes.T, new @ old.probes.T, new @ probes.T),
            grow(old.image_probes, old.images @ probes.T, images @ old.probes.T, images @ probes.T),
            old.count + count,
        )

    def samples(self, state):
        without, projected, scale = self._leave_one_out(state)
        inside, outside = self._parts(state, without, projected)
        return inside + scale * outside, state.count

    def covariance(self, state):
        without, projected, scale = self._leave_one_out(state)
        inside, outside = self._parts(state, without, projected)
        one = (inside + scale * outside)[:, None]
        H, R, W, T = state.basis_images, state.coefficients, state.basis_probes, state.image_probes
        S = without
        # Without probe j, too, the basis also lacks s_j. Row i, column j; products with s_j of probe i are transposed.
        cosine = S.T @ S
        regular = 1 - cosine**2 > SINGULAR
        sine = jnp.where(regular, 1 - cosine**2, 1.0)
        SHS, SW, ST, SHW, WHS = (S.T @ product for product in (H @ S, W, T, H @ W, H.T @ W))

        def own(matrix: Array) -> Array:
            """Return the diagonal as a column."""
            return jnp.diagonal(matrix)[:, None]

        first, second = (own(SW) - cosine * SW.T) / sine, (SW.T - cosine * own(SW)) / sine
        inside = jnp.trace(H) - (own(SHS) + own(SHS).T - cosine * (SHS + SHS.T)) / sine
        outside = first * (S * R).sum(0)[:, None]
        outside -= (T * W).sum(0)[:, None] - first * own(ST) - second * ST.T
        outside += (W * (H @ W)).sum(0)[:, None] - first * own(SHW + WHS) - second * (SHW + WHS).T
        outside += first**2 * own(SHS) + first * second * (SHS + SHS.T) + second**2 * own(SHS).T
        if self.distribution != "rademacher":
            length = (state.probes**2).sum(1)[:, None] - (W**2).sum(0)[:, None] + first * own(SW) + second * SW.T
            counted = regular & (jnp.arange(W.shape[0]) < state.count)[:, None]
            outside *= (state.probes.shape[1] - state.count + 2) / jnp.where(counted, length, 1.0)
        return mean_product(jnp.where(regular, one - inside - outside, 0.0), state.count)

    def vectors(self, state):
        return jnp.concatenate([state.probes, state.basis])

    def linear(self, state, products):
        without, projected, scale = self._leave_one_out(state)
        capacity = state.probes.shape[0]
        probe_images, images = products[:capacity], products[capacity:]
        H, T = state.basis @ images.T, images @ state.probes.T
        inside = jnp.trace(H) - (without * (H @ without)).sum(0)
        outside = (state.probes * probe_images).sum(1) - (projected * (state.basis @ probe_images.T)).sum(0)
        outside += (projected * (H @ projected)).sum(0) - (T * projected).sum(0)
        counted = jnp.arange(capacity) < state.count
        return jnp.where(counted, inside + scale * outside, 0).sum() / state.count

    def products(self, state):
        return 2 * state.count

    def _parts(self, state: ProjectedState, without: Array, projected: Array) -> tuple[Array, Array]:
        """Return tr(P_i A) and ω_iᵀ(I − P_i) A (I − P_i) ω_i for each probe."""
        H, R, W, T = state.basis_images, state.coefficients, state.basis_probes, state.image_probes
        inside = jnp.trace(H) - (without * (H @ without)).sum(0)
        outside = (without * W).sum(0) * (without * R).sum(0)
        return inside, outside + (projected * (H @ projected)).sum(0) - (T * projected).sum(0)

    def _leave_one_out(self, state: ProjectedState) -> tuple[Array, Array, Array]:
        """Return s_i, (I − s_i s_iᵀ)W_i and c_i for each probe."""
        without = directions_left_out(state.coefficients, state.count)
        W = state.basis_probes
        projected = W - without * (without * W).sum(0)
        if self.distribution == "rademacher":
            return without, projected, jnp.ones(W.shape[0], W.dtype)
        size, counted = state.probes.shape[1], jnp.arange(W.shape[0]) < state.count
        length = jnp.where(counted, (state.probes**2).sum(1) - (projected**2).sum(0), 1.0)
        return without, projected, (size - state.count + 1) / length


def directions_left_out(coefficients: Float[Array, "k k"], count: Int[Array, ""]) -> Float[Array, "k k"]:
    """Return, for each probe, the unit direction in the basis that the images of all other probes lack.

    Parameters
    ----------
    coefficients
        R, with the coefficients of each image in the basis as a column; zero where there is still room.
    count
        Number of probes.

    Notes
    -----
    The columns of R⁻ᵀ, normalized. Singular values below rounding count as tiny, not as 0: the direction is then one
    that no image needs, and leaving a probe out leaves nothing out.
    """
    capacity = coefficients.shape[0]
    unused = jnp.arange(capacity) >= count
    largest = jnp.abs(coefficients).max()
    filled = coefficients + jnp.diag(jnp.where(unused, jnp.where(largest > 0, largest, 1.0), 0.0))
    left, values, right = svd(filled)
    limits = jnp.finfo(coefficients.dtype)
    smallest = jnp.maximum(limits.eps * capacity * values[0], limits.tiny)
    inverse = left @ (right / jnp.maximum(values, smallest)[:, None])
    directions = inverse / jnp.linalg.norm(inverse, axis=0)
    return jnp.where(unused, 0.0, directions)


def _orthonormal_rows(state: ProjectedState, rows: Float[Array, "b n"]) -> tuple[Array, Array, Array]:
    """Return rows orthonormal to the basis and each other, and the coefficients of `rows` in them and in the basis.

    Rows for directions that lie in the basis but for rounding are zero.
    """
    beside = state.basis @ rows.T
    outside = rows - beside.T @ state.basis
    # Twice, because the first projection leaves rounding errors of the size of what it took away.
    again = state.basis @ outside.T
    outside, beside = outside - again.T @ state.basis, beside + again
    directions, triangle = qr(outside.T)
    left, values, right = svd(triangle)
    scale = jnp.maximum(jnp.abs(state.coefficients).max(), jnp.abs(rows).max())
    tolerance = max(DEPENDENT, 100 * float(jnp.finfo(rows.dtype).eps))
    independent = values > tolerance * scale
    weights = jnp.where(independent, values, 0.0)[:, None] * right
    new = jnp.where(independent, directions @ left, 0.0)
    again = state.basis @ new
    new, triangle = qr(new - state.basis.T @ again)
    new = jnp.where(independent, new, 0.0)
    return new.T, triangle @ weights, beside + again @ weights
