"""Woodbury updates of effective resistances: the change of the Laplacian when one cell is restored.

Let A be the Laplacian of the landscape, grounded in every component. Restoring a cell changes A between the cell and
its neighbours, its star. An inactive cell has an identity row in A, which its star replaces.
"""

import abc
from collections.abc import Callable
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..distances import ResistanceDistance, grounded_laplacian
from ..graph import ArrayInput, FocalNodes, GridGraph, connected_components, representative_cells
from ..linalg import StencilMatrix, inverse_submatrix, neighbour_offsets
from .base import RestorationGain, restored_permeability

#: Number of cells between which entries of the inverse are computed at a time.
CELLS_PER_BLOCK = 1500

#: Largest number of components adjacent to an inactive cell: every other one of its eight neighbours.
MAX_ADJACENT_COMPONENTS = 4


class AbstractResistanceRestoration(abc.ABC):
    """Decrease of the effective resistances between focal nodes when one cell is restored to a given permeability.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal nodes.
    distance
        The resistance distance, with its solver; by default one with an automatic choice.
    cells_per_block
        Cells between which entries of the inverse are computed at a time; the result does not depend on it.
    """

    def __init__(
        self,
        grid: GridGraph,
        focal: FocalNodes,
        distance: ResistanceDistance | None = None,
        *,
        cells_per_block: int = CELLS_PER_BLOCK,
    ):
        self.grid = grid
        self.cells_per_block = cells_per_block
        self.distance = ResistanceDistance() if distance is None else distance
        self.components = np.asarray(connected_components(grid)).ravel()
        self._prepare(focal)

    @abc.abstractmethod
    def _prepare(self, focal: FocalNodes) -> None:
        """Solve the systems that all evaluations share."""

    @property
    @abc.abstractmethod
    def pairs(self) -> int:
        """Number of connected pairs of focal nodes."""

    @abc.abstractmethod
    def _newly_connected(self, candidates: np.ndarray) -> Int[np.ndarray, "rows columns"]:
        """Return the number of pairs that each cell would connect."""

    @abc.abstractmethod
    def _sum_of_gains(self, cells: np.ndarray, star: np.ndarray, change: np.ndarray) -> Float[np.ndarray, " cells"]:
        """Return the sum of the gains of all pairs for some cells.

        Parameters
        ----------
        cells
            Flat indices of the restored cells.
        star, change
            Conductances of their edges once restored, and their increase (directions, cells).
        """

    def evaluate(
        self,
        permeability: ArrayInput,
        restorable: Bool[np.ndarray, "rows columns"] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> RestorationGain:
        """Return the gain of restoring each candidate cell.

        Parameters
        ----------
        permeability
            Permeability of restored cells: one number, or a raster. Cells with a higher one keep it.
        restorable
            The cells that can be restored; by default the active cells. Inactive ones become vertices.
        progress
            Called with the number of cells processed and their total.

        Raises
        ------
        ValueError
            A permeability that is not a positive number; a raster of another shape.
        """
        restored, candidates = restored_permeability(self.grid, permeability, restorable)
        star = np.asarray(self.grid.conductances_if_cell_set_to(restored)[0]).reshape(self.grid.directions, -1)
        change = star - np.asarray(self.grid.edges).reshape(star.shape)
        cells = self._spatially_sorted(np.flatnonzero(candidates.ravel() & (change > 0).any(0)))
        gain = np.where(candidates, 0.0, np.nan).ravel()
        block_size = max(1, self.cells_per_block // (1 + self.grid.directions))
        for first in range(0, len(cells), block_size):
            block = cells[first : first + block_size]
            gain[block] = self._sum_of_gains(block, star[:, block], change[:, block]) / max(self.pairs, 1)
            if progress is not None:
                progress(min(first + block_size, len(cells)), len(cells))
        newly_connected = self._newly_connected(candidates)
        gain = gain.reshape(self.grid.shape)
        gain[newly_connected > 0] = np.inf
        return RestorationGain(gain, newly_connected, self.pairs)

    @cached_property
    def _system(self) -> StencilMatrix:
        """The Laplacian, grounded in every component."""
        return grounded_laplacian(self.grid, connected_components(self.grid))

    @cached_property
    def _grounding(self) -> tuple[np.ndarray, np.ndarray]:
        """Grounded cell and grounding conductance of every component, from 1 on."""
        conductance_sums = np.asarray(self.grid.edges).sum(0)
        labels = self.components.reshape(self.grid.shape)
        grounded = np.flatnonzero(np.asarray(representative_cells(jnp.asarray(labels), jnp.asarray(conductance_sums))))
        cell, conductance = np.zeros(labels.max() + 1, np.int64), np.zeros(labels.max() + 1)
        cell[self.components[grounded]] = grounded
        center = np.asarray(self._system.center).ravel()
        conductance[self.components[grounded]] = center[grounded] - conductance_sums.ravel()[grounded]
        return cell, conductance

    @cached_property
    def _neighbours(self) -> Int[np.ndarray, "directions cells"]:
        """Flat index of the neighbour in each direction, −1 beyond the raster."""
        rows, columns = self.grid.shape
        row, column = np.divmod(np.arange(rows * columns), columns)
        neighbours = []
        for down, right in neighbour_offsets(self.grid.directions):
            inside = (row + down >= 0) & (row + down < rows) & (column + right >= 0) & (column + right < columns)
            neighbours.append(np.where(inside, (row + down) * columns + column + right, -1))
        return np.stack(neighbours)

    def _adjacent_components(self, cells: np.ndarray) -> Int[np.ndarray, "four cells"]:
        """Return the components adjacent to cells, each once; 0 for none."""
        neighbours = self._neighbours[:, cells]
        adjacent = -np.sort(-np.where(neighbours >= 0, self.components[neighbours], 0), axis=0)
        repeated = np.concatenate([np.zeros((1, len(cells)), bool), adjacent[1:] == adjacent[:-1]])
        return -np.sort(-np.where(repeated, 0, adjacent), axis=0)[:MAX_ADJACENT_COMPONENTS]

    def _spatially_sorted(self, cells: np.ndarray) -> np.ndarray:
        """Order cells so that consecutive ones share neighbours."""
        side = max(1, int(np.sqrt(self.cells_per_block / (1 + self.grid.directions))))
        row, column = np.divmod(cells, self.grid.width)
        return cells[np.lexsort((column, row, column // side, row // side))]

    def _star_updates(
        self, cells: np.ndarray, star: np.ndarray, change: np.ndarray
    ) -> tuple[
        Int[np.ndarray, "members cells"], Float[np.ndarray, "cells members members"], Bool[np.ndarray, " cells"]
    ]:
        """Return the cells of each star, −1 for none, the change of A between them, and which become vertices."""
        exists = star > 0
        members = np.concatenate([cells[None], np.where(exists, self._neighbours[:, cells], -1)])
        update = np.zeros((len(cells), len(members), len(members)))
        for direction in range(self.grid.directions):
            member, increase = 1 + direction, np.where(exists[direction], change[direction], 0.0)
            update[:, 0, 0] += increase
            update[:, member, member] += increase
            update[:, 0, member] -= increase
            update[:, member, 0] -= increase
        new = self.components[cells] == 0
        update[new, 0, 0] -= 1.0
        return members, update, new

    def _inverse_between(
        self, members: Int[np.ndarray, "members cells"]
    ) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, "members cells"], Float[np.ndarray, "n n"]]:
        """Return the distinct members, the index of each member among them, and the inverse of A between them."""
        terminals, index = np.unique(members, return_inverse=True)
        exists = terminals >= 0
        inverse = np.zeros((len(terminals),) * 2)
        inverse[np.ix_(exists, exists)] = inverse_submatrix(self._system, terminals[exists])
        return terminals, index.reshape(members.shape), inverse
