"""Sources and sinks of a flow on a raster: the net outflow of every cell, in conservative form."""

from collections.abc import Iterator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..counts import count_of
from ..distances import require_undirected
from ..graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg import neighbour_offsets, shift

#: Flow through the outer faces of a field: that of the cell's own component, or none.
BOUNDARIES = ("open", "closed")

#: Largest relative rounding error of a number in double precision.
UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2


class FlowDivergence(eqx.Module):
    """The net outflow of every cell of a flow: positive in sources, negative in sinks.

    Attributes
    ----------
    divergence
        Outflow minus inflow of each cell, in the unit of the flow; NaN in inactive cells.
    through
        Flow through each cell, the larger of its inflow and its outflow; NaN in inactive cells.
    rounding
        The largest divergence that rounding alone may cause in each cell; NaN in inactive cells.
    active
        Cells of the flow.
    boundary_flow
        Net flow that leaves through the outer faces; 0 where they are closed.
    total_flow
        Sum of the absolute flows through all faces or edges.
    pixel_size
        Height and width of a cell, in map units.
    """

    divergence: Float[Array, "rows columns"]
    through: Float[Array, "rows columns"]
    rounding: Float[Array, "rows columns"]
    active: Bool[Array, "rows columns"]
    boundary_flow: Float[Array, ""]
    total_flow: Float[Array, ""]
    pixel_size: tuple[float, float] = eqx.field(static=True)

    @property
    def per_area(self) -> Float[Array, "rows columns"]:
        """Divergence per unit of area, as in vector calculus."""
        return self.divergence / (self.pixel_size[0] * self.pixel_size[1])

    @property
    def sources(self) -> Float[Array, ""]:
        """Sum of the divergence of all sources, zero or positive."""
        return jnp.maximum(self._filled, 0.0).sum()

    @property
    def sinks(self) -> Float[Array, ""]:
        """Sum of the divergence of all sinks, zero or negative."""
        return jnp.minimum(self._filled, 0.0).sum()

    @property
    def conservation_error(self) -> Float[Array, ""]:
        """|Σ divergence − flow through the boundary|, relative to the total flow: rounding errors only."""
        error = jnp.abs(self._filled.sum() - self.boundary_flow)
        return error / jnp.where(self.total_flow > 0, self.total_flow, 1.0)

    @property
    def beyond_rounding(self) -> Bool[Array, "rows columns"]:
        """Cells whose divergence is larger than rounding can explain."""
        return self.active & (jnp.abs(self._filled) > jnp.where(self.active, self.rounding, 0.0))

    @property
    def _filled(self) -> Float[Array, "rows columns"]:
        return jnp.where(self.active, self.divergence, 0.0)


