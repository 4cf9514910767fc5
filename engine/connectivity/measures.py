"""Measures of connectivity: differentiable sums over pairs of cells."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..distances import AbstractDistance, positive_scalar
from ..graph import ArrayInput, GridGraph


class AbstractConnectivity(eqx.Module):
    """A sum over pairs of sources and targets of a function of their distance.

    The sum can be accumulated from batches of targets: `partial_sum` returns that of a batch, and `aggregate` turns
    the total into the measure. A subclass implements `contributions` and `aggregate`.
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
            Vertex numbers, or rows and columns. By default all vertices are sources, and the targets are the sources.
        quality
            Raster of habitat quality; 1 everywhere by default.
        """
        sources = None if sources is None else grid.vertex_indices(sources, "sources")
        targets = None if targets is None else grid.vertex_indices(targets, "targets")
        quality = jnp.ones(grid.shape) if quality is None else jnp.asarray(quality, dtype=float)
        total, pairs, _ = self.partial_sum(grid, sources, targets, quality)
        return self.aggregate(total, pairs)

    def partial_sum(
        self,
        grid: GridGraph,
        sources: Int[Array, " sources"] | None,
        targets: Int[Array, " targets"] | None,
        quality: Float[Array, "rows columns"],
    ) -> tuple[Float[Array, ""], Int[Array, ""], Int[Array, ""]]:
        """Return the sum over the pairs, and the numbers of connected and of unconnected pairs of distinct vertices.

        Parameters
        ----------
        grid
            The landscape.
        sources, targets
            Vertex numbers; None for all vertices as sources, or for the sources as targets.
        quality
            Raster of habitat quality.
        """
        if targets is None:
            distances = self.distance(grid) if sources is None else self.distance(grid, nodes=sources)
        else:
            distances = self.distance(grid, sources, targets)
        sources = jnp.arange(grid.n_vertices) if sources is None else sources
        targets = sources if targets is None else targets
        exists = (sources < grid.n_vertices)[:, None] & (targets < grid.n_vertices)[None]
        distinct = exists & (sources[:, None] != targets[None])
        connected = jnp.isfinite(distances)
        # Padding has no quality.
        quality = jnp.append(grid.array_to_node_values(quality), 0.0)
        finite = jnp.where(connected, distances, 0.0)
        contributions = self.contributions(finite, connected & exists, quality[sources], quality[targets], distinct)
        return contributions.sum(), (distinct & connected).sum(), (distinct & ~connected).sum()

    @abc.abstractmethod
    def contributions(
        self,
        distances: Float[Array, "sources targets"],
        connected: Array,
        source_quality: Float[Array, " sources"],
        target_quality: Float[Array, " targets"],
        distinct: Array,
    ) -> Float[Array, "sources targets"]:
        """Return the contribution of each pair.

        Parameters
        ----------
        distances
            Distance from each source to each target; 0 where they are not connected.
        connected
            Whether both exist and the target can be reached from the source.
        source_quality, target_quality
            Habitat quality of sources and targets.
        distinct
            Whether source and target are different vertices.
        """

    @abc.abstractmethod
    def aggregate(self, total: Float[Array, ""], pairs: Int[Array, ""]) -> Float[Array, ""]:
        """Return the measure from the sum over all pairs and the number of connected pairs.

        Parameters
        ----------
        total
            Sum of the contributions; the measure must be differentiable with respect to it.
        pairs
            Number of connected pairs of distinct vertices.
        """


class MeanPathLength(AbstractConnectivity):
    """Mean distance over the connected pairs of different cells; smaller means better connected.

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

    def contributions(self, distances, connected, source_quality, target_quality, distinct):
        """Return the distance of each pair."""
        return jnp.where(distinct, distances, 0.0)

    def aggregate(self, total, pairs):
        """Divide by the number of pairs; infinite if no two cells are connected."""
        return jnp.where(pairs > 0, total / jnp.maximum(pairs, 1), jnp.inf)


class QualityWeightedConnectivity(AbstractConnectivity):
    """Accessible habitat weighted by its quality, Σ_i Σ_j q_i exp(−d_ij / α) q_j; larger means better connected.

    Parameters
    ----------
    distance
        Any distance.
    alpha
        The dispersal distance α > 0, in the unit of `distance`, at which the kernel has fallen to 1/e.

    Raises
    ------
    ValueError
        α is not one positive number.

    Notes
    -----
    The pairs i = j contribute q_i².

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
        self.alpha = positive_scalar(alpha, "alpha")

    def contributions(self, distances, connected, source_quality, target_quality, distinct):
        """Return q_i exp(−d_ij / α) q_j of each pair."""
        proximity = jnp.where(connected, jnp.exp(-distances / self.alpha), 0.0)
        return source_quality[:, None] * proximity * target_quality[None]

    def aggregate(self, total, pairs):
        """Return the sum."""
        return total
