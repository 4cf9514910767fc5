"""Effective resistances between focal regions and their gradient, with the two regions of each pair as single nodes.

While 1 A flows between two regions, the cells of each are at one potential, and ∂R/∂w_e = −(v_i − v_j)² for an edge
between cells i and j, with the potentials v of that pair. The sum over pairs takes one map of potentials each; the
derivative of the edges with respect to permeability is applied once, at the end.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..circuits import GridCircuit, Pairwise
from ..graph import FocalNodes, GridGraph
from ..linalg import neighbour_offsets, shift


def region_resistances(
    grid: GridGraph,
    regions: list[np.ndarray],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[float, Float[np.ndarray, "rows columns"], int, int]:
    """Return the sum of resistances over connected pairs, its gradient, and the numbers of connected and other pairs.

    Parameters
    ----------
    grid
        The landscape, undirected.
    regions
        The active cells of each region, as flat raster indices.
    progress
        Called with the number of connected pairs processed and the number of all pairs.

    Examples
    --------
    >>> grid = GridGraph(jnp.array([[1.0, 1.0, 0.5, 1.0, 1.0]]), edge_rule="resistance")
    >>> total, gradient, connected, unconnected = region_resistances(grid, [np.array([0, 1]), np.array([3, 4])])
    >>> round(total, 9), gradient.round(9), connected, unconnected
    (3.0, array([[ 0. , -0.5, -4. , -0.5,  0. ]]), 1, 0)
    """
    pairwise = Pairwise(GridCircuit(grid), FocalNodes(np.arange(len(regions)), tuple(regions)))
    squared_drops, total, connected = np.zeros(grid.edges.shape), 0.0, 0
    n_pairs = len(regions) * (len(regions) - 1) // 2
    for pair in pairwise.maps():
        potentials = np.where(np.isnan(pair.potentials), 0.0, pair.potentials)
        for step, squared_drop in zip(neighbour_offsets(grid.directions), squared_drops, strict=True):
            squared_drop += (potentials - shift(potentials, step, 0.0)) ** 2
        total, connected = total + pair.resistance, connected + 1
        if progress is not None:
            progress(connected, n_pairs)
    # Every edge occurs twice, once from each of its ends.
    gradient = _gradient_by_permeability(grid, jnp.asarray(-squared_drops / 2))
    return total, np.asarray(gradient), connected, n_pairs - connected


@eqx.filter_jit
def _gradient_by_permeability(
    grid: GridGraph, edge_gradient: Float[Array, "directions rows columns"]
) -> Float[Array, "rows columns"]:
    """Return the gradient by permeability from that by the conductances of edges."""

    def edges_of(permeability: Float[Array, "rows columns"]) -> Float[Array, "directions rows columns"]:
        """Return the conductances of the edges."""
        return GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        ).edges

    edges, pull_back = jax.vjp(edges_of, grid.permeability)
    return pull_back(jnp.where(edges > 0, edge_gradient, 0.0))[0]
