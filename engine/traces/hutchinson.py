"""Trace estimators that average zᵀAz: Hutchinson's, and Hutch++ on what a low-rank approximation leaves."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .factorizations import qr
from .probes import Distribution
from .trace_method import AbstractTraceMethod, padded_rows


class SampledState(eqx.Module):
    """Probes so far, with zᵀAz of each.

    Parameters
    ----------
    probes
        The vectors z, zeros where there is still room.
    forms
        zᵀAz.
    count
        Number of probes so far.
    basis
        Orthonormal rows that span the low-rank approximation.
    approximation_trace
        tr(QᵀAQ).
    """

    probes: Float[Array, "capacity n"]
    forms: Float[Array, " capacity"]
    count: Int[Array, ""]
    basis: Float[Array, "m n"]
    approximation_trace: Float[Array, ""]


class HutchPlusPlus(AbstractTraceMethod):
    """Hutch++: tr(QᵀAQ), and Hutchinson's estimate for what the basis Q of A's range leaves (Meyer et al. 2021).

    Parameters
    ----------
    distribution
        Of the probes.
    sketch
        Columns of Q; with 0, Hutchinson's estimator.

    Notes
    -----
    tr A ≈ tr(QᵀAQ) + mean of gᵀAg over g = (I − QQᵀ) z, with Q = qr(AS). Directions that are uniform on the sphere
    are put on that of the complement, |g|² = n − m, which removes the variance of their length.
    """

    distribution: Distribution = "rademacher"
    sketch: int = eqx.field(default=0, static=True)

    @property
    def products_per_probe(self) -> int:
        return 1

    def probes_for(self, products: int) -> int:
        return products - 2 * self.sketch

    def first(self, operator, key, count, capacity):
        sketch_key, key = (key, key) if not self.sketch else jax.random.split(key)
        basis = jnp.zeros((0, operator.size), operator.dtype)
        if self.sketch:
            images = operator(self.draw(sketch_key, self.sketch, operator))
            basis = qr(jax.lax.stop_gradient(images).T)[0].T
        probes = self._outside(basis, self.draw(key, count, operator))
        products = operator(probes)
        if self.sketch:
            products = jnp.concatenate([operator(basis), products])
        constant = jax.lax.stop_gradient(products)
        state = SampledState(
            padded_rows(probes, capacity),
            jnp.pad((probes * constant[self.sketch :]).sum(1), (0, capacity - count)),
            jnp.array(count),
            basis,
            (basis * constant[: self.sketch]).sum(),
        )
        rows = [products[: self.sketch], padded_rows(products[self.sketch :], capacity)]
        return state, jnp.concatenate(rows)

    def append(self, state, operator, key, count):
        probes = self._outside(state.basis, self.draw(key, count, operator))
        forms = (probes * operator(probes)).sum(1)
        return SampledState(
            jax.lax.dynamic_update_slice_in_dim(state.probes, probes, state.count, 0),
            jax.lax.dynamic_update_slice_in_dim(state.forms, forms, state.count, 0),
            state.count + count,
            state.basis,
            state.approximation_trace,
        )

    def samples(self, state):
        return state.approximation_trace + state.forms, state.count

    def vectors(self, state):
        return jnp.concatenate([state.basis, state.probes])

    def linear(self, state, products):
        basis, probes = products[: self.sketch], products[self.sketch :]
        return (state.basis * basis).sum() + (state.probes * probes).sum() / state.count

    def products(self, state):
        return 2 * self.sketch + state.count

    def _outside(self, basis: Float[Array, "m n"], probes: Float[Array, "k n"]) -> Float[Array, "k n"]:
        if not self.sketch:
            return probes
        outside = probes - (probes @ basis.T) @ basis
        if self.distribution != "sphere":
            return outside
        dimension = probes.shape[1] - self.sketch
        return outside * (jnp.sqrt(dimension) / jnp.linalg.norm(outside, axis=1, keepdims=True))
