"""What raising one cell takes off least costs: exactly, from one search at each focal node."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..distances import LCPDistance
from ..graph.focal_nodes import FocalNodes, focal_vertices
from ..graph.grid_graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg.stencil_matrix import neighbour_offsets, shift
from .base import RestorationGain, restored_permeability


class LeastCostRestoration:
    """By how much the least costs between focal nodes fall when a cell alone is raised to a given permeability.

    With d_s and d_t the least costs from s and to t as they are, and c' those of the steps into and out of the cell x
    as it would be,

        d'(s, t) = min( d(s, t),  min_j [d_s(j) + c'(j, x)] + min_k [c'(x, k) + d_t(k)] ).

    A path that gains by the change passes x once, and before and after it through the landscape as it is: so this is
    exact, for every cell, without a search for each.

    Parameters
    ----------
    grid
        The landscape.
    focal
        Focal nodes, points or regions; the distance of regions is that of their nearest cells.
    distance
        What a step costs; resistance times length by default.
    progress
        Called with the number of focal nodes done and of all.

    References
    ----------
    McRae, B. H., Hall, S. A., Beier, P., Theobald, D. M. (2012). Where to restore ecological connectivity? Detecting
    barriers and quantifying restoration benefits. PLoS ONE 7, e52604.

    Examples
    --------
    >>> grid = GridGraph(np.array([[1.0, 0.1, 1.0]]), edge_rule="resistance")
    >>> gain = LeastCostRestoration(grid, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2]))))
    >>> gain.when_raised_to(1.0).gain
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
        self._cells = [cells[mine] for mine in self.nodes]
        # Functions are only guessed to be the same both ways.
        self.both_ways_alike = grid.is_undirected and isinstance(grid.edge_rule, str)
        self.costs_from, self.costs_to = [], []
        for number, mine in enumerate(self.nodes):
            self.costs_to.append(self._search(mine, reverse=True))
            self.costs_from.append(self.costs_to[-1] if self.both_ways_alike else self._search(mine, reverse=False))
            if progress is not None:
                progress(number + 1, len(self.nodes))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions of the pairs of focal nodes; both ways where these differ."""
        count = len(self.nodes)
        every = [(i, j) for i in range(count) for j in range(count) if i != j]
        return [(i, j) for i, j in every if i < j or not self.both_ways_alike]

    def between(self, source: int, target: int) -> float:
        """Return the least cost from one focal node to another, by their positions; infinite if there is no way."""
        return float(self.costs_to[target].ravel()[self._cells[source]].min())

    def when_raised_to(
        self,
        restored: ArrayInput,
        restorable: Bool[np.ndarray, "rows columns"] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> RestorationGain:
        """Return the gain of every cell.

        Parameters
        ----------
        restored
            Permeability of a restored cell: one number, or one for each cell. Cells that have more keep it.
        restorable
            Which cells could be restored; by default those that are active. One that is not becomes a vertex.
        progress
            Called with the number of pairs of focal nodes processed and their total.

        Raises
        ------
        ValueError
            A permeability that is not a positive number; a raster of another shape.
        """
        permeability, looked_at = restored_permeability(self.grid, restored, restorable)
        out, into = (
            self.priced(concrete_or_none(edges)) for edges in self.grid.conductances_if_cell_set_to(permeability)
        )
        reached = [self._through(costs, into) for costs in self.costs_from]
        onward = reached if self.both_ways_alike else [self._through(costs, out) for costs in self.costs_to]
        saved, joined = np.zeros(self.grid.shape), np.zeros(self.grid.shape, np.int64)
        for done, (source, target) in enumerate(self.pairs, 1):
            now, then = self.between(source, target), reached[source] + onward[target]
            if np.isfinite(now):
                saved += np.maximum(now - then, 0.0)
            else:
                joined += np.isfinite(then)
            if progress is not None:
                progress(done, len(self.pairs))
        return self.summed_up(saved, joined, looked_at)

    def summed_up(
        self,
        saved: Float[np.ndarray, "rows columns"],
        joined: Int[np.ndarray, "rows columns"],
        looked_at: Bool[np.ndarray, "rows columns"],
    ) -> RestorationGain:
        """Return the gain from what is saved in all pairs together, and from how many of them are joined.

        Parameters
        ----------
        saved
            Sum over the pairs that can reach each other, each way counted where the two differ.
        joined
            How many others would be joined, counted likewise.
        looked_at
            Which cells are told of.
        """
        pairs = sum(np.isfinite(self.between(source, target)) for source, target in self.pairs)
        gain = np.where(joined > 0, np.inf, saved / pairs if pairs else 0.0)
        ways = 1 if self.both_ways_alike else 2
        # A pair is joined if there is a way in one direction at least.
        joined, pairs = -(-joined // ways), int(-(-pairs // ways))
        return RestorationGain(np.where(looked_at, gain, np.nan), np.where(looked_at, joined, 0), pairs)

    def _search(self, mine: np.ndarray, *, reverse: bool) -> Float[np.ndarray, "rows columns"]:
        costs = self.distance.allocation(self.grid, mine, reverse=reverse)[0]
        return np.asarray(self.grid.node_values_to_array(costs, np.inf))

    def priced(self, conductances: np.ndarray) -> Float[np.ndarray, "directions rows columns"]:
        """Return what steps of given conductances cost, infinite where there is none.

        Raises
        ------
        ValueError
            A cost is negative or undefined.
        """
        exists = conductances > 0
        costs = np.where(exists, np.asarray(self.distance.cost(jnp.where(exists, conductances, 1.0))), np.inf)
        if (wrong := ~(costs >= 0)).any():
            raise ValueError(
                f"the cost of a step from or to a restored cell would be negative or undefined in {wrong.any(0).sum()} "
                "cells: its permeability is too high for this cost"
            )
        return costs

    def _through(self, costs: np.ndarray, steps: np.ndarray) -> Float[np.ndarray, "rows columns"]:
        """Return the costs between a focal node and every cell if that cell were raised."""
        result = costs.copy()
        for step, price in zip(neighbour_offsets(self.grid.directions), steps, strict=True):
            np.minimum(result, shift(costs, step, np.inf) + price, out=result)
        return result
