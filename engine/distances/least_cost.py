"""Least-cost distance: the cost of the cheapest path (Adriaensen et al. 2003)."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..graph import ArrayInput, GridGraph, concrete_or_none
from ..hashable_function import HashableFunction
from ..shortest_paths import fast_sweeping, initial_costs, least_costs, nearest_source
from .base import AbstractDistance, vertex_cells, vertex_values
from .cost_functions import edge_costs, has_symmetric_costs, inverse

SOLVERS = ("automatic", "dijkstra", "sweeps")

NEGATIVE_COST = "the cost is negative or undefined on an edge; it must be zero or more on every edge"


class LCPDistance(AbstractDistance):
    """Cost of the cheapest path: movement with perfect knowledge of the landscape.

    d(s, t) = min over paths of Σ cost(w_e), the sum running over the edges e of the path.

    Parameters
    ----------
    cost
        Cost of crossing an edge of conductance w, zero or more; by default 1 / w, which is resistance times length.
    solver
        "dijkstra", on the CPU; "sweeps", compiled by XLA, for a GPU or for many small rasters under `jax.vmap`;
        "automatic" for Dijkstra's algorithm unless there is a GPU. Both give the same values and gradients.
    method
        Deprecated name of `solver`, from version 0.1.

    Raises
    ------
    ValueError
        An unknown solver.
    TypeError
        `solver` is not a string; both names of the argument are used.

    Notes
    -----
    With `edge_rule="resistance"` this is the accumulated cost of GRASS `r.cost`, gdistance `accCost` and scikit-image
    `MCP_Geometric`: the mean of the two cells' resistances times the length of the step.
    The derivative of a distance with respect to an edge's cost is 1 on the path and 0 off it.

    References
    ----------
    Adriaensen, F. et al. (2003). The application of 'least-cost' modelling as a functional landscape model.
    Landscape and Urban Planning 64, 233–247.

    Examples
    --------
    >>> grid = GridGraph(jnp.array([[1.0, 0.5, 1.0]]), edge_rule="resistance")
    >>> LCPDistance()(grid, [0])
    Array([[0. , 1.5, 3. ]], dtype=float64)
    """

    #: Enough targets to share the edge costs and their gradient, few enough to report progress in between.
    gradient_batch: ClassVar[int | None] = 8

    cost: Callable[[Array], Array] = eqx.field(static=True, default=inverse, converter=HashableFunction)
    solver: str = eqx.field(static=True, default="automatic")

    def __init__(
        self, cost: Callable[[Array], Array] = inverse, solver: str = "automatic", *, method: str | None = None
    ):
        if method is not None and solver not in ("automatic", method):
            raise TypeError("pass either solver or method, which is its deprecated name, not both")
        self.cost = cost
        self.solver = solver if method is None else method
        if not isinstance(self.solver, str):
            raise TypeError(f"solver must be one of {', '.join(SOLVERS)}, not {self.solver!r}")
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, not {self.solver!r}")

    def from_sources(self, grid: GridGraph, sources: Int[Array, " sources"]) -> Float[Array, "sources n"]:
        """Costs of the cheapest paths from sources to every vertex."""
        return vertex_values(grid, self._search(grid, vertex_cells(grid, sources), reverse=False))

    def to_targets(self, grid: GridGraph, targets: Int[Array, " targets"]) -> Float[Array, "n targets"]:
        """Costs of the cheapest paths from every vertex to targets."""
        return vertex_values(grid, self._search(grid, vertex_cells(grid, targets), reverse=True)).T

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, " sources"], targets: Int[Array, " targets"]
    ) -> Float[Array, "sources targets"]:
        """Costs of the cheapest paths from sources to targets, searched from the fewer of the two."""
        if sources.shape[0] <= targets.shape[0]:
            return super().sources_to_targets(grid, sources, targets)
        return jnp.take(self.to_targets(grid, targets), sources, axis=0, mode="fill", fill_value=jnp.inf)

    def nearest(self, grid: GridGraph, targets: ArrayInput) -> Float[Array, " n"]:
        """Cost from every vertex to the nearest target, in one search."""
        cells = vertex_cells(grid, grid.vertex_indices(targets, "targets"))
        return vertex_values(grid, self._search(grid, cells, reverse=True, multi_source=True))[0]

    def _search(
        self, grid: GridGraph, seeds: Int[Array, " k"], *, reverse: bool, multi_source: bool = False
    ) -> Float[Array, "k_or_1 rows columns"]:
        """Return the least costs of every cell to (or from) each seed, or to the nearest seed in one search."""
        sweeps = self.solver == "sweeps" or (self.solver == "automatic" and jax.default_backend() != "cpu")
        if not sweeps:
            symmetric = has_symmetric_costs(grid)
            return least_costs(edge_costs(grid, self.cost, half=symmetric), seeds, reverse, multi_source, symmetric)
        costs, shape = edge_costs(grid, self.cost), grid.shape
        if concrete_or_none(costs) is None:
            # Sweeps around a cycle of negative cost would never end. Dijkstra's algorithm checks the costs itself.
            costs = eqx.error_if(costs, ~(costs >= 0).all(), NEGATIVE_COST, on_error="raise")
        if multi_source:
            return fast_sweeping(costs, initial_costs(seeds, shape), reverse)[None]
        return jax.lax.map(lambda seed: fast_sweeping(costs, initial_costs(seed[None], shape), reverse), seeds)

    def allocation(
        self, grid: GridGraph, targets: ArrayInput, *, reverse: bool = True
    ) -> tuple[Float[Array, " n"], Int[Array, " n"], Int[Array, " n"]]:
        """Return the cost from every vertex to its nearest target, that target, and the next vertex on the path.

        Parameters
        ----------
        grid
            The landscape.
        targets
            Vertex numbers, or rows and columns.
        reverse
            False for paths from the targets to every vertex, which differ on a directed graph only.

        Returns
        -------
        cost
            Cost to the nearest target.
        allocation
            Index of that target in `targets`; −1 where none is reachable.
        backlink
            Vertex number of the next vertex on the path; −1 at a target and where none is reachable.

        Examples
        --------
        >>> cost, allocation, backlink = LCPDistance().allocation(GridGraph(jnp.ones((1, 4))), [0, 3])
        >>> cost.tolist(), allocation.tolist(), backlink.tolist()
        ([0.0, 1.0, 1.0, 0.0], [0, 0, 1, 1], [-1, 0, 3, -1])
        """
        cells = vertex_cells(grid, grid.vertex_indices(targets, "targets"))
        symmetric = has_symmetric_costs(grid)
        costs = edge_costs(grid, self.cost, half=symmetric)
        cost, allocation, backlink = nearest_source(costs, cells, reverse, symmetric)
        # A backlink of −1 picks the appended −1.
        vertex_numbers = jnp.append(grid.vertex_numbers.ravel(), -1)
        return cost.ravel()[grid.cells], allocation.ravel()[grid.cells], vertex_numbers[backlink.ravel()[grid.cells]]
