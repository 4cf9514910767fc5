"""Estimates of the Laplacian's pseudoinverse by random probes, for landscapes whose factor does not fit into memory.

In a component of N cells with Laplacian L = Bᵀ C B, B the incidence matrix and C the conductances:

- tr L⁺ by XTrace, whose products are solves;
- the diagonal by y = L⁺ Bᵀ C^{1/2} q with random signs q on the edges: E[y yᵀ] = L⁺, so that the mean of y_i² has the
  same relative error in every cell, √(2 / probes), however large the landscape is (Spielman & Srivastava 2011);
- ‖L⁺ (e_i − e_j)‖² by y = L⁺ z with random signs z on the cells: E[(y_i − y_j)²], with the same relative error.

Components of few cells are computed exactly, from all eigenvectors.

References
----------
Spielman, D. A., Srivastava, N. (2011). Graph sparsification by effective resistances. SIAM J. Computing 40, 1913–1926.
Epperly, E. N., Tropp, J. A., Webber, R. J. (2024). XTrace: making the most of every sample in stochastic trace
estimation. SIAM Journal on Matrix Analysis and Applications 45, 1–23.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from jaxtyping import Array, Bool, Float

from ..distances import grounded_laplacian
from ..graph import GridGraph
from ..linalg import (
    AbstractLinearSolver,
    StencilMatrix,
    mirror_half,
    neighbour_offsets,
    select_solver,
    shift,
    solve,
)
from .estimates import TraceEstimate
from .estimation import trace
from .pseudoinverse import Components

#: Components of at most this many cells are computed from a dense matrix.
DENSE_CELLS = 300
#: Probes of the maps that are solved together at most, and the smallest number of batches: the scatter between batches
#: gives the standard errors.
BATCH = 10
MIN_BATCHES = 10
#: Largest number of products with L⁺ for a trace: 1.5 rasters of memory for each.
MAX_PRODUCTS = 100


class PseudoinverseEstimate(NamedTuple):
    """Estimates with their standard errors.

    Attributes
    ----------
    trace, trace_error
        tr L⁺ of every label.
    diagonal, diagonal_error
        (L⁺)_ii, 0 where the cell is not active.
    derivative, derivative_error
        ∂(tr L⁺)/∂p of the cell's component; None if not requested.
    """

    trace: Float[np.ndarray, " labels"]
    trace_error: Float[np.ndarray, " labels"]
    diagonal: Float[np.ndarray, "rows columns"]
    diagonal_error: Float[np.ndarray, "rows columns"]
    derivative: Float[np.ndarray, "rows columns"] | None
    derivative_error: Float[np.ndarray, "rows columns"] | None


#: Derivative with respect to permeability, from that with respect to the conductance of every edge in both directions.
ByPermeability = Callable[[Float[Array, "directions rows columns"]], Float[Array, "rows columns"]]


def estimate_pseudoinverse(
    grid: GridGraph,
    components: Components,
    by_permeability: ByPermeability | None,
    *,
    key: Array,
    relative_error: float,
    probes: int,
) -> PseudoinverseEstimate:
    """Estimate tr L⁺, its diagonal and the sensitivity of tr L⁺ in every component.

    Parameters
    ----------
    grid
        The landscape, undirected.
    components
        Its connected components.
    by_permeability
        The derivative with respect to permeability from that with respect to conductance; None for no sensitivity.
    key
        JAX's random key.
    relative_error
        Standard error of tr L⁺ to reach in every component, relative to tr L⁺.
    probes
        Number of probes for the maps, rounded up to batches of the same size.
    """
    labels, sizes, edges = (np.asarray(array) for array in (components.labels, components.sizes, grid.edges))
    values, errors = np.zeros(sizes.size), np.zeros(sizes.size)
    is_small = sizes[labels] <= DENSE_CELLS
    kinds = 1 if by_permeability is None else 2
    maps = [(np.zeros(grid.shape), np.zeros(grid.shape))] * kinds
    large = np.flatnonzero(sizes[1:] > DENSE_CELLS) + 1
    if large.size:
        solver = select_solver(grid.shape, BATCH, symmetric=True).solver
        system = grounded_laplacian(grid, components.labels)
        for label in large:
            label_key = jax.random.fold_in(jax.random.fold_in(key, 0), int(label))
            mask, size = components.labels == label, int(sizes[label])
            estimate = _component_trace(solver, system, mask, size, label_key, relative_error)
            values[label], errors[label] = float(estimate.value), float(estimate.standard_error)
        maps = _estimate_maps(grid, solver, system, components, by_permeability, jax.random.fold_in(key, 1), probes)
    maps = [tuple(np.where(is_small, 0.0, raster) for raster in pair) for pair in maps]
    diagonal, diagonal_error = maps[0]
    differences = np.zeros(edges.shape)
    for label, box in zip(range(1, sizes.size), ndi.find_objects(labels), strict=True):
        if sizes[label] <= DENSE_CELLS:
            in_component, of_box = labels[box] == label, (slice(None), *box)
            entries, squares = _dense_component(in_component, edges[of_box])
            values[label] = entries.sum()
            diagonal[box][in_component] = entries
            differences[of_box] += squares
    if by_permeability is None:
        return PseudoinverseEstimate(values, errors, diagonal, diagonal_error, None, None)
    derivative, derivative_error = maps[1]
    derivative += np.asarray(by_permeability(jnp.asarray(-differences)))
    return PseudoinverseEstimate(values, errors, diagonal, diagonal_error, derivative, derivative_error)


def _dense_component(
    in_component: Bool[np.ndarray, "h w"], edges: Float[np.ndarray, "directions h w"]
) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, "directions h w"]]:
    """Return diag L⁺ of a component's cells, and ‖L⁺ (e_i − e_j)‖² of its edges, from all eigenvectors."""
    number = np.where(in_component, np.cumsum(in_component).reshape(in_component.shape) - 1, -1)
    weights = np.zeros((int(in_component.sum()),) * 2)
    pairs = []
    for d, step in enumerate(neighbour_offsets(len(edges))):
        neighbour = shift(number, step, fill=-1)
        pairs.append((number >= 0) & (neighbour >= 0) & (edges[d] > 0))
        weights[number[pairs[d]], neighbour[pairs[d]]] = edges[d][pairs[d]]
    inverse = np.zeros_like(weights)
    if len(weights) > 1:
        eigenvalues, vectors = np.linalg.eigh(np.diag(weights.sum(1)) - weights)
        # The first eigenvector is constant: its eigenvalue is 0.
        inverse = (vectors[:, 1:] / eigenvalues[1:]) @ vectors[:, 1:].T
    square, squares = inverse @ inverse, np.zeros(edges.shape)
    for d, step in enumerate(neighbour_offsets(len(edges))):
        i, j = number[pairs[d]], shift(number, step, fill=-1)[pairs[d]]
        squares[d][pairs[d]] = square[i, i] + square[j, j] - 2 * square[i, j]
    return np.diag(inverse), squares


