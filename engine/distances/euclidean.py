"""Euclidean distance: the length of the straight line, independent of the landscape."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..graph import GridGraph
from .base import AbstractDistance, vertex_cells


class EuclideanDistance(AbstractDistance):
    """Length of the straight line between the centres of two cells, in map units.

    A null model for the other distances: neither barriers nor components matter, and the gradient is 0.

    Examples
    --------
    >>> grid = GridGraph(jnp.ones((1, 3)), pixel_size=(10.0, 30.0))
    >>> EuclideanDistance()(grid, [0])
    Array([[ 0., 30., 60.]], dtype=float64)
    """

    def from_sources(self, grid: GridGraph, sources: Int[Array, " sources"]) -> Float[Array, "sources n"]:
        """Lengths from sources to every vertex."""
        return self.sources_to_targets(grid, sources, jnp.arange(grid.n_vertices))

    def to_targets(self, grid: GridGraph, targets: Int[Array, " targets"]) -> Float[Array, "n targets"]:
        """Lengths from every vertex to targets."""
        return self.from_sources(grid, targets).T

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, " sources"], targets: Int[Array, " targets"]
    ) -> Float[Array, "sources targets"]:
        """Lengths from sources to targets."""
        source_cells, target_cells = vertex_cells(grid, sources)[:, None], vertex_cells(grid, targets)[None]
        difference = _centres(grid, source_cells) - _centres(grid, target_cells)
        exist = (source_cells < grid.active.size) & (target_cells < grid.active.size)
        return jnp.where(exist, jnp.sqrt((difference**2).sum(-1)), jnp.inf)


def _centres(grid: GridGraph, cells: Int[Array, " *batch"]) -> Float[Array, "*batch 2"]:
    """Return the map coordinates of the centres of cells, relative to the first cell of the raster."""
    return jnp.stack([cells // grid.width, cells % grid.width], -1) * jnp.array(grid.pixel_size)
