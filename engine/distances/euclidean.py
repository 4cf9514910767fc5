"""Euclidean distance: the straight line, blind to the landscape."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..graph.grid_graph import GridGraph
from .base import AbstractDistance


class EuclideanDistance(AbstractDistance):
    """Length of the straight line between the centres of two cells, in map units.

    The yardstick for the other distances: barriers do not matter, components do not matter, the gradient is 0.

    Examples
    --------
    >>> grid = GridGraph(jnp.ones((1, 3)), pixel_size=(10.0, 30.0))
    >>> EuclideanDistance()(grid, [0])
    Array([[ 0., 30., 60.]], dtype=float64)
    """

    def from_sources(self, grid: GridGraph, sources: Int[Array, "sources"]) -> Float[Array, "sources n"]:
        """Lengths from sources to every vertex."""
        return self.sources_to_targets(grid, sources, jnp.arange(grid.n_vertices))

    def to_targets(self, grid: GridGraph, targets: Int[Array, "targets"]) -> Float[Array, "n targets"]:
        """Lengths from every vertex to targets."""
        return self.from_sources(grid, targets).T

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, "sources"], targets: Int[Array, "targets"]
    ) -> Float[Array, "sources targets"]:
        """Lengths from sources to targets."""
        one, other = _positions(grid, sources)[:, None], _positions(grid, targets)[None]
        return jnp.sqrt(((one - other) ** 2).sum(-1))


def _positions(grid: GridGraph, numbers: Int[Array, "k"]) -> Float[Array, "k 2"]:
    cells = jnp.take(grid.cells, numbers, mode="fill", fill_value=grid.active.size)
    places = jnp.stack([cells // grid.width, cells % grid.width], -1) * jnp.array(grid.pixel_size)
    return jnp.where((cells < grid.active.size)[:, None], places, jnp.inf)