@eqx.filter_jit
def _component_trace(
    solver: AbstractLinearSolver,
    system: StencilMatrix,
    mask: Bool[Array, "rows columns"],
    size: int,
    key: Array,
    relative_error: float,
) -> TraceEstimate:
    """Return XTrace's estimate of tr L⁺ of one component."""
    cells = jnp.nonzero(mask.ravel(), size=size)[0]

    def multiply(vectors: Float[Array, "k size"]) -> Float[Array, "k size"]:
        """Return L⁺ v of every row."""
        centred = vectors - vectors.mean(1, keepdims=True)
        currents = jnp.zeros((vectors.shape[0], mask.size)).at[:, cells].set(centred)
        potentials = solve(solver, system, currents.reshape(-1, *mask.shape), symmetric=True)
        potentials = potentials.reshape(vectors.shape[0], -1)[:, cells]
        return potentials - potentials.mean(1, keepdims=True)

    limit = min(MAX_PRODUCTS, size - 1)
    return trace(multiply, key=key, relative_error=relative_error, max_products=limit, shape=size, batched=True)


def _estimate_maps(
    grid: GridGraph,
    solver: AbstractLinearSolver,
    system: StencilMatrix,
    components: Components,
    by_permeability: ByPermeability | None,
    key: Array,
    probes: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return mean and standard error over batches of probes: of diag L⁺, and of its sensitivity if requested."""
    batches = max(MIN_BATCHES, -(-probes // BATCH))
    count = -(-probes // batches)
    kinds = 1 if by_permeability is None else 2
    mean, squares = np.zeros((kinds, *grid.shape)), np.zeros((kinds, *grid.shape))
    for batch in range(batches):
        batch_key = jax.random.fold_in(key, batch)
        samples = [_diagonal_sample(grid, solver, system, components, batch_key, count)]
        if by_permeability is not None:
            samples.append(by_permeability(-_difference_sample(grid, solver, system, components, batch_key, count)))
        # Welford's recurrence: sums of squares would cancel.
        deviations = np.stack([np.asarray(sample) for sample in samples]) - mean
        mean += deviations / (batch + 1)
        squares += deviations**2 * (batch / (batch + 1))
    return list(zip(mean, np.sqrt(squares / (batches * (batches - 1))), strict=True))


@eqx.filter_jit
def _diagonal_sample(
    grid: GridGraph, solver: AbstractLinearSolver, system: StencilMatrix, components: Components, key: Array, count: int
) -> Float[Array, "rows columns"]:
    """Return the mean of (L⁺ Bᵀ C^{1/2} q)_i² over some signs q on the edges."""
    half = grid.directions // 2
    signs = jax.random.rademacher(key, (count, half, *grid.shape), float)
    flows = signs * jnp.sqrt(grid.edges[:half])
    currents = sum(
        flows[:, d] - shift(flows[:, d], (-step[0], -step[1]))
        for d, step in enumerate(neighbour_offsets(grid.directions)[:half])
    )
    return (_pseudoinverse_products(solver, system, components, currents) ** 2).mean(0)


@eqx.filter_jit
def _difference_sample(
    grid: GridGraph, solver: AbstractLinearSolver, system: StencilMatrix, components: Components, key: Array, count: int
) -> Float[Array, "directions rows columns"]:
    """Return the mean of (y_i − y_j)² for y = L⁺ z over some signs z on the cells."""
    signs = jax.random.rademacher(key, (count, *grid.shape), float)
    centred = signs - _component_means(components, signs)
    potentials = _pseudoinverse_products(solver, system, components, jnp.where(components.labels > 0, centred, 0.0))
    half = grid.directions // 2
    differences = [
        jnp.where(grid.edges[d] > 0, ((potentials - shift(potentials, step)) ** 2).mean(0), 0.0)
        for d, step in enumerate(neighbour_offsets(grid.directions)[:half])
    ]
    return mirror_half(jnp.stack(differences))


def _pseudoinverse_products(
    solver: AbstractLinearSolver,
    system: StencilMatrix,
    components: Components,
    currents: Float[Array, "k rows columns"],
) -> Float[Array, "k rows columns"]:
    """Return L⁺ c for currents whose sum is 0 in every component."""
    potentials = solve(solver, system, currents, symmetric=True)
    return jnp.where(components.labels > 0, potentials - _component_means(components, potentials), 0.0)


def _component_means(components: Components, rasters: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
    """Return the mean over its component in every cell."""
    sums = jax.vmap(components.sum)(rasters)
    return sums[:, components.labels] / components.cells
