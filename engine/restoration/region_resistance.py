"""Exact change of the effective resistances between focal regions when one cell is restored.

Both regions of a pair are single nodes. With A the Laplacian of the landscape, grounded in every component, and
G = A⁻¹, let T be the boundary cells of the two regions, 1_j the indicator of those of the second, and E the indicators
of the components that the pair touches. If the first region is held at 0 V and the second at c, the currents at T
that hold these potentials, c, and the offset of each component follow from

        ⎡ G_TT  1_j  E ⎤                              ⎡ G_Tb ⎤
    M = ⎢ 1_jᵀ   0   0 ⎥ ,    with for a cell b  u_b = ⎢  0   ⎥ ,    G'_ab = G_ab − u_aᵀ M⁻¹ u_b
        ⎣ Eᵀ     0   0 ⎦                              ⎣ e_b  ⎦

where e_b is the indicator of the component of b, and G' is the inverse in the pair's own circuit. G' takes the place of
G in the formula for focal points, so all cells and pairs need one column of G for each boundary cell.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from ..counts import count_of
from ..graph import FocalNodes, focal_vertices
from ..linalg import free_memory, require_solved, select_solver
from ..storage import format_bytes
from .woodbury import AbstractResistanceRestoration

#: Columns of the inverse computed at a time.
COLUMNS_PER_BLOCK = 16


class RegionResistanceRestoration(AbstractResistanceRestoration):
    """Decrease of the effective resistances between focal regions when one cell is restored to a given permeability.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal regions, or points. A region consists of its active cells, even if an inactive one is restored.
    distance
        The resistance distance, with its solver; by default one with an automatic choice.
    cells_per_block
        Cells between which entries of the inverse are computed at a time; the result does not depend on it.

    Raises
    ------
    ValueError
        Fewer than two focal nodes; a directed graph.
    MemoryError
        The columns of all boundary cells do not fit into memory.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> grid = GridGraph(np.array([[1.0, 1.0, 0.1, 1.0, 1.0]]), edge_rule="resistance")
    >>> regions = FocalNodes(np.array([1, 2]), (np.array([0, 1]), np.array([3, 4])))
    >>> RegionResistanceRestoration(grid, regions).evaluate(1.0).gain.round(9)
    array([[0., 0., 9., 0., 0.]])
    """

    def _prepare(self, focal: FocalNodes) -> None:
        """Solve for the columns of the inverse at the boundary cells."""
        grid_cells = np.asarray(self.grid.cells)
        cells = [grid_cells[vertices] for vertices in focal_vertices(self.grid, focal)]
        self.regions = [np.bincount(members, minlength=self.components.size) > 0 for members in cells]
        boundaries = [self._boundary(region) for region in self.regions]
        self.terminals = np.unique(np.concatenate(boundaries))
        self.boundaries = [np.searchsorted(self.terminals, boundary) for boundary in boundaries]
        needed = self.terminals.size * self.components.size * 8
        if needed > free_memory():
            raise MemoryError(
                "the gain between regions needs a column of the inverse for each of "
                f"{count_of(self.terminals.size, 'cell')} at their boundaries, {format_bytes(needed)}"
            )
        self.columns = self._inverse_columns()
        self._region_components = [np.unique(self.components[members]) for members in cells]
        self._pairs = [(i, j) for i in range(len(cells)) for j in range(i + 1, len(cells))]
        self._connected = [
            np.intersect1d(self._region_components[i], self._region_components[j]).size > 0 for i, j in self._pairs
        ]
        self._pair_systems = {
            pair: self._pair_system(*pair)
            for pair, connected in zip(self._pairs, self._connected, strict=True)
            if connected
        }

    @property
    def pairs(self) -> int:
        """Number of connected pairs of focal regions."""
        return sum(self._connected)

    def _boundary(self, region: Bool[np.ndarray, " cells"]) -> Int[np.ndarray, " k"]:
        """Return the cells of a region that have a neighbour outside it."""
        cells = np.flatnonzero(region)
        neighbours = self._neighbours[:, cells]
        on_boundary = ((neighbours >= 0) & ~region[neighbours]).any(0)
        # A component that lies within the region is represented by one of its cells.
        for component in np.unique(self.components[cells]):
            members = self.components[cells] == component
            if not on_boundary[members].any():
                on_boundary[np.argmax(members)] = True
        return cells[on_boundary]

    def _inverse_columns(self) -> Float[np.ndarray, "terminals cells"]:
        system, shape = self._system, self.grid.shape
        center, edges = np.asarray(system.center), np.asarray(system.edges)
        solver = self.distance.solver or select_solver(shape, self.terminals.size, symmetric=True).solver
        columns = np.empty((self.terminals.size, self.components.size))
        for start in range(0, self.terminals.size, COLUMNS_PER_BLOCK):
            block = self.terminals[start : start + COLUMNS_PER_BLOCK]
            unit_vectors = np.zeros((block.size, self.components.size))
            unit_vectors[np.arange(block.size), block] = 1.0
            solution = require_solved(solver.solve_arrays(center, edges, unit_vectors.reshape(-1, *shape)))
            columns[start : start + COLUMNS_PER_BLOCK] = np.asarray(solution).reshape(block.size, -1)
        columns[:, self.components == 0] = 0.0
        return columns

    def _pair_system(self, i: int, j: int) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " k"], np.ndarray]:
        """Return the terminals of a pair, the components that it touches, and M⁻¹."""
        terminals = np.unique(np.concatenate([self.boundaries[i], self.boundaries[j]]))
        cells = self.terminals[terminals]
        touched = np.union1d(self._region_components[i], self._region_components[j])
        matrix = np.zeros((terminals.size + 1 + touched.size,) * 2)
        matrix[: terminals.size, : terminals.size] = self.columns[np.ix_(terminals, cells)]
        in_component = self.components[cells][:, None] == touched[None]
        indicators = np.column_stack([self.regions[j][cells], in_component]).astype(float)
        matrix[: terminals.size, terminals.size :] = indicators
        matrix[terminals.size :, : terminals.size] = indicators.T
        if self._overlap(i, j):
            return terminals, touched, np.zeros_like(matrix)
        return terminals, touched, np.linalg.inv(matrix)

    def _overlap(self, i: int, j: int) -> bool:
        return bool((self.regions[i] & self.regions[j]).any())

    def _newly_connected(self, candidates: np.ndarray) -> Int[np.ndarray, "rows columns"]:
        """Return the number of pairs that each cell would connect: those with both regions in adjacent components."""
        newly_connected = np.zeros(self.components.size, np.int64)
        new = np.flatnonzero(candidates.ravel() & (self.components == 0))
        adjacent = self._adjacent_components(new)
        is_adjacent = [
            (np.isin(adjacent, components) & (adjacent > 0)).any(0) for components in self._region_components
        ]
        for (i, j), connected in zip(self._pairs, self._connected, strict=True):
            if not connected:
                newly_connected[new] += is_adjacent[i] & is_adjacent[j]
        return newly_connected.reshape(self.grid.shape)

    def _sum_of_gains(self, cells: np.ndarray, star: np.ndarray, change: np.ndarray) -> Float[np.ndarray, " cells"]:
        members, update, new = self._star_updates(cells, star, change)
        grounded_cells, conductances = self._grounding
        adjacent = np.where(new, self._adjacent_components(cells), 0)
        star_size = len(members)
        members = np.concatenate([members, np.where(adjacent > 0, grounded_cells[adjacent], -1)])
        update = np.pad(update, ((0, 0), (0, len(adjacent)), (0, len(adjacent))))
        terminals, index, inverse = self._inverse_between(members)
        exists = terminals >= 0
        total = np.zeros(len(cells))
        for (i, j), (rows, touched, inverse_of_m) in self._pair_systems.items():
            u = np.zeros((len(inverse_of_m), terminals.size))
            u[: rows.size, exists] = self.columns[np.ix_(rows, terminals[exists])]
            u[rows.size + 1 :, exists] = self.components[terminals[exists]][None] == touched[:, None]
            solution = inverse_of_m @ u
            between = (inverse - u.T @ solution)[index.T[:, :, None], index.T[:, None, :]]
            potential = solution[rows.size][index.T]
            pair_update = self._without_edges_within_regions(update, members, star_size, i, j)
            # Components beyond the pair lose their grounds when they are connected with it: nothing floats any more.
            ungrounded = (adjacent > 0) & ~np.isin(adjacent, touched) & np.isin(adjacent, touched).any(0)
            for number in range(len(adjacent)):
                member = star_size + number
                pair_update[:, member, member] -= np.where(ungrounded[number], conductances[adjacent[number]], 0.0)
            right = pair_update @ potential[:, :, None]
            solved = np.linalg.solve(np.eye(len(members)) + pair_update @ between, right)
            total += (potential[:, None] @ solved)[:, 0, 0]
        return np.maximum(total, 0.0)

    def _without_edges_within_regions(
        self, update: np.ndarray, members: np.ndarray, star_size: int, i: int, j: int
    ) -> Float[np.ndarray, "cells members members"]:
        """Return the update in the circuit of a pair, without the edges between cells of the same region."""
        update = update.copy()
        for region in (self.regions[i], self.regions[j]):
            inside = np.where(members[:star_size] >= 0, region[members[:star_size]], False)
            for member in range(1, star_size):
                within = inside[0] & inside[member]
                conductance = np.where(within, -update[:, 0, member], 0.0)
                update[:, 0, 0] -= conductance
                update[:, member, member] -= conductance
                update[:, 0, member] += conductance
                update[:, member, 0] += conductance
        return update
