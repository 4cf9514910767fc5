"""The Laplacian's pseudoinverse L⁺ on the stencil, exactly, from selected inverses of the grounded Laplacian.

With A the Laplacian with one grounded cell per component, G = A⁻¹, and P = I − 11ᵀ/N within a component of N cells,

    L⁺ = P G P,    (L⁺)_ii = G_ii − 2 u_i / N + Σ_j u_j / N²,    u = G 1,

and for the difference b = e_i − e_j of two cells,

    bᵀ (L⁺)² b = bᵀ G² b − (u_i − u_j)² / N.

The diagonal of G is part of its selected inverse, u is one solve, and G² is the negative derivative of the selected
inverse of A + tI at t = 0.

References
----------
Klein, D. J., Randić, M. (1993). Resistance distance. Journal of Mathematical Chemistry 12, 81–95.
Ghosh, A., Boyd, S., Saberi, A. (2008). Minimizing effective resistance of a graph. SIAM Review 50, 37–66.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..counts import count_of
from ..distances import grounded_laplacian
from ..graph import GridGraph, concrete_or_none
from ..linalg import (
    NestedDissection,
    SolveError,
    StencilMatrix,
    mirror_half,
    neighbour_offsets,
    selected_inverse,
    selected_inverse_derivative,
    shift,
    solve,
)

#: Largest G_ii / (L⁺)_ii before another cell is grounded.
MAX_CANCELLATION = 25

#: Rounding error of differences of entries of G², relative to the entries: at most 5e-16 where it was measured.
ENTRY_ROUNDING = 1e-15
#: Relative errors of a difference above which it is computed by a solve of its own: the first, or the second where that
#: would take more solves than `MAX_SOLVES`.
DIFFERENCE_RTOL = (1e-4, 1e-2)
MAX_SOLVES = 1000
#: Solves at a time.
RHS_BLOCK = 32

EXACT = NestedDissection(symmetric=True)


class Components(NamedTuple):
    """The connected components of a landscape.

    Attributes
    ----------
    labels
        Component number of each cell from 1 on, 0 where it is not active.
    sizes
        Number of cells of each label: first of the cells that are not active, then of each component.
    """

    labels: Int[Array, "rows columns"]
    sizes: Int[Array, " labels"]

    def sum(self, raster: Float[Array, "rows columns"]) -> Float[Array, " labels"]:
        """Return the sum of a raster over every component, 0 over the cells that are not active."""
        sums = jax.ops.segment_sum(raster.ravel(), self.labels.ravel(), num_segments=self.sizes.size)
        return sums.at[0].set(0.0)

    @property
    def cells(self) -> Float[Array, "rows columns"]:
        """Number of cells in the component of every cell; 1 where the cell is not active."""
        return jnp.where(self.labels > 0, self.sizes[self.labels], 1).astype(float)


class PseudoinverseDiagonal(NamedTuple):
    """The diagonal of L⁺, 0 where the cell is not active, with the grounded Laplacian A and u = A⁻¹ 1."""

    diagonal: Float[Array, "rows columns"]
    system: StencilMatrix
    row_sums: Float[Array, "rows columns"]


def pseudoinverse_diagonal(grid: GridGraph, components: Components) -> PseudoinverseDiagonal:
    """Return the diagonal of the Laplacian's pseudoinverse within each component.

    Parameters
    ----------
    grid
        The landscape, undirected.
    components
        Its connected components.

    Raises
    ------
    RuntimeError
        The grounded Laplacian is singular to working precision.

    Notes
    -----
    G_ii = R_ig is the resistance to the grounded cell g. If g is behind a nearly insulating wall, digits cancel in the
    other cells. Then the cell with the smallest (L⁺)_gg is grounded: R_ig ≤ (√(L⁺)_ii + √(L⁺)_gg)² ≤ 4 (L⁺)_ii, so that
    at most one digit cancels.

    Examples
    --------
    >>> components = Components(jnp.array([[1, 1]]), jnp.array([0, 2]))
    >>> pseudoinverse_diagonal(GridGraph(jnp.ones((1, 2))), components).diagonal
    Array([[0.25, 0.25]], dtype=float64)
    """
    result, inverse_diagonal = _diagonal(components, grounded_laplacian(grid, components.labels))
    cancels = ~(inverse_diagonal <= MAX_CANCELLATION * result.diagonal)
    # The diagonal of a component of one cell is 0.
    cancelled = concrete_or_none((cancels & (components.cells > 1)).any())
    if cancelled is not None and cancelled:
        central = -jax.lax.stop_gradient(result.diagonal)
        result, _ = _diagonal(components, grounded_laplacian(grid, components.labels, priority=central))
    return result


def _diagonal(
    components: Components, system: StencilMatrix
) -> tuple[PseudoinverseDiagonal, Float[Array, "rows columns"]]:
    """Return the diagonal of L⁺ and that of G."""
    active, cells = components.labels > 0, components.cells
    ones = jnp.where(active, 1.0, 0.0)
    row_sums = solve(EXACT, system, ones[None], symmetric=True)[0]
    inverse_diagonal = jnp.where(active, selected_inverse(system, EXACT).center, 0.0)
    totals = components.sum(row_sums)[components.labels]
    diagonal = inverse_diagonal - 2 * row_sums / cells + totals / cells**2
    diagonal = jnp.where(active & (cells > 1), diagonal, 0.0)
    return PseudoinverseDiagonal(diagonal, system, row_sums), inverse_diagonal


def squared_pseudoinverse_differences(
    grid: GridGraph, components: Components, pseudoinverse: PseudoinverseDiagonal
) -> Float[Array, "directions rows columns"]:
    """Return bᵀ (L⁺)² b = ‖L⁺ (e_i − e_j)‖² of every edge between neighbours i and j, 0 where there is no edge.

    Parameters
    ----------
    grid
        The landscape, undirected.
    components
        Its connected components.
    pseudoinverse
        The result of `pseudoinverse_diagonal`.

    Raises
    ------
    RuntimeError
        The grounded Laplacian is singular to working precision; digits cancel in more than 1,000 edges.

    Notes
    -----
    Digits cancel in edges that are far better conductors than what separates them from the grounded cell, such as those
    behind a nearly insulating wall. There a solve for b itself gives all digits: where fewer than four are left, or,
    if these are more than 1,000 edges, fewer than two.

    Examples
    --------
    >>> grid = GridGraph(jnp.ones((1, 2)), neighbors="rook")
    >>> components = Components(jnp.array([[1, 1]]), jnp.array([0, 2]))
    >>> squared_pseudoinverse_differences(grid, components, pseudoinverse_diagonal(grid, components))[2]
    Array([[0.5, 0. ]], dtype=float64)
    """
    system, row_sums = pseudoinverse.system, pseudoinverse.row_sums
    identity = StencilMatrix(jnp.ones_like(system.center), jnp.zeros_like(system.edges))
    square = selected_inverse_derivative(system, identity, EXACT)
    differences, errors = [], []
    for d, step in enumerate(neighbour_offsets(system.directions)):
        sums = square.center + shift(square.center, step)
        difference = sums - 2 * square.edges[d] - (row_sums - shift(row_sums, step)) ** 2 / components.cells
        exists = grid.edges[d] > 0
        differences.append(jnp.where(exists, difference, 0.0))
        # Infinite where all digits are lost: the difference is zero or negative then.
        error = jnp.where(difference > 0, ENTRY_ROUNDING * sums / jnp.where(difference > 0, difference, 1.0), jnp.inf)
        errors.append(jnp.where(exists, error, 0.0))
    # Both directions of an edge have the same value: the first half of the directions has every edge once.
    half = system.directions // 2
    estimated_errors = concrete_or_none(jnp.stack(errors[:half]))
    result = jnp.stack(differences[:half])
    if estimated_errors is not None:
        result = _solve_edges(result, _inaccurate_edges(estimated_errors), components, system)
    return mirror_half(result)


def _inaccurate_edges(errors: Float[np.ndarray, "half rows columns"]) -> Int[np.ndarray, "k 3"]:
    """Return direction, row and column of the edges to solve one by one; raise if there are too many."""
    for tolerance in DIFFERENCE_RTOL:
        edges = np.argwhere(errors > tolerance)
        if len(edges) <= MAX_SOLVES:
            return edges
    raise SolveError(
        f"the sensitivity of the Kirchhoff index to {count_of(len(edges), 'edge')} would have fewer than "
        f"{-round(np.log10(tolerance))} digits, and at most {MAX_SOLVES:,} can be solved one by one: the values of the "
        "raster may span too many orders of magnitude"
    )


def _solve_edges(
    differences: Float[Array, "half rows columns"],
    edges: Int[np.ndarray, "k 3"],
    components: Components,
    system: StencilMatrix,
) -> Float[Array, "half rows columns"]:
    """Return the differences, those of some edges (direction, row, column) replaced by solves for e_i − e_j."""
    steps = np.array(neighbour_offsets(system.directions))
    for first in range(0, len(edges), RHS_BLOCK):
        block = edges[first : first + RHS_BLOCK]
        direction, row, column = block.T
        down, across = steps[direction].T
        # Zero rasters at the end keep the shape that is already compiled.
        currents = np.zeros((min(RHS_BLOCK, len(edges)), *system.shape))
        currents[np.arange(len(block)), row, column] = 1.0
        currents[np.arange(len(block)), row + down, column + across] = -1.0
        labels = components.labels[row, column]
        potentials = solve(EXACT, system, jnp.asarray(currents), symmetric=True)[: len(block)]
        inside = components.labels == labels[:, None, None]
        means = jnp.where(inside, potentials, 0.0).sum((1, 2)) / components.sizes[labels]
        deviations = jnp.where(inside, potentials - means[:, None, None], 0.0)
        differences = differences.at[tuple(block.T)].set((deviations**2).sum((1, 2)))
    return differences
