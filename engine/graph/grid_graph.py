"""A raster as a graph: active cells are vertices, neighbouring active cells share edges."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO
from jaxtyping import Array, Bool, Float, Int

from ..counts import agreeing
from ..hashable_function import HashableFunction
from ..linalg import StencilMatrix, shifts
from .edge_rules import EDGE_RULES, EdgeRule, edge_conductances, is_symmetric, star_conductances, step_lengths
from .validation import ArrayInput, concrete_or_none, count_vertices, validate_permeability

_DIRECTIONS = {"rook": 4, "queen": 8}


class GridGraph(eqx.Module):
    """A raster of permeability as a graph of conductances.

    Two neighbouring active cells share an edge. Its conductance is `edge_rule` of their permeabilities, divided by the
    distance between their centres. A cell of zero permeability has no edges.

    Parameters
    ----------
    permeability
        Permeability of each cell, positive; cells that are not active may hold any value.
    active
        True where the cell is a vertex. By default every cell with a finite permeability above zero.
    n_vertices
        Number of active cells; required under `jax.jit`, where it cannot be counted.
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
        Permeability is negative, NaN or infinite in an active cell (the message counts them and locates the first);
        shapes differ; no cell is active; `n_vertices` is not the number of active cells. Under `jax.jit` values cannot
        be checked: there, an active cell with such a value has no edges and is infinitely far from everything.

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
        if not (callable(edge_rule) or edge_rule in EDGE_RULES):
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
        validate_permeability(weights, mask if active is not None else None)

        self.permeability = weights
        self.active = mask
        self.n_vertices = count_vertices(mask, n_vertices)
        self.neighbors = neighbors
        self.edge_rule = HashableFunction(edge_rule) if callable(edge_rule) else edge_rule
        self.pixel_size = size
        self.edges = edge_conductances(weights, mask, _DIRECTIONS[neighbors], edge_rule, size)

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
        """Number of neighbours of a cell: 4 or 8."""
        return self.edges.shape[0]

    @property
    def is_undirected(self) -> bool:
        """Whether every edge has the same conductance in both directions."""
        return is_symmetric(self.edge_rule)

    @property
    def step_lengths(self) -> Float[Array, "directions"]:
        """Distance between the centres of neighbouring cells, in map units, per direction."""
        return jnp.array(step_lengths(self.directions, self.pixel_size))

    @property
    def cells(self) -> Int[Array, " n"]:
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
        """Return the conductances of every cell's edges, out and in, if that cell alone had another permeability.

        Parameters
        ----------
        permeability
            The cell's permeability after the change, above zero: one number, or one for each cell. An inactive cell
            becomes a vertex.

        Returns
        -------
        out, into
            From the cell to its neighbour at each step, and from that neighbour to the cell; 0 where the neighbour is
            not active.

        Examples
        --------
        >>> grid = GridGraph(jnp.array([[1.0, 0.0, 3.0]]), neighbors="rook")
        >>> grid.conductances_if_cell_set_to(2.0)[0][:, 0, 1]
        Array([0. , 1.5, 2.5, 0. ], dtype=float64)
        """
        restored = jnp.broadcast_to(jnp.asarray(permeability, dtype=float), self.shape)
        return star_conductances(
            restored, self.permeability, self.active, self.directions, self.edge_rule, self.pixel_size
        )

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
        targets = shifts(numbers, self.directions, fill=self.n_vertices).reshape(self.directions, -1)[:, cells]
        data = self.edges.reshape(self.directions, -1)[:, cells]
        sources = jnp.broadcast_to(jnp.arange(self.n_vertices), targets.shape)
        exists = data > 0
        indices = jnp.where(exists[..., None], jnp.stack([sources, targets], -1), self.n_vertices)
        shape = (self.n_vertices, self.n_vertices)
        return BCOO((data.ravel(), indices.reshape(-1, 2)), shape=shape, unique_indices=True)

    def node_values_to_array(self, values: ArrayInput, fill: bool | int | float = jnp.nan) -> Array:
        """Map values of the vertices to a raster.

        Parameters
        ----------
        values
            Shape (..., n_vertices).
        fill
            Value of the cells that are not active.

        Returns
        -------
        Array
            Shape (..., rows, columns).

        Raises
        ------
        ValueError
            The last axis does not have one value for each vertex.
        """
        values = jnp.asarray(values)
        if values.ndim == 0 or values.shape[-1] != self.n_vertices:
            raise ValueError(f"expected one value for each of {self.n_vertices} vertices, got shape {values.shape}")
        dtype = jnp.result_type(values, jnp.asarray(fill))
        rasters = jnp.full((*values.shape[:-1], self.active.size), fill, dtype=dtype)
        rasters = rasters.at[..., self.cells].set(values.astype(dtype), mode="drop")
        return rasters.reshape(*values.shape[:-1], *self.shape)

    def array_to_node_values(self, array: ArrayInput) -> Array:
        """Return the vertices' values of a raster of shape (..., rows, columns); inverse of `node_values_to_array`."""
        array = jnp.asarray(array)
        if array.shape[-2:] != self.shape:
            raise ValueError(f"expected a raster of {self.height} × {self.width} cells, got shape {array.shape}")
        return array.reshape(*array.shape[:-2], -1)[..., self.cells]

    def vertex_indices(self, vertices: ArrayInput, name: str = "vertices") -> Int[Array, " k"]:
        """Return vertices, given by number or by row and column, as vertex numbers.

        Parameters
        ----------
        vertices
            A vertex number, a list of them, or an integer array of shape (k, 2) of rows and columns, counted from 0.
        name
            The subject of error messages.

        Raises
        ------
        ValueError
            No vertex is given; neither of these forms; a number that no vertex has; a row and column outside the
            raster or in a cell that is not active. Under `jax.jit` values cannot be checked: a vertex that does not
            exist is unreachable.

        Examples
        --------
        >>> grid = GridGraph(jnp.array([[0.0, 1.0], [1.0, 1.0]]))
        >>> grid.vertex_indices([2, 0]), grid.vertex_indices([[1, 1], [0, 1]])
        (Array([2, 0], dtype=int64), Array([2, 0], dtype=int64))
        """
        numbers = jnp.atleast_1d(jnp.asarray(vertices))
        if not numbers.size:
            raise ValueError(f"{name} is empty: give at least one vertex")
        if jnp.issubdtype(numbers.dtype, jnp.integer) and numbers.ndim == 2 and numbers.shape[1] == 2:
            return self._numbers_at(numbers[:, 0], numbers[:, 1], name)
        if numbers.ndim != 1 or not jnp.issubdtype(numbers.dtype, jnp.integer):
            raise ValueError(
                f"{name} must be a list of vertex numbers, or rows and columns of shape (k, 2), not shape "
                f"{numbers.shape} of {numbers.dtype}"
            )
        values = concrete_or_none(numbers)
        if values is not None:
            wrong = values[(values < 0) | (values >= self.n_vertices)]
            if wrong.size:
                are_not = agreeing(wrong.size, "is not a vertex", "are not vertices")
                raise ValueError(
                    f"{wrong.size} of {values.size} {name} {are_not} of this landscape, the first is {wrong[0]}; "
                    f"vertices are numbered from 0 to {self.n_vertices - 1}"
                )
        return numbers.astype(int)

    def coord_to_active_vertex_index(self, rows: ArrayInput, columns: ArrayInput) -> Int[Array, " k"]:
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
        rows, columns = (jnp.atleast_1d(jnp.asarray(coordinate, dtype=int)) for coordinate in (rows, columns))
        return self._numbers_at(rows, columns, "coordinates")

    def active_vertex_index_to_coord(self, vertices: ArrayInput) -> Int[Array, "k 2"]:
        """Return row and column, counted from 0, of vertices given by number.

        Raises
        ------
        ValueError
            A number that no vertex has. Under `jax.jit` it cannot be checked, and the result is meaningless.
        """
        numbers = jnp.ravel(jnp.asarray(vertices, dtype=int))
        cells = self.cells[self.vertex_indices(numbers) if numbers.size else numbers]
        return jnp.stack([cells // self.width, cells % self.width], -1)

    def _numbers_at(self, rows: Int[Array, " k"], columns: Int[Array, " k"], name: str) -> Int[Array, " k"]:
        inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        numbers = jnp.where(inside, self.vertex_numbers[rows, columns], self.n_vertices)
        values, in_raster, row, column = (concrete_or_none(array) for array in (numbers, inside, rows, columns))
        if values is not None and in_raster is not None:
            raster = f"the raster of {self.height} × {self.width} cells"
            for wrong, verbs, problem in (
                (~in_raster, ("lies", "lie"), f"outside {raster}"),
                (values == self.n_vertices, ("is", "are"), f"not active in {raster}"),
            ):
                if wrong.any():
                    first = np.argmax(wrong)
                    raise ValueError(
                        f"{wrong.sum()} of {values.size} {name} {agreeing(wrong.sum(), *verbs)} {problem}, "
                        f"the first at row {row[first]}, column {column[first]}"
                    )
        return numbers


def _either(name: str, value: Any, deprecated_name: str, deprecated_value: Any) -> Any:
    """Return the argument that was passed under its name or under its deprecated name."""
    if value is not None and deprecated_value is not None:
        raise TypeError(f"pass either {name} or {deprecated_name}, which is its deprecated name, not both")
    return deprecated_value if value is None else value