def field_divergence(
    east: ArrayInput,
    north: ArrayInput,
    *,
    pixel_size: tuple[float, float] = (1.0, 1.0),
    boundary: str = "open",
    input_roundoff: float = UNIT_ROUNDOFF,
) -> FlowDivergence:
    """Return the net outflow of every cell of a field with two components.

    Parameters
    ----------
    east, north
        Components at the cell centres: flow per unit of width, positive towards greater columns and towards smaller
        rows. Cells where either is NaN are not part of the field.
    pixel_size
        Height and width of a cell, in map units; rows first.
    boundary
        Flow through the faces to the outside and to cells that are not part of the field: "open", the cell's own
        component, as if the field continued unchanged; or "closed", none.
    input_roundoff
        Largest relative rounding error of the components, 2⁻²⁴ if they were stored in single precision.

    Raises
    ------
    ValueError
        The components are not two rasters of one size; one is infinite; no cell has both; an unknown boundary; cells
        without a size. Values cannot be checked under `jax.jit`.

    Notes
    -----
    The flow through the face between two cells is the mean of their components normal to it, times its length, and the
    divergence of a cell is the sum over its faces. What leaves a cell enters its neighbour, so that the sum over any
    set of cells is the flow through the boundary of the set (LeVeque 2002, ch. 4). Inside, the divergence per area
    equals central differences of the components.

    References
    ----------
    LeVeque, R. J. (2002). Finite volume methods for hyperbolic problems. Cambridge University Press.

    Examples
    --------
    >>> x, y = jnp.meshgrid(jnp.arange(4.0), -jnp.arange(3.0))
    >>> field_divergence(2 * x, 3 * y).divergence[1, 1:3]
    Array([5., 5.], dtype=float64)
    >>> flow = field_divergence(jnp.ones((1, 3)), jnp.zeros((1, 3)), boundary="closed")
    >>> flow.divergence, float(flow.sources), float(flow.sinks)
    (Array([[ 1.,  0., -1.]], dtype=float64), 1.0, -1.0)
    """
    if boundary not in BOUNDARIES:
        raise ValueError(f'boundary must be "open" or "closed", not {boundary!r}')
    size = tuple(float(length) for length in pixel_size)
    if len(size) != 2 or not all(np.isfinite(length) and length > 0 for length in size):
        raise ValueError(f"pixel_size must be two positive lengths (height, width), not {pixel_size!r}")
    components = {"east": jnp.asarray(east, dtype=float), "north": jnp.asarray(north, dtype=float)}
    shapes = [component.shape for component in components.values()]
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise ValueError(f"east and north must be rasters of one size, with cells, not of shapes {shapes}")
    for name, component in components.items():
        _require_finite(name, component)
    active = ~(jnp.isnan(components["east"]) | jnp.isnan(components["north"]))
    _require_cells(active, "both components")
    x, y = (jnp.where(active, component, 0.0) for component in components.values())

    def faces() -> Iterator[_Outflow]:
        height, width = size
        for step in neighbour_offsets(4):
            component, length = (x, height) if step[1] else (y, width)
            # Rows count downwards, while the component points up.
            outward = length * (step[1] or -step[0])
            inner = active & shift(active, step, fill=False)
            mean = (component + shift(component, step)) / 2
            magnitude = (jnp.abs(component) + jnp.abs(shift(component, step))) / 2
            outer = jnp.where(boundary == "open", active & ~inner, False)
            yield _Outflow(outward * jnp.where(inner, mean, 0.0), length * jnp.where(inner, magnitude, 0.0), 0.0)
            own = jnp.where(outer, component, 0.0)
            yield _Outflow(outward * own, length * jnp.abs(own), outward * own)

    return _summed(faces(), active, size, input_roundoff)


def potential_divergence(
    grid: GridGraph, potential: ArrayInput, *, input_roundoff: float = UNIT_ROUNDOFF
) -> FlowDivergence:
    """Return the net current that leaves every cell of a landscape, Σ_j c_ij (v_i − v_j) = (L v)_i.

    Parameters
    ----------
    grid
        The landscape, undirected.
    potential
        Potential of every cell. Cells where it is NaN are not part of the flow: no current leads to them.
    input_roundoff
        Largest relative rounding error of the potentials, 2⁻²⁴ if they were stored in single precision.

    Raises
    ------
    ValueError
        The graph is directed; the potential has another size; it is infinite in a vertex; no vertex has one. Values
        cannot be checked under `jax.jit`.

    Notes
    -----
    By Kirchhoff's current law the divergence is the current injected into a cell: positive where it enters from
    outside, negative where it leaves to a ground, zero in all other cells. A potential that was rounded shows the
    rounding: `rounding` is its largest effect, and small where potentials differ much between neighbours.

    Examples
    --------
    >>> line = GridGraph(jnp.ones((1, 3)))
    >>> flow = potential_divergence(line, jnp.array([[2.0, 1.0, 0.0]]))
    >>> flow.divergence, flow.through
    (Array([[ 1.,  0., -1.]], dtype=float64), Array([[1., 1., 1.]], dtype=float64))
    """
    require_undirected(grid)
    values, active = _potential_of_vertices(grid, potential)

    def edges() -> Iterator[_Outflow]:
        for step, conductance in zip(neighbour_offsets(grid.directions), grid.edges, strict=True):
            joined = jnp.where(active & shift(active, step, fill=False), conductance, 0.0)
            neighbour = shift(values, step)
            yield _Outflow(joined * (values - neighbour), joined * (jnp.abs(values) + jnp.abs(neighbour)), 0.0)

    return _summed(edges(), active, grid.pixel_size, input_roundoff)


