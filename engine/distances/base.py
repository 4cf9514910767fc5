"""The interface of distances: differentiable numbers for pairs of cells of a landscape."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..counts import count_of
from ..graph import ArrayInput, GridGraph
from ..linalg import free_memory

#: Matrices of all pairs in memory at once: the results of the searches, their copy in JAX's memory, and the distances.
MATRIX_COPIES = 3


class AbstractDistance(eqx.Module):
    """A distance between vertices of a grid graph.

    A distance is called with a grid and vertices, given as vertex numbers or as rows and columns (see
    `GridGraph.vertex_indices`):

    ==============================================  ====================  =====================
    call                                            shape                 entry [i, j]
    ==============================================  ====================  =====================
    ``distance(grid)``                              (n, n)                from i to j
    ``distance(grid, sources)``                     (sources, n)          from source i to j
    ``distance(grid, targets=targets)``             (n, targets)          from i to target j
    ``distance(grid, sources, targets)``            (sources, targets)    from source i to target j
    ``distance(grid, nodes=nodes)``                 (nodes, nodes)        from node i to node j
    ==============================================  ====================  =====================

    Unreachable vertices are infinitely far; their gradient is 0. In compiled code, where vertex numbers cannot be
    checked, a number beyond the last one denotes padding: a vertex that does not exist, at an infinite distance from
    every other.

    A subclass implements `from_sources` and `to_targets`, and overrides the other methods where it has a faster
    algorithm. Its entry in `distances/registry.json` offers it to jobs and to the toolbox.

    Attributes
    ----------
    map_batch
        Targets for which distances from every vertex are computed at a time.
    gradient_batch
        Targets for which distances are differentiated at a time; None for all at once.
    cheaper_to_targets
        Whether distances from every vertex to one target take less time than those from one source to every vertex.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> LCPDistance()(GridGraph(jnp.ones((1, 3))), [0], [2])
    Array([[2.]], dtype=float64)
    """

    map_batch: ClassVar[int] = 8
    gradient_batch: ClassVar[int | None] = 1
    cheaper_to_targets: ClassVar[bool] = False

    def __call__(
        self,
        grid: GridGraph,
        sources: ArrayInput | None = None,
        targets: ArrayInput | None = None,
        *,
        nodes: ArrayInput | None = None,
    ) -> Float[Array, "sources targets"]:
        """Return distances from sources to targets, by default from all vertices to all.

        Parameters
        ----------
        grid
            The landscape.
        sources, targets
            Vertex numbers, or rows and columns of shape (k, 2); all vertices if left out.
        nodes
            Vertices that are both sources and targets, in the same forms.

        Raises
        ------
        ValueError
            `nodes` together with sources or targets; a negative vertex number or one beyond the last vertex; all pairs
            of more cells than this distance can be computed for.
        MemoryError
            The distances do not fit into memory (says how much they need).
        """
        if nodes is not None:
            if sources is not None or targets is not None:
                raise ValueError("give either nodes, or sources and targets, not both")
            return self.between(grid, grid.vertex_indices(nodes, "nodes"))
        if sources is None and targets is None:
            return self.all_pairs(grid)
        if targets is None:
            return self.from_sources(grid, grid.vertex_indices(sources, "sources"))
        if sources is None:
            return self.to_targets(grid, grid.vertex_indices(targets, "targets"))
        return self.sources_to_targets(
            grid, grid.vertex_indices(sources, "sources"), grid.vertex_indices(targets, "targets")
        )

    @abc.abstractmethod
    def from_sources(self, grid: GridGraph, sources: Int[Array, " sources"]) -> Float[Array, "sources n"]:
        """Distances from sources to every vertex."""

    @abc.abstractmethod
    def to_targets(self, grid: GridGraph, targets: Int[Array, " targets"]) -> Float[Array, "n targets"]:
        """Distances from every vertex to targets."""

    def all_pairs(self, grid: GridGraph) -> Float[Array, "n n"]:
        """Distances between all vertices."""
        require_matrix_memory(grid.n_vertices)
        return self.from_sources(grid, jnp.arange(grid.n_vertices))

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, " sources"], targets: Int[Array, " targets"]
    ) -> Float[Array, "sources targets"]:
        """Distances from sources to targets."""
        return take_vertices(self.from_sources(grid, sources), targets)

    def between(self, grid: GridGraph, nodes: Int[Array, " nodes"]) -> Float[Array, "nodes nodes"]:
        """Distances between all pairs of nodes."""
        return self.sources_to_targets(grid, nodes, nodes)

    def nearest(self, grid: GridGraph, targets: ArrayInput) -> Float[Array, " n"]:
        """Distance from every vertex to the nearest target."""
        return self.to_targets(grid, grid.vertex_indices(targets, "targets")).min(1)


def require_matrix_memory(cells: int, free_bytes: int | None = None) -> None:
    """Raise unless the matrix of the distances between all pairs of cells fits into memory.

    Parameters
    ----------
    cells
        Number of active cells.
    free_bytes
        Free memory; that of the machine by default.

    Raises
    ------
    MemoryError
        Says how much memory is needed and how much is free.

    Examples
    --------
    >>> require_matrix_memory(1000)
    """
    needed, free = MATRIX_COPIES * 8 * cells**2, free_memory() if free_bytes is None else free_bytes
    if needed > free:
        raise MemoryError(
            f"the distances between all pairs of {count_of(cells, 'active cell')} need about {needed / 2**30:,.1f} GB "
            f"of memory, and {free / 2**30:,.1f} GB are free: request the distances between selected cells, or "
            "resample the raster to larger cells"
        )


def vertex_cells(grid: GridGraph, vertices: Int[Array, " k"]) -> Int[Array, " k"]:
    """Return the flat raster index of vertices; the size of the raster for padding.

    Examples
    --------
    >>> vertex_cells(GridGraph(jnp.array([[1.0, 0.0, 1.0]])), jnp.array([1, 2]))
    Array([2, 3], dtype=int64)
    """
    return jnp.take(grid.cells, vertices, mode="fill", fill_value=grid.active.size)


def vertex_values(grid: GridGraph, rasters: Float[Array, "k rows columns"]) -> Float[Array, "k n"]:
    """Return the values of k rasters at the vertices; infinite for padding.

    Examples
    --------
    >>> vertex_values(GridGraph(jnp.array([[1.0, 0.0, 1.0]])), jnp.array([[[5.0, 6.0, 7.0]]]))
    Array([[5., 7.]], dtype=float64)
    """
    return jnp.take(rasters.reshape(rasters.shape[0], -1), grid.cells, axis=1, mode="fill", fill_value=jnp.inf)


def take_vertices(values: Float[Array, "k n"], vertices: Int[Array, " m"]) -> Float[Array, "k m"]:
    """Return the columns of some vertices; infinite for padding.

    Examples
    --------
    >>> take_vertices(jnp.array([[5.0, 7.0]]), jnp.array([1, 2]))
    Array([[ 7., inf]], dtype=float64)
    """
    return jnp.take(values, vertices, axis=1, mode="fill", fill_value=jnp.inf)
