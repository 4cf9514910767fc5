"""The star of a cell: what raising it changes in a circuit, and the entries of the inverse that this takes.

With A the Laplacian of the landscape, tied to the ground in every component, a cell that is raised changes A between
itself and its neighbours. A cell that is not active yet has an identity row in A, which its star replaces.
"""

import abc
from collections.abc import Callable
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..distances import ResistanceDistance
from ..distances.resistance import grounded_laplacian
from ..graph.components import connected_components, representative_cells
from ..graph.focal_nodes import FocalNodes
from ..graph.grid_graph import ArrayInput, GridGraph
from ..linalg.nested_dissection.cpu.inverse_block import inverse_submatrix
from ..linalg.stencil_matrix import neighbour_offsets
from .base import RestorationGain, restored_permeability

#: Entries of the inverse are found between so many cells at a time.
TOGETHER = 1500

#: The most components that lie around a cell: of eight neighbours every other one.
MOST_AROUND = 4


class AbstractResistanceRestoration(abc.ABC):
    """By how much effective resistances fall when a cell alone is raised to a permeability.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Between what.
    distance
        How resistances are solved for.
    """

    def __init__(self, grid: GridGraph, focal: FocalNodes, distance: ResistanceDistance | None = None):
        self.grid = grid
        self.distance = ResistanceDistance() if distance is None else distance
        self.components = np.asarray(connected_components(grid)).ravel()
        self._prepare(focal)

    @abc.abstractmethod
    def _prepare(self, focal: FocalNodes) -> None:
        """Solve for what every question needs."""

    @property
    @abc.abstractmethod
    def pairs(self) -> int:
        """How many pairs of focal nodes are connected."""

    @abc.abstractmethod
    def _joined(self, looked_at: np.ndarray) -> Int[np.ndarray, "rows columns"]:
        """Return how many pairs each cell would join."""

    @abc.abstractmethod
    def _exactly(self, cells: np.ndarray, star: np.ndarray, change: np.ndarray) -> Float[np.ndarray, "cells"]:
        """Return the sum of the gains of all pairs for some cells, from what changes in their stars."""

    def when_raised_to(
        self,
        restored: ArrayInput,
        restorable: Bool[np.ndarray, "rows columns"] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> RestorationGain:
        """Return the gain of every cell that is looked at.

        Parameters
        ----------
        restored
            Permeability of a restored cell: one number, or one for each cell. Cells that have more keep it.
        restorable
            Which cells to look at; by default all that are active. One that is not active becomes a vertex.
        progress
            Called with the number of cells done and of all.

        Raises
        ------
        ValueError
            A permeability that is not a positive number; a raster of another shape.
        """
        permeability, looked_at = restored_permeability(self.grid, restored, restorable)
        star = np.asarray(self.grid.conductances_if_cell_set_to(permeability)[0]).reshape(self.grid.directions, -1)
        change = star - np.asarray(self.grid.edges).reshape(star.shape)
        cells = self._in_patches(np.flatnonzero(looked_at.ravel() & (change > 0).any(0)))
        gain = np.where(looked_at, 0.0, np.nan).ravel()
        each = TOGETHER // (1 + self.grid.directions)
        for first in range(0, len(cells), each):
            some = cells[first : first + each]
            gain[some] = self._exactly(some, star[:, some], change[:, some]) / max(self.pairs, 1)
            if progress is not None:
                progress(min(first + each, len(cells)), len(cells))
        joined = self._joined(looked_at)
        gain = gain.reshape(self.grid.shape)
        gain[joined > 0] = np.inf
        return RestorationGain(gain, joined, self.pairs)

    @cached_property
    def _system(self):
        return grounded_laplacian(self.grid, connected_components(self.grid))

    @cached_property
    def _ties(self) -> tuple[np.ndarray, np.ndarray]:
        """For every component, from 1 on, the cell that is tied to the ground, and the conductor that ties it."""
        around = np.asarray(self.grid.edges).sum(0)
        labels = self.components.reshape(self.grid.shape)
        tied = np.flatnonzero(np.asarray(representative_cells(jnp.asarray(labels), jnp.asarray(around))))
        cell, conductor = np.zeros(labels.max() + 1, np.int64), np.zeros(labels.max() + 1)
        cell[self.components[tied]] = tied
        conductor[self.components[tied]] = np.asarray(self._system.center).ravel()[tied] - around.ravel()[tied]
        return cell, conductor

    @cached_property
    def _neighbours(self) -> Int[np.ndarray, "directions cells"]:
        """Flat index of the neighbour at each step, −1 beyond the raster."""
        rows, columns = self.grid.shape
        row, column = np.divmod(np.arange(rows * columns), columns)
        found = []
        for down, right in neighbour_offsets(self.grid.directions):
            inside = (row + down >= 0) & (row + down < rows) & (column + right >= 0) & (column + right < columns)
            found.append(np.where(inside, (row + down) * columns + column + right, -1))
        return np.stack(found)

    def _around(self, cells: np.ndarray) -> Int[np.ndarray, "four cells"]:
        """Return the components around cells, each once; 0 for none."""
        near = self._neighbours[:, cells]
        around = -np.sort(-np.where(near >= 0, self.components[near], 0), axis=0)
        again = np.concatenate([np.zeros((1, len(cells)), bool), around[1:] == around[:-1]])
        return -np.sort(-np.where(again, 0, around), axis=0)[:MOST_AROUND]

    def _in_patches(self, cells: np.ndarray) -> np.ndarray:
        """Order cells so that those that follow each other share neighbours."""
        side = max(1, int(np.sqrt(TOGETHER / (1 + self.grid.directions))))
        row, column = np.divmod(cells, self.grid.width)
        return cells[np.lexsort((column, row, column // side, row // side))]

    def _stars(
        self, cells: np.ndarray, star: np.ndarray, change: np.ndarray
    ) -> tuple[Int[np.ndarray, "members cells"], Float[np.ndarray, "cells members members"], Bool[np.ndarray, "cells"]]:
        """Return the cells of each star, −1 where there is none, what changes between them, and which cells are new."""
        directions, exists = self.grid.directions, star > 0
        members = np.concatenate([cells[None], np.where(exists, self._neighbours[:, cells], -1)])
        delta = np.zeros((len(cells), len(members), len(members)))
        for step in range(directions):
            at, by = 1 + step, np.where(exists[step], change[step], 0.0)
            delta[:, 0, 0] += by
            delta[:, at, at] += by
            delta[:, 0, at] -= by
            delta[:, at, 0] -= by
        new = self.components[cells] == 0
        delta[new, 0, 0] -= 1.0
        return members, delta, new

    def _inverse_among(
        self, members: Int[np.ndarray, "members cells"]
    ) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "members cells"], Float[np.ndarray, "n n"]]:
        """Return the cells that occur, the place of each member among them, and the inverse between them."""
        terminals, where = np.unique(members, return_inverse=True)
        there = terminals >= 0
        inverse = np.zeros((len(terminals),) * 2)
        inverse[np.ix_(there, there)] = inverse_submatrix(self._system, terminals[there])
        return terminals, where.reshape(members.shape), inverse