def current_field(grid: GridGraph, potential: ArrayInput) -> tuple[Float[Array, "rows columns"], ...]:
    """Return the current density of a potential as a field with two components, for arrows and stream lines.

    Parameters
    ----------
    grid, potential
        As in `potential_divergence`.

    Returns
    -------
    east, north
        Current per unit of width at every cell centre; NaN in cells that are not part of the flow.

    Notes
    -----
    J_i = Σ_j I_ij d_ij / (2A), with the current I_ij to neighbour j, the vector d_ij to its centre and the area A of a
    cell: half of every edge lies in each of its two cells. Its sum over all cells, times A, is Σ I d over all edges.

    Examples
    --------
    >>> east, north = current_field(GridGraph(jnp.ones((1, 3))), jnp.array([[2.0, 1.0, 0.0]]))
    >>> east, north
    (Array([[0.5, 1. , 0.5]], dtype=float64), Array([[0., 0., 0.]], dtype=float64))
    """
    require_undirected(grid)
    values, active = _potential_of_vertices(grid, potential)
    height, width = grid.pixel_size
    east = north = jnp.zeros(grid.shape)
    for step, conductance in zip(neighbour_offsets(grid.directions), grid.edges, strict=True):
        joined = jnp.where(active & shift(active, step, fill=False), conductance, 0.0)
        current = joined * (values - shift(values, step))
        east, north = east + current * step[1] / (2 * height), north - current * step[0] / (2 * width)
    return jnp.where(active, east, jnp.nan), jnp.where(active, north, jnp.nan)


class _Outflow(NamedTuple):
    """Flow out of every cell through one of its faces or edges, and what of it leaves the raster.

    The magnitude is the sum of the absolute values of which the flow is a difference or a mean.
    """

    flow: Array
    magnitude: Array
    outside: Array | float


def _summed(outflows: Iterator[_Outflow], active: Array, size: tuple[float, float], roundoff: float) -> FlowDivergence:
    """Add up the flows of all cells."""
    outward = inward = magnitude = jnp.zeros(active.shape)
    boundary_flow = outside_flow = jnp.zeros(())
    terms = 0
    for each in outflows:
        terms += 1
        outward, inward = outward + jnp.maximum(each.flow, 0.0), inward + jnp.maximum(-each.flow, 0.0)
        magnitude = magnitude + each.magnitude
        boundary_flow = boundary_flow + jnp.sum(each.outside)
        outside_flow = outside_flow + jnp.sum(jnp.abs(each.outside))
    divergence = outward - inward
    # The larger of the two, written so that it is smooth where they are equal up to rounding.
    through = (outward + inward + jnp.abs(divergence)) / 2
    # Each term of a sum of n is rounded n − 1 times at most, and three times before (Higham 2002, section 4.2).
    rounding = jax.lax.stop_gradient((roundoff + (terms + 2) * UNIT_ROUNDOFF) * magnitude)
    return FlowDivergence(
        *(jnp.where(active, raster, jnp.nan) for raster in (divergence, through, rounding)),
        active=active,
        boundary_flow=boundary_flow,
        # A flow between two cells was added in both.
        total_flow=((outward + inward).sum() + outside_flow) / 2,
        pixel_size=size,
    )


def _potential_of_vertices(grid: GridGraph, potential: ArrayInput) -> tuple[Array, Array]:
    """Return the potentials, 0 elsewhere, and the vertices that have one."""
    values = jnp.asarray(potential, dtype=float)
    if values.shape != grid.shape:
        raise ValueError(f"potential must be a raster of {grid.height} × {grid.width} cells, not {values.shape}")
    _require_finite("potential", jnp.where(grid.active, values, 0.0))
    active = grid.active & ~jnp.isnan(values)
    _require_cells(active, "a potential in a vertex of the landscape")
    return jnp.where(active, values, 0.0), active


def _require_finite(name: str, values: Array) -> None:
    concrete = concrete_or_none(values)
    if concrete is not None and np.isinf(concrete).any():
        row, column = np.argwhere(np.isinf(concrete))[0].tolist()
        raise ValueError(
            f"{name} is infinite in {count_of(np.isinf(concrete).sum(), 'cell')}, the first at row {row}, column "
            f"{column}; use NaN for cells without a value"
        )


def _require_cells(active: Array, what: str) -> None:
    concrete = concrete_or_none(active)
    if concrete is not None and not concrete.any():
        raise ValueError(f"no cell of {concrete.size:,} has {what}")
