"""A landscape at one resolution that can be painted: edges are updated where cells change."""

import numpy as np
import scipy.ndimage as ndi
from jaxtyping import Bool, Float, Int

from ..linalg import ChangingLaplacian, neighbour_offsets
from ..parallel import parallel_starmap
from .edge_kernels import RULES, update_edges

#: Rows whose edges are computed at a time, in parallel.
ROWS_PER_BAND = 128

_NEIGHBOURHOODS = {4: ndi.generate_binary_structure(2, 1), 8: ndi.generate_binary_structure(2, 2)}


class Landscape:
    """A raster of permeability with its edges, connected components and solver.

    Parameters
    ----------
    permeability
        Permeability of each cell; 0 in barriers. The array is copied.
    directions
        4 or 8.
    edge_rule
        "mean" or "resistance", as for `GridGraph`.
    pixel_size
        Height and width of a cell at full resolution, in map units.
    factor
        Number k of cells of the full resolution along one side of a cell. Conductances are those of the full
        resolution, because k × k equal edges, in series and in parallel, conduct like one; costs are k times as large.

    Attributes
    ----------
    version
        Number of changes so far.
    """

    def __init__(
        self,
        permeability: Float[np.ndarray, "rows columns"],
        *,
        directions: int,
        edge_rule: str,
        pixel_size: tuple[float, float],
        factor: int = 1,
    ):
        self.permeability = np.array(permeability, float)
        self.directions, self.edge_rule, self.factor = directions, edge_rule, factor
        self.pixel_size = pixel_size
        self.rule = RULES[edge_rule]
        self.offsets = np.array(neighbour_offsets(directions))
        self.lengths = np.hypot(self.offsets[:, 0] * pixel_size[0], self.offsets[:, 1] * pixel_size[1])
        self.version = 0
        shape = self.permeability.shape
        self.edges = np.empty((directions, *shape))
        self.costs = np.empty((directions // 2, *shape))
        self._center = np.empty(shape)
        self._components: np.ndarray | None = None
        self._solver: ChangingLaplacian | None = None
        rows, columns = shape
        self._update([(top, min(top + ROWS_PER_BAND, rows), 0, columns) for top in range(0, rows, ROWS_PER_BAND)])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.permeability.shape

    @property
    def active(self) -> Bool[np.ndarray, "rows columns"]:
        """Whether each cell is passable."""
        return self.permeability > 0

    @property
    def components(self) -> Int[np.ndarray, "rows columns"]:
        """Number of the connected component of each cell; 0 in barriers."""
        if self._components is None:
            self._components = ndi.label(self.active, _NEIGHBOURHOODS[self.directions])[0]
        return self._components

    @property
    def solver(self) -> ChangingLaplacian:
        """The solver of potentials, built when it is first used."""
        if self._solver is None:
            self._solver = ChangingLaplacian(self._center, self.edges)
        return self._solver

    def copy(self) -> "Landscape":
        """Return an independent copy, which shares the multigrid hierarchy of this landscape until it changes."""
        other = object.__new__(Landscape)
        other.__dict__.update(self.__dict__)
        for name in ("permeability", "edges", "costs", "_center"):
            setattr(other, name, getattr(self, name).copy())
        if self._solver is not None:
            other._solver = self._solver.of_copy(other._center, other.edges)
        return other

    def refresh(self) -> None:
        """Bring the solver up to date, if it has been used."""
        if self._solver is not None:
            self._solver.refresh()

    def set_permeability(self, cells: Int[np.ndarray, " n"], values: Float[np.ndarray, " n"]) -> None:
        """Change the permeability of cells and update their edges.

        Parameters
        ----------
        cells
            Flat raster indices.
        values
            New permeability; 0 makes a cell a barrier.
        """
        flat = self.permeability.reshape(-1)
        changed = flat[cells] != values
        cells, values = cells[changed], values[changed]
        if not cells.size:
            return
        with np.errstate(divide="ignore"):
            growth = float((values / flat[cells]).max())
        same_barriers = bool(((flat[cells] > 0) == (values > 0)).all())
        flat[cells] = values
        rows, columns = np.divmod(cells, self.shape[1])
        top, bottom = max(int(rows.min()) - 1, 0), min(int(rows.max()) + 2, self.shape[0])
        left, right = max(int(columns.min()) - 1, 0), min(int(columns.max()) + 2, self.shape[1])
        self._update([(top, bottom, left, right)])
        self.version += 1
        if not same_barriers:
            self._components = None
        if self._solver is not None:
            self._solver.has_changed(growth=growth)

    def _update(self, windows: list[tuple[int, int, int, int]]) -> None:
        args = (self.permeability, self.rule, self.lengths, self.offsets, float(self.factor))
        args = (*args, self.edges, self._center, self.costs)
        parallel_starmap(update_edges, [(*args, *window) for window in windows])


def coarsened(
    values: Float[np.ndarray, "rows columns"], factor: int
) -> Float[np.ndarray, "coarse_rows coarse_columns"]:
    """Return the mean of each block of factor × factor cells; blocks at the lower and right edge may be smaller.

    Examples
    --------
    >>> coarsened(np.array([[1.0, 3.0, 5.0]]), 2)
    array([[2., 5.]])
    """
    if factor == 1:
        return values
    rows, columns = (-(-side // factor) for side in values.shape)
    padded = np.zeros((rows * factor, columns * factor))
    padded[: values.shape[0], : values.shape[1]] = values
    sums = padded.reshape(rows, factor, columns, factor).sum((1, 3))
    height = np.minimum(values.shape[0] - factor * np.arange(rows), factor)
    width = np.minimum(values.shape[1] - factor * np.arange(columns), factor)
    return sums / (height[:, None] * width)
