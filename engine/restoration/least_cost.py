"""Exact change of the least-cost distances when one cell is restored, from one search per focal node."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..counts import count_of
from ..distances import LCPDistance
from ..graph import ArrayInput, FocalNodes, GridGraph, concrete_or_none, focal_vertices
from ..linalg import neighbour_offsets, shift
from .base import RestorationGain, restored_permeability


class LeastCostRestoration:
    """Decrease of the least-cost distances between focal nodes when one cell is restored to a given permeability.

    With d_s and d_t the least costs from s and to t in the current landscape, and c' the costs of the steps into and
    out of the restored cell x,

        d'(s, t) = min( d(s, t),  min_j [d_s(j) + c'(j, x)] + min_k [c'(x, k) + d_t(k)] ).

    This is exact for every cell without further searches: a path that benefits from the change passes x once, and runs
    through the current landscape before and after it.

    Parameters
    ----------
    grid
        The landscape.
    focal
        Focal nodes, points or regions; the distance between regions is that of their nearest cells.
    distance
        The least-cost distance; resistance times length by default.
    progress
        Called with the number of focal nodes processed and their total.

    References
    ----------
    McRae, B. H., Hall, S. A., Beier, P., Theobald, D. M. (2012). Where to restore ecological connectivity? Detecting
    barriers and quantifying restoration benefits. PLoS ONE 7, e52604.

    Examples
    --------
    >>> grid = GridGraph(np.array([[1.0, 0.1, 1.0]]), edge_rule="resistance")
    >>> restoration = LeastCostRestoration(grid, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2]))))
    >>> restoration.evaluate(1.0).gain
    array([[0., 9., 0.]])
    """

    def __init__(
        self,
        grid: GridGraph,
        focal: FocalNodes,
        distance: LCPDistance | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ):
        self.grid = grid
        self.distance = LCPDistance() if distance is None else distance
        self.nodes = focal_vertices(grid, focal)
        cells = np.asarray(grid.cells)
        self._cells = [cells[vertices] for vertices in self.nodes]
        # The symmetry of an edge rule that is a function is only guessed, from a few numbers.
        self.symmetric = grid.is_undirected and isinstance(grid.edge_rule, str)
        self.costs_from, self.costs_to = [], []
        for number, vertices in enumerate(self.nodes):
            self.costs_to.append(self._search(vertices, reverse=True))
            self.costs_from.append(self.costs_to[-1] if self.symmetric else self._search(vertices, reverse=False))
            if progress is not None:
                progress(number + 1, len(self.nodes))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Indices of the pairs of focal nodes; ordered pairs if directions matter."""
        count = len(self.nodes)
        ordered = [(i, j) for i in range(count) for j in range(count) if i != j]
        return [(i, j) for i, j in ordered if i < j or not self.symmetric]

    def between(self, source: int, target: int) -> float:
        """Return the least cost from one focal node to another, by their indices; infinite if there is no path."""
        return float(self.costs_to[target].ravel()[self._cells[source]].min())

    def evaluate(
        self,
        permeability: ArrayInput,
        restorable: Bool[np.ndarray, "rows columns"] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> RestorationGain:
        """Return the gain of restoring each cell.

        Parameters
        ----------
        permeability
            Permeability of restored cells: one number, or a raster. Cells with a higher one keep it.
        restorable
            The cells that can be restored; by default the active cells. Inactive ones become vertices.
        progress
            Called with the number of pairs of focal nodes processed and their total.

        Raises
        ------
        ValueError
            A permeability that is not a positive number; a raster of another shape.
        """
        restored, candidates = restored_permeability(self.grid, permeability, restorable)
        out, into = (
            self.step_costs(concrete_or_none(edges)) for edges in self.grid.conductances_if_cell_set_to(restored)
        )
        to_cell = [self._via_restored_cell(costs, into) for costs in self.costs_from]
        from_cell = to_cell if self.symmetric else [self._via_restored_cell(costs, out) for costs in self.costs_to]
        savings, newly_connected = np.zeros(self.grid.shape), np.zeros(self.grid.shape, np.int64)
        for done, (source, target) in enumerate(self.pairs, 1):
            current, restored_cost = self.between(source, target), to_cell[source] + from_cell[target]
            if np.isfinite(current):
                savings += np.maximum(current - restored_cost, 0.0)
            else:
                newly_connected += np.isfinite(restored_cost)
            if progress is not None:
                progress(done, len(self.pairs))
        return self.reduce(savings, newly_connected, candidates)

    def reduce(
        self,
        savings: Float[np.ndarray, "rows columns"],
        newly_connected: Int[np.ndarray, "rows columns"],
        candidates: Bool[np.ndarray, "rows columns"],
    ) -> RestorationGain:
        """Return the gain from sums over the pairs.

        Parameters
        ----------
        savings
            Sum of the decreases of the connected pairs; ordered pairs if directions matter.
        newly_connected
            Number of other pairs that become connected, counted in the same way.
        candidates
            The cells to report.
        """
        pairs = sum(np.isfinite(self.between(source, target)) for source, target in self.pairs)
        gain = np.where(newly_connected > 0, np.inf, savings / pairs if pairs else 0.0)
        directions = 1 if self.symmetric else 2
        # An unordered pair is connected if there is a path in one direction at least.
        newly_connected, pairs = -(-newly_connected // directions), int(-(-pairs // directions))
        return RestorationGain(np.where(candidates, gain, np.nan), np.where(candidates, newly_connected, 0), pairs)

    def step_costs(self, conductances: np.ndarray) -> Float[np.ndarray, "directions rows columns"]:
        """Return the costs of steps of given conductances; infinite where there is no edge.

        Raises
        ------
        ValueError
            A cost is negative or undefined.
        """
        exists = conductances > 0
        costs = np.where(exists, np.asarray(self.distance.cost(jnp.where(exists, conductances, 1.0))), np.inf)
        if (invalid := ~(costs >= 0)).any():
            raise ValueError(
                "the cost of a step from or to a restored cell would be negative or undefined in "
                f"{count_of(invalid.any(0).sum(), 'cell')}: its permeability is too high for this cost"
            )
        return costs

    def _search(self, vertices: np.ndarray, *, reverse: bool) -> Float[np.ndarray, "rows columns"]:
        costs = self.distance.allocation(self.grid, vertices, reverse=reverse)[0]
        return np.asarray(self.grid.node_values_to_array(costs, np.inf))

    def _via_restored_cell(self, costs: np.ndarray, step_costs: np.ndarray) -> Float[np.ndarray, "rows columns"]:
        """Return the least cost between a focal node and every cell, if that cell were restored."""
        result = costs.copy()
        for step, cost in zip(neighbour_offsets(self.grid.directions), step_costs, strict=True):
            np.minimum(result, shift(costs, step, np.inf) + cost, out=result)
        return result
