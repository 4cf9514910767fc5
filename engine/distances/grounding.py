"""Laplacians of a landscape that grounded cells make nonsingular."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..graph import GridGraph, representative_cells
from ..linalg import StencilMatrix, shifts


def grounded_laplacian(
    grid: GridGraph,
    components: Int[Array, "rows columns"],
    preferred: Int[Array, ""] | None = None,
    *,
    priority: Float[Array, "rows columns"] | None = None,
) -> StencilMatrix:
    """Return the Laplacian with one grounded cell in each component, which makes it nonsingular.

    Parameters
    ----------
    grid
        The landscape.
    components
        Component numbers as of `connected_components`.
    preferred
        Flat raster index of the cell to ground in its component.
    priority
        The cell with the largest value in each component is grounded; the sum of its conductances by default.

    Notes
    -----
    By default the grounded cell is the one with the largest sum of conductances. Its grounding conductance equals that
    sum. A weakly connected cell would add its large resistance to every potential, and rounding errors would drown
    their differences.

    Examples
    --------
    >>> from ..graph import connected_components
    >>> grid = GridGraph(jnp.ones((1, 3)))
    >>> grounded_laplacian(grid, connected_components(grid)).center
    Array([[1., 4., 1.]], dtype=float64)
    """
    laplacian = grid.laplacian()
    conductance_sums = jax.lax.stop_gradient(laplacian.center)
    priority = conductance_sums if priority is None else priority
    if preferred is not None:
        priority = priority.ravel().at[preferred].set(jnp.inf, mode="drop").reshape(priority.shape)
    grounded = representative_cells(components, priority)
    ground = jnp.where(grounded, jnp.where(conductance_sums > 0, conductance_sums, 1.0), 0.0)
    # Cells that are not vertices become identity rows.
    added = jnp.where(components > 0, ground, 1.0)
    return StencilMatrix(laplacian.center + added, laplacian.edges)


def grounded_region(
    grid: GridGraph, components: Int[Array, "rows columns"], region: Bool[Array, "rows columns"]
) -> tuple[StencilMatrix, Bool[Array, "rows columns"]]:
    """Return the Laplacian with potential 0 in a region, and the cells that are connected with the region.

    Parameters
    ----------
    grid
        The landscape.
    components
        Component numbers as of `connected_components`.
    region
        The cells of the region; their rows are identity rows, as are those of cells that are not vertices.

    Examples
    --------
    >>> from ..graph import connected_components
    >>> grid = GridGraph(jnp.ones((1, 3)))
    >>> system, is_reached = grounded_region(grid, connected_components(grid), jnp.array([[True, False, False]]))
    >>> system.center
    Array([[1., 2., 1.]], dtype=float64)
    """
    laplacian = grid.laplacian()
    has_region = jnp.zeros(components.size + 1, bool).at[components.ravel()].max(region.ravel())
    is_reached = has_region[components] & (components > 0)
    # Components without a cell of the region have no potential of their own: one of their cells is grounded.
    grounded = representative_cells(components, laplacian.center) & ~is_reached
    center = laplacian.center + jnp.where(grounded, laplacian.center, 0.0)
    is_fixed = region | (components == 0)
    # An isolated cell has no conductance.
    center = jnp.where(is_fixed | (center <= 0), 1.0, center)
    edges = jnp.where(is_fixed[None] | shifts(is_fixed, laplacian.edges.shape[0]), 0.0, laplacian.edges)
    return StencilMatrix(center, edges), is_reached
