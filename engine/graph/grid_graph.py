"""A raster as a graph: active cells are vertices, neighbouring active cells share edges."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..hashable_function import HashableFunction
from ..linalg.stencil_matrix import StencilMatrix, neighbour_offsets, shift, shifts

EdgeRule = str | Callable[[Array, Array], Array]

#: Anything that becomes an array: an array, a number, a list of them.
ArrayInput = ArrayLike | Sequence

_DIRECTIONS = {"rook": 4, "queen": 8}


def _arithmetic_mean(source: Array, target: Array) -> Array:
    return (source + target) / 2


def _mean_of_resistances(source: Array, target: Array) -> Array:
    return 2 / (1 / source + 1 / target)


def _target_cell(source: Array, target: Array) -> Array:
    return target


_EDGE_RULES = {"mean": _arithmetic_mean, "resistance": _mean_of_resistances, "target": _target_cell}


class GridGraph(eqx.Module):
    """A raster of permeability as a graph of conductances.

    Two neighbouring active cells are joined by an edge whose conductance is `edge_rule` of their permeabilities
    divided by the distance between their centres. A cell of zero permeability has no edges.

    Parameters
    ----------
    permeability
        Permeability of each cell, positive; cells that are not active may hold any value.
    active
        True where the cell is a vertex. By default every cell with a finite permeability above zero.
    n_vertices
        Number of active cells; required under `jax.jit`, where it cannot be counted. Must be the true number.
    neighbors
        "queen" (8 neighbours) or "rook" (4).
    edge_rule
        "mean": arithmetic mean of the two permeabilities; "resistance": inverse of the mean of the two resistances;
        "target": permeability of the target cell (a directed graph); or a function of the permeabilities of the
        source cell and of the target cell.
    pixel_size
        Height and width of a cell, in map units; rows first.
    vertex_weights, activities, nb_active
        Deprecated names of `permeability`, `active` and `n_vertices`, which JAXScape had before version 0.0.13.

    Raises
    ------
    ValueError
        Permeability negative, NaN or infinite in an active cell (says how many and where the first is); shapes that
        differ; no active cell; a wrong `n_vertices`. Under `jax.jit` values cannot be looked at: there, an active cell
        with such a value is joined to nothing and infinitely far from everything.

    Notes
    -----
    Vertices are numbered row by row over the active cells.

    Examples
    --------
    >>> grid = GridGraph(jnp.array([[1.0, 3.0], [0.0, 3.0]]), neighbors="rook")
    >>> grid.n_vertices
    3
    >>> grid.get_adjacency_matrix().todense()
    Array([[0., 2., 0.],
           [2., 0., 3.],
           [0., 3., 0.]], dtype=float64)
    """

    permeability: Float[Array, "rows columns"]
    active: Bool[Array, "rows columns"]
    edges: Float[Array, "directions rows columns"]
    n_vertices: int = eqx.field(static=True)
    neighbors: str = eqx.field(static=True)
    edge_rule: EdgeRule = eqx.field(static=True)
    pixel_size: tuple[float, float] = eqx.field(static=True)

    def __init__(
        self,
        permeability: ArrayInput | None = None,
        active: ArrayInput | None = None,
        n_vertices: int | np.integer | None = None,
        neighbors: str = "queen",
        edge_rule: EdgeRule = "mean",
        pixel_size: tuple[float, float] = (1.0, 1.0),
        *,
        vertex_weights: ArrayInput | None = None,
        activities: ArrayInput | None = None,
        nb_active: int | np.integer | None = None,
    ):
        permeability = _either("permeability", permeability, "vertex_weights", vertex_weights)
        active = _either("active", active, "activities", activities)
        n_vertices = _either("n_vertices", n_vertices, "nb_active", nb_active)
        if permeability is None:
            raise TypeError("GridGraph needs a raster of permeability")
        weights = jnp.asarray(permeability, dtype=float)
        if weights.ndim != 2 or weights.size == 0:
            raise ValueError(f"permeability must be a raster (rows, columns) with cells, not of shape {weights.shape}")
        if neighbors not in _DIRECTIONS:
            raise ValueError(f'neighbors must be "queen" or "rook", not {neighbors!r}')
        if not (callable(edge_rule) or edge_rule in _EDGE_RULES):
            raise ValueError(f'edge_rule must be "mean", "resistance", "target" or a function, not {edge_rule!r}')
        size = tuple(float(length) for length in pixel_size)
        if len(size) != 2 or not all(np.isfinite(length) and length > 0 for length in size):
            raise ValueError(f"pixel_size must be two positive lengths (height, width), not {pixel_size!r}")

        if active is None:
            mask = jnp.isfinite(weights) & (weights > 0)
        else:
            mask = jnp.asarray(active, dtype=bool)
            if mask.shape != weights.shape:
                raise ValueError(f"active has shape {mask.shape}, permeability {weights.shape}")
        _check_values(weights, mask if active is not None else None)

        self.permeability = weights
        self.active = mask
        self.n_vertices = _count(mask, n_vertices)
        self.neighbors = neighbors
        self.edge_rule = HashableFunction(edge_rule) if callable(edge_rule) else edge_rule
        self.pixel_size = size
        self.edges = _conductances(weights, mask, _DIRECTIONS[neighbors], edge_rule, size)

    @property
    def vertex_weights(self) -> Float[Array, "rows columns"]:
        """Deprecated name of `permeability`, from JAXScape before 0.0.13."""
        return self.permeability

    @property
    def activities(self) -> Bool[Array, "rows columns"]:
        """Deprecated name of `active`, from JAXScape before 0.0.13."""
        return self.active

    @property
    def nb_active(self) -> int:
        """Deprecated name of `n_vertices`, from JAXScape before 0.0.13."""
        return self.n_vertices

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the raster."""
        return self.active.shape

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.shape[1]

    @property
    def nv(self) -> int:
        """Number of vertices, the same as `n_vertices`."""
        return self.n_vertices

    @property
    def directions(self) -> int:
        """How many neighbours a cell has: 4 or 8."""
        return self.edges.shape[0]

    @property
    def is_undirected(self) -> bool:
        """Whether every edge has the same conductance both ways."""
        return _is_symmetric(self.edge_rule)

    @property
    def step_lengths(self) -> Float[Array, "directions"]:
        """Distance between the centres of neighbouring cells, in map units, per direction."""
        return jnp.array(_step_lengths(self.directions, self.pixel_size))

    @property
    def cells(self) -> Int[Array, "n"]:
        """Flat raster index (row · columns + column) of every vertex."""
        # A number of vertices that is too large (possible under jit only) points outside the raster.
        return jnp.nonzero(self.active.ravel(), size=self.n_vertices, fill_value=self.active.size)[0]

    @property
    def vertex_numbers(self) -> Int[Array, "rows columns"]:
        """Vertex number of every cell; `n_vertices` where the cell is not active."""
        numbers = jnp.cumsum(self.active.ravel()).reshape(self.shape) - 1
        return jnp.where(self.active, numbers, self.n_vertices)

    def conductances_if_cell_set_to(
        self, permeability: ArrayInput
    ) -> tuple[Float[Array, "directions rows columns"], Float[Array, "directions rows columns"]]:
        """Return the conductances of the edges out of and into every cell, if that cell alone were changed.

        Parameters
        ----------
        permeability
            What the cell would have instead, above zero: one number, or one for each cell. A cell that is not active
            becomes a vertex by it.

        Returns
        -------
        out, into
            From the cell to its neighbour at each step, and from that neighbour to the cell; 0 where the neighbour is
            not active.

        Examples
        --------
        >>> out, _ = GridGraph(jnp.array([[1.0, 0.0, 3.0]]), neighbors="rook").conductances_if_cell_set_to(2.0)
        >>> out[:, 0, 1]
        Array([0. , 1.5, 2.5, 0. ], dtype=float64)
        """
        combine = self.edge_rule if callable(self.edge_rule) else _EDGE_RULES[self.edge_rule]
        own = jnp.broadcast_to(jnp.asarray(permeability, dtype=float), self.shape)
        joined = self.active & jnp.isfinite(self.permeability) & (self.permeability > 0)
        weights = jnp.where(joined, self.permeability, 1.0)
        out, into = [], []
        for step, length in zip(
            neighbour_offsets(self.directions), _step_lengths(self.directions, self.pixel_size), strict=True
        ):
            exists, there = shift(joined, step, fill=False), shift(weights, step, fill=1.0)
            out.append(jnp.where(exists, combine(own, there) / length, 0.0))
            into.append(jnp.where(exists, combine(there, own) / length, 0.0))
        return jnp.stack(out), jnp.stack(into)

    def laplacian(self) -> StencilMatrix:
        """Return the graph Laplacian L = D − W of the conductances, zero rows where the cell is not active.

        Notes
        -----
        (L v)_i is the net current that leaves vertex i when the potentials are v.
        """
        return StencilMatrix(self.edges.sum(0), -self.edges)

    def get_adjacency_matrix(self) -> BCOO:
        """Return the conductances as a sparse matrix over the vertices; entry [s, t] is the edge from s to t.

        Returns
        -------
        BCOO
            Shape (n_vertices, n_vertices), differentiable with respect to the permeability. Missing neighbours are
            stored as padding (indices beyond the shape), so that the number of stored elements is known under `jit`.
        """
        cells, numbers = self.cells, self.vertex_numbers
        there = shifts(numbers, self.directions, fill=self.n_vertices).reshape(self.directions, -1)[:, cells]
        data = self.edges.reshape(self.directions, -1)[:, cells]
        here = jnp.broadcast_to(jnp.arange(self.n_vertices), there.shape)
        exists = data > 0
        pairs = jnp.where(exists[..., None], jnp.stack([here, there], -1), self.n_vertices)
        shape = (self.n_vertices, self.n_vertices)
        return BCOO((data.ravel(), pairs.reshape(-1, 2)), shape=shape, unique_indices=True)

    def node_values_to_array(self, values: ArrayInput, fill: bool | int | float = jnp.nan) -> Array:
        """Lay values of the vertices out as a raster.

        Parameters
        ----------
        values
            Shape (..., n_vertices).
        fill
            What cells that are not active receive.

        Returns
        -------
        Array
            Shape (..., rows, columns).

        Raises
        ------
        ValueError
            The last axis is not as long as there are vertices.
        """
        values = jnp.asarray(values)
        if values.ndim == 0 or values.shape[-1] != self.n_vertices:
            raise ValueError(f"expected one value for each of {self.n_vertices} vertices, got shape {values.shape}")
        kind = jnp.result_type(values, jnp.asarray(fill))
        canvas = jnp.full((*values.shape[:-1], self.active.size), fill, dtype=kind)
        return canvas.at[..., self.cells].set(values.astype(kind), mode="drop").reshape(*values.shape[:-1], *self.shape)

    def array_to_node_values(self, array: ArrayInput) -> Array:
        """Take the values of the vertices out of a raster of shape (..., rows, columns); the inverse of the above."""
        array = jnp.asarray(array)
        if array.shape[-2:] != self.shape:
            raise ValueError(f"expected a raster of {self.height} × {self.width} cells, got shape {array.shape}")
        return array.reshape(*array.shape[:-2], -1)[..., self.cells]

    def coord_to_active_vertex_index(self, rows: ArrayInput, columns: ArrayInput) -> Int[Array, "k"]:
        """Return the vertex numbers of cells given by row and column, counted from 0.

        Raises
        ------
        ValueError
            A cell lies outside the raster or is not active (under `jax.jit` it gets the number `n_vertices`, which
            every distance treats as unreachable).

        Examples
        --------
        >>> int(GridGraph(jnp.array([[0.0, 1.0]])).coord_to_active_vertex_index([0], [1])[0])
        0
        """
        rows, columns = jnp.atleast_1d(jnp.asarray(rows, dtype=int)), jnp.atleast_1d(jnp.asarray(columns, dtype=int))
        inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        numbers = jnp.where(inside, self.vertex_numbers[rows, columns], self.n_vertices)
        found, within, row, column = (concrete_or_none(array) for array in (numbers, inside, rows, columns))
        if found is not None and within is not None:
            raster = f"the raster of {self.height} × {self.width} cells"
            for wrong, what in (
                (~within, f"lie outside {raster}"),
                (found == self.n_vertices, f"are not active in {raster}"),
            ):
                if wrong.any():
                    first = np.argmax(wrong)
                    raise ValueError(
                        f"{wrong.sum()} of {found.size} coordinates {what}, "
                        f"the first at row {row[first]}, column {column[first]}"
                    )
        return numbers

    def active_vertex_index_to_coord(self, vertices: ArrayInput) -> Int[Array, "k 2"]:
        """Return row and column, counted from 0, of vertices given by number."""
        cells = self.cells[jnp.atleast_1d(jnp.asarray(vertices, dtype=int))]
        return jnp.stack([cells // self.width, cells % self.width], -1)


def _either(name: str, value: Any, deprecated_name: str, deprecated_value: Any) -> Any:
    """Return the argument that was passed under its name or under its deprecated name."""
    if value is not None and deprecated_value is not None:
        raise TypeError(f"pass either {name} or {deprecated_name}, which is its deprecated name, not both")
    return deprecated_value if value is None else value


def concrete_or_none(array: ArrayInput) -> np.ndarray | None:
    """Return the values of an array if they can be looked at, None while jit or vmap is tracing it.

    Examples
    --------
    >>> concrete_or_none(jnp.array([1, 2]))
    array([1, 2])
    """
    if not isinstance(array, jax.core.Tracer):
        return np.asarray(array)
    try:
        # A value under `grad` alone is known once its gradient is of no concern; one under `jit` or `vmap` is not.
        return np.asarray(jax.lax.stop_gradient(array))
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
        return None


def _check_values(weights: Array, active: Array | None) -> None:
    """Refuse permeability that is negative, NaN or infinite in an active cell (in any cell, if none was named)."""
    values, where = concrete_or_none(weights), np.True_ if active is None else concrete_or_none(active)
    if values is None or where is None:
        return
    # Without active a NaN is the notebook's way to say nodata; with them, the caller said that the cell counts.
    faults = [("negative", values < 0), ("infinite", np.isinf(values))]
    if active is not None:
        faults.append(("not a number (NaN)", np.isnan(values)))
    for name, fault in faults:
        fault = fault & where
        if fault.any():
            row, column = np.argwhere(fault)[0]
            raise ValueError(
                f"permeability is {name} in {fault.sum()} active cells, the first at row {row}, column {column} "
                f"({values[row, column]}); it must be positive, or 0 for a barrier"
            )


def _count(active: Array, given: int | np.integer | None) -> int:
    if given is not None and concrete_or_none(given) is None:
        raise ValueError("n_vertices must be a plain integer, known when the function is compiled")
    values = concrete_or_none(active)
    if values is None:
        if given is None:
            raise ValueError("under jax.jit the number of active cells cannot be counted: pass active and n_vertices")
        return int(given)
    found = int(values.sum())
    if given is not None and int(given) != found:
        raise ValueError(f"n_vertices is {int(given)}, but {found} cells are active")
    if found == 0:
        raise ValueError("no cell is active: the raster has no permeability above zero")
    return found


def _step_lengths(directions: int, pixel_size: tuple[float, float]) -> list[float]:
    return [float(np.hypot(step[0] * pixel_size[0], step[1] * pixel_size[1])) for step in neighbour_offsets(directions)]


def _conductances(
    weights: Array, active: Array, directions: int, rule: EdgeRule, pixel_size: tuple[float, float]
) -> Float[Array, "directions rows columns"]:
    """Return w_ij = rule(p_i, p_j) / length_ij for every pair of neighbouring vertices, else 0."""
    combine = rule if callable(rule) else _EDGE_RULES[rule]
    joined = active & jnp.isfinite(weights) & (weights > 0)
    # A harmless 1 where there is no vertex: a masked division by zero would still put NaN into the gradient.
    source = jnp.where(joined, weights, 1.0)
    edges = []
    for step, length in zip(neighbour_offsets(directions), _step_lengths(directions, pixel_size), strict=True):
        both = joined & shift(joined, step, fill=False)
        edges.append(jnp.where(both, combine(source, shift(source, step, fill=1.0)) / length, 0.0))
    return jnp.stack(edges)


def _is_symmetric(rule: EdgeRule) -> bool:
    if not callable(rule):
        return rule != "target"
    # A function cannot be proven symmetric; one that treats these numbers alike both ways is taken to be.
    with jax.ensure_compile_time_eval():
        one, other = jnp.array([0.37, 1.0, 5.3, 1e-4]), jnp.array([2.9, 0.021, 7e3, 0.6])
        return bool(jnp.allclose(rule(one, other), rule(other, one), rtol=1e-12, atol=0))
