"""Resistances between focal regions, and their derivative: each pair with its two regions as single nodes.

While 1 A flows between two regions the cells of each are at one potential, and ∂R/∂w_e = −(v_i − v_j)² for a conductor
between cells i and j, with the potentials v of that pair. So the sum over pairs takes one map of potentials each, and
the conductors' derivative by the permeability is asked for once, at the end.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..circuits.grid_circuit import GridCircuit
from ..circuits.pairwise import Pairwise
from ..graph.focal_nodes import FocalNodes
from ..graph.grid_graph import GridGraph
from ..linalg.stencil_matrix import neighbour_offsets, shift


def region_resistances(
    grid: GridGraph,
    places: list[np.ndarray],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[float, Float[np.ndarray, "rows columns"], int, int]:
    """Return the sum of resistances over all pairs, its derivative by permeability, and how many pairs can and cannot.

    Parameters
    ----------
    grid
        The landscape, undirected.
    places
        The active cells of each region, flat raster indices.
    progress
        Called with the number of connected pairs done and of all pairs.

    Examples
    --------
    >>> grid = GridGraph(jnp.array([[1.0, 1.0, 0.5, 1.0, 1.0]]), edge_rule="resistance")
    >>> total, slope, pairs, apart = region_resistances(grid, [np.array([0, 1]), np.array([3, 4])])
    >>> round(total, 9), slope.round(9), pairs, apart
    (3.0, array([[ 0. , -0.5, -4. , -0.5,  0. ]]), 1, 0)
    """
    focal = FocalNodes(np.arange(len(places)), tuple(places))
    pairwise = Pairwise(GridCircuit(grid), focal)
    falls, total, done = np.zeros(grid.edges.shape), 0.0, 0
    every = len(places) * (len(places) - 1) // 2
    for pair in pairwise.maps():
        potential = np.where(np.isnan(pair.potentials), 0.0, pair.potentials)
        for step, fall in zip(neighbour_offsets(grid.directions), falls, strict=True):
            fall += (potential - shift(potential, step, 0.0)) ** 2
        total, done = total + pair.resistance, done + 1
        if progress is not None:
            progress(done, every)
    # Every conductor is there twice, from each of its ends.
    return total, np.asarray(_by_permeability(grid, jnp.asarray(-falls / 2))), done, every - done


@eqx.filter_jit
def _by_permeability(grid: GridGraph, slopes: Float[Array, "directions rows columns"]) -> Float[Array, "rows columns"]:
    def edges(permeability: Float[Array, "rows columns"]) -> Float[Array, "directions rows columns"]:
        return GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        ).edges

    found, back = jax.vjp(edges, grid.permeability)
    return back(jnp.where(found > 0, slopes, 0.0))[0]
