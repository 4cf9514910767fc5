"""The Kirchhoff index: the sum of the effective resistances of all pairs of cells."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..distances import require_undirected
from ..graph import GridGraph, concrete_or_none, connected_components
from ..linalg import SolveError, free_memory, predicted_factor_bytes, require_memory
from .estimated_pseudoinverse import MIN_BATCHES, estimate_pseudoinverse
from .pseudoinverse import Components, pseudoinverse_diagonal, squared_pseudoinverse_differences

#: How the index is computed: "automatic" is "exact" if the factor fits into memory.
METHODS = ("automatic", "exact", "estimate")

#: Standard error of estimates, relative to the value, and probes of the maps, unless the caller sets others.
RELATIVE_ERROR = 0.01
PROBES = 100
#: The smallest number of probes.
MIN_PROBES = 2 * MIN_BATCHES

#: Bytes per cell of an exact index, and of one with its sensitivity, besides the factor: rasters of all directions.
RASTER_BYTES = 600
SENSITIVITY_RASTER_BYTES = 1200

#: Largest relative deviation of Σ c_e ∂Kf/∂c_e from −Kf, which are equal, of a sensitivity that is returned.
SENSITIVITY_RTOL = 1e-6


@dataclass(frozen=True)
class KirchhoffIndex:
    """The Kirchhoff index of every connected component of a landscape, with its maps.

    Attributes
    ----------
    value
        Kirchhoff index of each component, the sum of the effective resistances of its pairs of cells, in ohm. Cells in
        different components are infinitely far apart; see `total`.
    mean_resistance
        Mean effective resistance of the pairs of each component, in ohm; NaN in components of one cell.
    cell_mean_resistance
        Mean effective resistance between each cell and all others of its component, in ohm; NaN in inactive cells and
        in components of one cell.
    sensitivity
        ∂Kf/∂p, derivative of the index of the cell's component with respect to the cell's permeability, zero or
        negative; NaN in inactive cells. None if it was not requested.
    standard_error
        Standard error of each value; 0 where it is exact.
    cell_standard_error, sensitivity_standard_error
        Standard errors of `cell_mean_resistance` and of `sensitivity`; None if they are exact or not requested.
    components
        Component number of each cell, the largest first, from 1 on; 0 in inactive cells.
    sizes
        Number of cells of each component.
    method
        "exact" or "estimate".
    reason
        Why this method was used: a sentence for the log.
    """

    value: Float[Array, " components"]
    mean_resistance: Float[Array, " components"]
    cell_mean_resistance: Float[Array, "rows columns"]
    sensitivity: Float[Array, "rows columns"] | None
    standard_error: Float[Array, " components"]
    components: Int[Array, "rows columns"]
    sizes: Int[Array, " components"]
    method: str
    reason: str
    cell_standard_error: Float[Array, "rows columns"] | None = None
    sensitivity_standard_error: Float[Array, "rows columns"] | None = None

    @property
    def total(self) -> Float[Array, ""]:
        """Sum of the effective resistances of all pairs of cells, infinite if there are several components.

        Examples
        --------
        >>> float(kirchhoff_index(GridGraph(jnp.array([[1.0, 0.0, 1.0]]))).total)
        inf
        """
        return self.value[0] if self.value.size == 1 else jnp.array(jnp.inf)


def kirchhoff_index(
    grid: GridGraph,
    *,
    method: str = "automatic",
    sensitivity: bool = False,
    key: Array | None = None,
    relative_error: float = RELATIVE_ERROR,
    probes: int = PROBES,
    free_bytes: int | None = None,
) -> KirchhoffIndex:
    """Return the Kirchhoff index of a landscape, Kf = Σ_{i<j} R_ij, and the mean resistance of every cell.

    Parameters
    ----------
    grid
        The landscape, undirected.
    method
        "exact", from a factorization of the Laplacian; "estimate"; or "automatic", exact if the factor fits into
        memory.
    sensitivity
        Whether to compute the derivative of the index with respect to the permeability of every cell.
    key
        JAX's random key of estimates; that of seed 0 by default.
    relative_error
        Standard error of estimated values to reach, relative to the value; where 100 products with L⁺ do not suffice,
        `standard_error` is larger.
    probes
        Random probes of estimated maps, 20 or more: the relative error of a cell is about √(2 / probes),
        14 % with 100.
    free_bytes
        Free memory; that of the machine by default.

    Raises
    ------
    ValueError
        The graph is directed (`edge_rule="target"`); an unknown method; a relative error that is not positive, fewer
        than 20 probes; the number of components is not known, under
        `jax.jit` or `jax.vmap`.
    MemoryError
        The factor does not fit into memory, with method "exact".
    RuntimeError
        The values of the raster span too many orders of magnitude for accurate results.

    Notes
    -----
    In a component of N cells with Laplacian L, from the pseudoinverse L⁺ (Klein & Randić 1993; Ghosh et al. 2008):

        Kf = N tr L⁺,    R̄_i = (N (L⁺)_ii + tr L⁺) / (N − 1),    ∂Kf/∂c_e = −N bᵀ (L⁺)² b,

    b = e_i − e_j for the edge e between cells i and j with conductance c_e. The diagonal of L⁺ and its square on the
    edges are computed exactly, by selected inversion and its derivative: the map of the mean resistance takes about as
    long as the map of the resistance to one cell. The sensitivity satisfies Σ p ∂Kf/∂p = −Kf where doubling all
    permeabilities doubles all conductances.

    Estimates take the trace from XTrace and the maps from random projections, with standard errors; see
    `estimated_pseudoinverse`. Exact values and means are differentiable.

    References
    ----------
    Klein, D. J., Randić, M. (1993). Resistance distance. Journal of Mathematical Chemistry 12, 81–95.
    Ghosh, A., Boyd, S., Saberi, A. (2008). Minimizing effective resistance of a graph. SIAM Review 50, 37–66.

    Examples
    --------
    >>> path = kirchhoff_index(GridGraph(jnp.ones((1, 4)), neighbors="rook"), sensitivity=True)
    >>> path.value.round(9), path.mean_resistance.round(9)
    (Array([10.], dtype=float64), Array([1.66666667], dtype=float64))
    >>> path.cell_mean_resistance.round(9)
    Array([[2.        , 1.33333333, 1.33333333, 2.        ]], dtype=float64)
    >>> path.sensitivity.round(9)
    Array([[-1.5, -3.5, -3.5, -1.5]], dtype=float64)
    """
    _validate(method, relative_error, probes)
    require_undirected(grid)
    labels = connected_components(grid)
    values = concrete_or_none(labels)
    if values is None:
        raise ValueError(
            "the Kirchhoff index has one value for each component, whose number is not known under jax.jit or "
            "jax.vmap: call kirchhoff_index outside them"
        )
    sizes = jnp.bincount(labels.ravel(), length=int(values.max()) + 1)
    components = Components(labels, sizes)
    method, reason = _choose_method(grid, method, sensitivity, free_memory() if free_bytes is None else free_bytes)
    if method == "exact":
        return _exact(grid, components, sensitivity, reason)
    key = jax.random.key(0) if key is None else key
    return _estimate(grid, components, sensitivity, reason, key, relative_error, int(probes))


def _validate(method: str, relative_error: float, probes: int) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if not 0 < relative_error < np.inf:
        raise ValueError(f"relative_error must be positive and finite, not {relative_error}")
    if isinstance(probes, bool) or not isinstance(probes, (int, np.integer)) or probes < MIN_PROBES:
        raise ValueError(f"probes must be a whole number of at least {MIN_PROBES}, not {probes!r}")


def _choose_method(grid: GridGraph, method: str, sensitivity: bool, free: int) -> tuple[str, str]:
    """Return "exact" or "estimate", and the reason."""
    cells = grid.height * grid.width
    more = cells * (SENSITIVITY_RASTER_BYTES if sensitivity else RASTER_BYTES)
    needed = predicted_factor_bytes(grid.shape, gradient=sensitivity) + more
    memory = f"{needed / 2**30:.1f} of {free / 2**30:.1f} GB of memory"
    if method == "automatic":
        if needed <= free:
            return "exact", f"exact: the factor takes {memory}"
        return "estimate", f"estimated: the factor would take {memory}"
    if method == "exact":
        request = f"The Kirchhoff index of a raster of {grid.height:,} × {grid.width:,}"
        require_memory(grid.shape, request, symmetric=True, gradient=sensitivity, more_bytes=more, free_bytes=free)
    return method, f"{'exact' if method == 'exact' else 'estimated'}: requested"


def _exact(grid: GridGraph, components: Components, sensitivity: bool, reason: str) -> KirchhoffIndex:
    pseudoinverse = pseudoinverse_diagonal(grid, components)
    trace = components.sum(pseudoinverse.diagonal)
    value = components.sizes * trace
    edge_sensitivity = None
    if sensitivity:
        edge_sensitivity = -components.cells * squared_pseudoinverse_differences(grid, components, pseudoinverse)
        _require_accurate(grid, components, value, edge_sensitivity)
    return KirchhoffIndex(
        value[1:],
        _mean_resistance(components, trace),
        _cell_mean_resistance(components, trace, pseudoinverse.diagonal),
        jnp.where(grid.active, _permeability_sensitivity(grid, edge_sensitivity), jnp.nan) if sensitivity else None,
        jnp.zeros_like(value[1:]),
        components.labels,
        components.sizes[1:],
        "exact",
        reason,
    )


def _estimate(
    grid: GridGraph,
    components: Components,
    sensitivity: bool,
    reason: str,
    key: Array,
    relative_error: float,
    probes: int,
) -> KirchhoffIndex:
    by_permeability = partial(_permeability_sensitivity, grid) if sensitivity else None
    estimate = estimate_pseudoinverse(
        grid, components, by_permeability, key=key, relative_error=relative_error, probes=probes
    )
    trace, sizes = jnp.asarray(estimate.trace), components.sizes
    cells, active = components.cells, components.labels > 0
    # The trace is far more accurate than an entry of the diagonal: its error does not matter in a cell's mean.
    entry_weight = cells / jnp.maximum(cells - 1, 1)
    return KirchhoffIndex(
        (sizes * trace)[1:],
        _mean_resistance(components, trace),
        _cell_mean_resistance(components, trace, jnp.asarray(estimate.diagonal)),
        jnp.where(active, cells * estimate.derivative, jnp.nan) if sensitivity else None,
        (sizes * estimate.trace_error)[1:],
        components.labels,
        sizes[1:],
        "estimate",
        reason,
        jnp.where(cells > 1, entry_weight * estimate.diagonal_error, jnp.nan),
        jnp.where(active, cells * estimate.derivative_error, jnp.nan) if sensitivity else None,
    )


def _mean_resistance(components: Components, trace: Float[Array, " labels"]) -> Float[Array, " components"]:
    """Return 2 tr L⁺ / (N − 1) of every component."""
    others = components.sizes[1:] - 1
    return jnp.where(others > 0, 2 * trace[1:] / jnp.maximum(others, 1), jnp.nan)


def _cell_mean_resistance(
    components: Components, trace: Float[Array, " labels"], diagonal: Float[Array, "rows columns"]
) -> Float[Array, "rows columns"]:
    """Return (N (L⁺)_ii + tr L⁺) / (N − 1) of every cell."""
    cells = components.cells
    sums = cells * diagonal + trace[components.labels]
    return jnp.where(cells > 1, sums / jnp.maximum(cells - 1, 1), jnp.nan)


def _require_accurate(
    grid: GridGraph,
    components: Components,
    value: Float[Array, " labels"],
    edge_sensitivity: Float[Array, "directions rows columns"],
) -> None:
    """Raise a `SolveError` unless Σ c_e ∂Kf/∂c_e = −Kf, a sum over all edges, in every component."""
    # Every edge is in the sum twice, once from each of its cells.
    products = components.sum((grid.edges * edge_sensitivity).sum(0)) / 2
    inaccurate = concrete_or_none(~(jnp.abs(products + value) <= SENSITIVITY_RTOL * value))
    if inaccurate is not None and inaccurate.any():
        raise SolveError(
            "the sensitivity of the Kirchhoff index could not be computed accurately: the values of the raster may "
            "span too many orders of magnitude"
        )


def _permeability_sensitivity(
    grid: GridGraph, edge_sensitivity: Float[Array, "directions rows columns"]
) -> Float[Array, "rows columns"]:
    """Return the derivative with respect to permeability from that with respect to conductance."""

    def conductances(permeability: Float[Array, "rows columns"]) -> Float[Array, "directions rows columns"]:
        """Return the conductances of the landscape with another permeability."""
        return GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        ).edges

    _, backpropagate = jax.vjp(conductances, grid.permeability)
    # An edge is stored in both of its cells.
    (gradient,) = backpropagate(edge_sensitivity / 2)
    return jnp.where(grid.active, gradient, 0.0)
