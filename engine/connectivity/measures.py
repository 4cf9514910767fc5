"""How connected a landscape is, as one number: something a gradient can be taken of."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..distances.base import AbstractDistance
from ..graph.grid_graph import ArrayInput, GridGraph


class AbstractConnectivity(eqx.Module):
    """A sum over pairs of places, sources to targets, of something that depends on their distance.

    Being a sum, it can be gathered from batches of targets: `total` gives a batch's part and `finish` the number.
    """

    distance: eqx.AbstractVar[AbstractDistance]

    def __call__(
        self,
        grid: GridGraph,
        sources: ArrayInput | None = None,
        targets: ArrayInput | None = None,
        *,
        quality: ArrayInput | None = None,
    ) -> Float[Array, ""]:
        """Return the connectivity of a landscape.

        Parameters
        ----------
        grid
            The landscape.
        sources, targets
            Vertex numbers. Sources left out are all vertices; targets left out are the sources.
        quality
            Habitat quality, a raster; 1 everywhere if left out.
        """
        start = None if sources is None else grid.vertex_indices(sources, "sources")
        end = None if targets is None else grid.vertex_indices(targets, "targets")
        weight = jnp.ones(grid.shape) if quality is None else jnp.asarray(quality, dtype=float)
        total, pairs, _ = self.total(grid, start, end, weight)
        return self.finish(total, pairs)

    def total(
        self,
        grid: GridGraph,
        sources: Int[Array, "sources"] | None,
        targets: Int[Array, "targets"] | None,
        quality: Float[Array, "rows columns"],
    ) -> tuple[Float[Array, ""], Int[Array, ""], Int[Array, ""]]:
        """Return the sum over the pairs, how many pairs entered it, and how many cannot reach each other.

        A pair of a place with itself counts as none. Sources that are None are all vertices, targets that are None
        the sources.
        """
        if targets is None:
            distances = self.distance(grid) if sources is None else self.distance(grid, nodes=sources)
        else:
            distances = self.distance(grid, sources, targets)
        sources = jnp.arange(grid.n_vertices) if sources is None else sources
        targets = sources if targets is None else targets
        exists = (sources < grid.n_vertices)[:, None] & (targets < grid.n_vertices)[None]
        apart = exists & (sources[:, None] != targets[None])
        reachable = jnp.isfinite(distances)
        values = jnp.append(grid.array_to_node_values(quality), 0.0)
        kept = jnp.where(reachable, distances, 0.0)
        terms = self.terms(kept, reachable & exists, values[sources], values[targets], apart)
        return terms.sum(), (apart & reachable).sum(), (apart & ~reachable).sum()

    @abc.abstractmethod
    def terms(
        self,
        distances: Float[Array, "sources targets"],
        reachable: Array,
        source_quality: Float[Array, "sources"],
        target_quality: Float[Array, "targets"],
        apart: Array,
    ) -> Float[Array, "sources targets"]:
        """Return what each pair adds; `distances` holds 0 where there is no way."""

    @abc.abstractmethod
    def finish(self, total: Float[Array, ""], pairs: Int[Array, ""]) -> Float[Array, ""]:
        """Return the number from the sum over all pairs and their count."""


class MeanPathLength(AbstractConnectivity):
    """Mean distance over the pairs of different places that can reach each other; smaller is better connected.

    Parameters
    ----------
    distance
        Any distance.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> round(float(MeanPathLength(LCPDistance())(GridGraph(jnp.ones((1, 3))))), 6)
    1.333333
    """

    distance: AbstractDistance

    def terms(self, distances, reachable, source_quality, target_quality, apart):
        """Return the distance of each pair."""
        return jnp.where(apart, distances, 0.0)

    def finish(self, total, pairs):
        """Divide by the number of pairs; infinite if no two places can reach each other."""
        return jnp.where(pairs > 0, total / jnp.maximum(pairs, 1), jnp.inf)


class QualityWeightedConnectivity(AbstractConnectivity):
    """Habitat that can be reached, weighted by its quality: Σ_i Σ_j q_i exp(−d_ij / α) q_j; larger is better.

    Parameters
    ----------
    distance
        Any distance.
    alpha
        α, the distance (in the unit of `distance`) over which movement falls to 1/e.

    Notes
    -----
    A place reaches itself: the pairs i = j add q_i².

    References
    ----------
    Saura, S. & Pascual-Hortal, L. (2007). A new habitat availability index to integrate connectivity in landscape
    conservation planning. Landscape and Urban Planning 83, 91–103. Eq. 3.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> connectivity = QualityWeightedConnectivity(LCPDistance(), alpha=1.0)
    >>> round(float(connectivity(GridGraph(jnp.ones((1, 2))))), 6)
    2.735759
    """

    distance: AbstractDistance
    alpha: Float[Array, ""]

    def __init__(self, distance: AbstractDistance, alpha: ArrayLike):
        self.distance = distance
        self.alpha = jnp.asarray(alpha, dtype=float)

    def terms(self, distances, reachable, source_quality, target_quality, apart):
        """Return q_i exp(−d_ij / α) q_j of each pair."""
        proximity = jnp.where(reachable, jnp.exp(-distances / self.alpha), 0.0)
        return source_quality[:, None] * proximity * target_quality[None]

    def finish(self, total, pairs):
        """Return the sum as it is."""
        return total
