"""What raising one cell takes off the resistances between focal regions, each pair with its regions as single nodes.

With A the Laplacian of the landscape, tied to the ground in every component, and G = A⁻¹, let T be the cells at the
rims of the two regions of a pair, 1_j those of the second, and E those of each component k that the pair touches. When
the first region is held at 0 V and the second is one node at a potential c, what enters at T so that both hold their
potentials, c and the offset of each component follow from

        ⎡ G_TT  1_j  E ⎤                              ⎡ G_Tb ⎤
    M = ⎢ 1_jᵀ   0   0 ⎥ ,    with for a cell b  u_b = ⎢  0   ⎥ ,    G'_ab = G_ab − u_aᵀ M⁻¹ u_b
        ⎣ Eᵀ     0   0 ⎦                              ⎣ e_b  ⎦

the entries of the inverse of the pair's own circuit (e_b marks the component of b). These take the place of G in the
formula for focal points; so all cells and pairs take one column of G for each cell at a rim.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph.focal_nodes import FocalNodes, focal_vertices
from ..linalg.auto import free_memory, select_solver
from ..linalg.base import require_solved
from .woodbury import AbstractResistanceRestoration

#: Columns of the inverse that are solved for together.
COLUMNS = 16


class RegionResistanceRestoration(AbstractResistanceRestoration):
    """By how much effective resistances between focal regions fall when a cell alone is raised to a permeability.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal regions, or points. A region is made of its active cells, also where others of its cells are raised.
    distance
        How resistances are solved for.

    Raises
    ------
    ValueError
        Fewer than two focal nodes; a directed graph.
    MemoryError
        The columns of all cells at rims do not fit into the memory.

    Examples
    --------
    >>> from ..grid import GridGraph
    >>> grid = GridGraph(np.array([[1.0, 1.0, 0.1, 1.0, 1.0]]), edge_rule="resistance")
    >>> gain = RegionResistanceRestoration(grid, FocalNodes(np.array([1, 2]), (np.array([0, 1]), np.array([3, 4]))))
    >>> gain.when_raised_to(1.0).gain.round(9)
    array([[0., 0., 9., 0., 0.]])
    """

    def _prepare(self, focal: FocalNodes) -> None:
        """Solve for what every question needs: the columns of the inverse at rims."""
        cells = np.asarray(self.grid.cells)
        self.places = [cells[mine] for mine in focal_vertices(self.grid, focal)]
        self.regions = [np.bincount(mine, minlength=self.components.size) > 0 for mine in self.places]
        rims = [self._rim(region) for region in self.regions]
        self.terminals = np.unique(np.concatenate(rims))
        self.rims = [np.searchsorted(self.terminals, rim) for rim in rims]
        needed = self.terminals.size * self.components.size * 8
        if needed > free_memory():
            raise MemoryError(
                f"the gain between regions takes a column of the inverse for each of {self.terminals.size:,} cells at "
                f"their rims, {needed / 2**30:.1f} GB"
            )
        self.columns = self._solved()
        touched = [np.unique(self.components[mine]) for mine in self.places]
        count = len(self.places)
        self._pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
        self._connected = [np.intersect1d(touched[i], touched[j]).size > 0 for i, j in self._pairs]
        self._touched = touched
        self._answers = {
            pair: self._answer(*pair) for pair, joined in zip(self._pairs, self._connected, strict=True) if joined
        }

    @property
    def pairs(self) -> int:
        """How many pairs of focal regions are connected."""
        return sum(self._connected)

    def _rim(self, region: Bool[np.ndarray, "cells"]) -> Int[np.ndarray, "k"]:
        """Return the cells of a region that have a neighbour beyond it."""
        cells = np.flatnonzero(region)
        near = self._neighbours[:, cells]
        beyond = ((near >= 0) & ~region[near]).any(0)
        # Where there is nothing beyond, any cell of each component speaks for it.
        for component in np.unique(self.components[cells]):
            mine = self.components[cells] == component
            if not beyond[mine].any():
                beyond[np.argmax(mine)] = True
        return cells[beyond]

    def _solved(self) -> Float[np.ndarray, "terminals cells"]:
        system, shape = self._system, self.grid.shape
        center, edges = np.asarray(system.center), np.asarray(system.edges)
        solver = self.distance.solver or select_solver(shape, self.terminals.size, symmetric=True).solver
        result = np.empty((self.terminals.size, self.components.size))
        for start in range(0, self.terminals.size, COLUMNS):
            mine = self.terminals[start : start + COLUMNS]
            fed = np.zeros((mine.size, self.components.size))
            fed[np.arange(mine.size), mine] = 1.0
            found = require_solved(solver.solve_arrays(center, edges, fed.reshape(-1, *shape)))
            result[start : start + COLUMNS] = np.asarray(found).reshape(mine.size, -1)
        result[:, self.components == 0] = 0.0
        return result

    def _answer(self, one: int, other: int) -> tuple[Int[np.ndarray, "t"], Int[np.ndarray, "k"], np.ndarray]:
        """Return the rims of a pair, the components that it touches, and M⁻¹."""
        both = np.unique(np.concatenate([self.rims[one], self.rims[other]]))
        own = self.components[self.terminals[both]]
        touched = np.union1d(self._touched[one], self._touched[other])
        matrix = np.zeros((both.size + 1 + touched.size,) * 2)
        matrix[: both.size, : both.size] = self.columns[np.ix_(both, self.terminals[both])]
        second = self.regions[other][self.terminals[both]]
        marks = np.column_stack([second, own[:, None] == touched[None]]).astype(float)
        matrix[: both.size, both.size :] = marks
        matrix[both.size :, : both.size] = marks.T
        if self._same(one, other):
            return both, touched, np.zeros_like(matrix)
        return both, touched, np.linalg.inv(matrix)

    def _same(self, one: int, other: int) -> bool:
        return bool((self.regions[one] & self.regions[other]).any())

    def _joined(self, looked_at: np.ndarray) -> Int[np.ndarray, "rows columns"]:
        """Return how many pairs each cell would join: components around it of which each holds one of the two."""
        joined = np.zeros(self.components.size, np.int64)
        new = np.flatnonzero(looked_at.ravel() & (self.components == 0))
        around = self._around(new)
        near = [(np.isin(around, touched) & (around > 0)).any(0) for touched in self._touched]
        for (one, other), connected in zip(self._pairs, self._connected, strict=True):
            if not connected:
                joined[new] += near[one] & near[other]
        return joined.reshape(self.grid.shape)

    def _exactly(self, cells: np.ndarray, star: np.ndarray, change: np.ndarray) -> Float[np.ndarray, "cells"]:
        """Return the sum of the gains of all pairs for some cells, from what changes in their stars."""
        members, delta, new = self._stars(cells, star, change)
        ties, conductors = self._ties
        around = np.where(new, self._around(cells), 0)
        first = len(members)
        members = np.concatenate([members, np.where(around > 0, ties[around], -1)])
        delta = np.pad(delta, ((0, 0), (0, len(around)), (0, len(around))))
        terminals, where, inverse = self._inverse_among(members)
        there = terminals >= 0
        total = np.zeros(len(cells))
        for (one, other), (rows, touched, answer) in self._answers.items():
            seen = np.zeros((len(answer), terminals.size))
            seen[: rows.size, there] = self.columns[np.ix_(rows, terminals[there])]
            seen[rows.size + 1 :, there] = self.components[terminals[there]][None] == touched[:, None]
            spread = answer @ seen
            between = (inverse - seen.T @ spread)[where.T[:, :, None], where.T[:, None, :]]
            potential = spread[rows.size][where.T]
            mine = self._within_one_node(delta, members, first, one, other)
            # Components beyond the pair lose their ties where they are joined with it, as nothing floats any more.
            gone = (around > 0) & ~np.isin(around, touched) & np.isin(around, touched).any(0)
            for place in range(len(around)):
                mine[:, first + place, first + place] -= np.where(gone[place], conductors[around[place]], 0.0)
            right = mine @ potential[:, :, None]
            total += (potential[:, None] @ np.linalg.solve(np.eye(len(members)) + mine @ between, right))[:, 0, 0]
        return np.maximum(total, 0.0)

    def _within_one_node(
        self, delta: np.ndarray, members: np.ndarray, star: int, one: int, other: int
    ) -> Float[np.ndarray, "cells members members"]:
        """Return what changes in the circuit of a pair: nothing between cells of the same region."""
        delta = delta.copy()
        for region in (self.regions[one], self.regions[other]):
            inside = np.where(members[:star] >= 0, region[members[:star]], False)
            for at in range(1, star):
                both = inside[0] & inside[at]
                by = np.where(both, -delta[:, 0, at], 0.0)
                delta[:, 0, 0] -= by
                delta[:, at, at] -= by
                delta[:, 0, at] += by
                delta[:, at, 0] += by
        return delta
