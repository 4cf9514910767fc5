"""Exact change of the effective resistances between focal points when one cell is restored, and an upper bound of it.

Restoring a cell x changes the conductances of its star only. With A the grounded Laplacian, D the cells of the star, Δ
the change of A between them, v the potentials of a pair in the current landscape and G the entries of A⁻¹ between D,

    R − R' = v_Dᵀ (I + Δ G)⁻¹ Δ v_D

(Sherman–Morrison–Woodbury), of order 9 at most. An inactive cell has an identity row in A, which its star replaces.
Where it connects components, only one of their grounds remains.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph import ArrayInput, FocalNodes, focal_point_vertices
from ..parallel import cpu_count, equal_ranges, njit_cached, parallel_starmap
from .base import restored_permeability
from .woodbury import AbstractResistanceRestoration


class PointResistanceRestoration(AbstractResistanceRestoration):
    """Decrease of the effective resistances between focal points when one cell is restored to a given permeability.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal points.
    distance
        The resistance distance, with its solver; by default one with an automatic choice.
    cells_per_block
        Cells between which entries of the inverse are computed at a time; the result does not depend on it.

    Raises
    ------
    ValueError
        Fewer than two focal points; a region; two points in one cell; a directed graph.

    Notes
    -----
    All pairs take as many solves as there are points. The bound needs no more; exact gains need the entries of the
    inverse around each candidate cell.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> grid = GridGraph(np.array([[1.0, 0.1, 1.0]]), edge_rule="resistance")
    >>> restoration = PointResistanceRestoration(grid, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2]))))
    >>> restoration.evaluate(1.0).gain.round(9)
    array([[0., 9., 0.]])
    """

    def _prepare(self, focal: FocalNodes) -> None:
        """Solve for the potentials of the points."""
        self.points = np.asarray(self.grid.cells)[focal_point_vertices(self.grid, focal, "the gain of resistance")]
        self._component = self.components[self.points]
        self.potentials = self._potentials()

    @property
    def pairs(self) -> int:
        """Number of connected pairs of focal points."""
        return int((np.triu(self._component[:, None] == self._component[None], 1)).sum())

    def bound(
        self, permeability: ArrayInput, restorable: Bool[np.ndarray, "rows columns"] | None = None
    ) -> Float[np.ndarray, "rows columns"]:
        """Return an upper bound of the gain from each cell, infinite where the cell would connect focal points.

        Parameters
        ----------
        permeability, restorable
            As for `evaluate`.

        Notes
        -----
        Any potentials other than the true ones dissipate more power (Dirichlet's principle). If all potentials stay as
        they are for 1 A, except that of the restored cell, which is chosen optimally, the power rises from R to R + E.
        Therefore R' ≥ R² / (R + E), and R − R' ≤ R E / (R + E).
        """
        restored, candidates = restored_permeability(self.grid, permeability, restorable)
        star = np.asarray(self.grid.conductances_if_cell_set_to(restored)[0]).reshape(self.grid.directions, -1)
        sums = np.zeros(self.components.size)
        args = (
            star,
            np.asarray(self.grid.edges).reshape(star.shape),
            self._neighbours,
            self.components,
            self.potentials.reshape(len(self.points), -1).T.copy(),
            self.points,
            self._component,
        )
        parallel_starmap(_bounds, [(*args, *band, sums) for band in equal_ranges(sums.size, 4 * cpu_count())])
        bound = sums.reshape(self.grid.shape) / max(self.pairs, 1)
        bound[self._newly_connected(candidates) > 0] = np.inf
        return np.where(candidates, bound, np.nan)

    def _potentials(self) -> Float[np.ndarray, "points rows columns"]:
        """Return the potentials for 1 A that enters at each point and leaves at the first one of its component."""
        currents = np.zeros((len(self.points), self.components.size))
        for component in np.unique(self._component):
            members = np.flatnonzero(self._component == component)
            currents[members, self.points[members]] += 1.0
            currents[members, self.points[members[0]]] -= 1.0
        currents = currents.reshape(-1, *self.grid.shape)
        return np.array(self.distance.potentials(self.grid, jnp.asarray(currents)))

    def _newly_connected(self, candidates: np.ndarray) -> Int[np.ndarray, "rows columns"]:
        """Return the number of pairs that each cell would connect: points in different adjacent components."""
        newly_connected = np.zeros(self.components.size, np.int64)
        new = np.flatnonzero(candidates.ravel() & (self.components == 0))
        points = np.bincount(self._component, minlength=self.components.max() + 1)
        adjacent = self._adjacent_components(new)
        counts = np.where(adjacent > 0, points[adjacent], 0)
        newly_connected[new] = (counts.sum(0) ** 2 - (counts**2).sum(0)) // 2
        return newly_connected.reshape(self.grid.shape)

    def _sum_of_gains(self, cells: np.ndarray, star: np.ndarray, change: np.ndarray) -> Float[np.ndarray, " cells"]:
        members, update, new = self._star_updates(cells, star, change)
        grounded_cells, conductances = self._grounding
        adjacent = np.where(new, self._adjacent_components(cells), 0)
        # Of the components that become connected, the first keeps its ground.
        ungrounded = adjacent[1:] > 0
        members = np.concatenate([members, np.where(ungrounded, grounded_cells[adjacent[1:]], -1)])
        size, count = members.shape
        update = np.pad(update, ((0, 0), (0, len(ungrounded)), (0, len(ungrounded))))
        for number, removed in enumerate(ungrounded):
            member = size - len(ungrounded) + number
            update[:, member, member] -= np.where(removed, conductances[adjacent[1 + number]], 0.0)

        _, index, inverse = self._inverse_between(members)
        between = inverse[index.T[:, :, None], index.T[:, None, :]]
        kernel = np.linalg.solve(np.eye(size) + update @ between, update)

        potentials = self.potentials.reshape(len(self.points), -1)
        at_members = np.where(members >= 0, potentials[:, members], 0.0)
        total = np.zeros(count)
        for component in np.unique(self._component):
            values = at_members[self._component == component]
            # Σ over pairs of a quadratic form of differences; the first point has potential 0 everywhere.
            value_sum = values.sum(0)
            squares = np.einsum("kac,cab,kbc->c", values, kernel, values, optimize=True)
            cross = np.einsum("ac,cab,bc->c", value_sum, kernel, value_sum, optimize=True)
            total += len(values) * squares - cross
        return np.maximum(total, 0.0)


@njit_cached
def _bounds(star, edges, neighbours, components, potentials, points, component, start, stop, bounds):
    """Add up the bounds of all pairs for the cells from `start` to `stop`.

    Parameters
    ----------
    star, edges
        Conductances of each cell's edges (directions, cells) once restored, and in the current landscape.
    neighbours
        Flat index of the neighbours, −1 for none.
    components
        Component of every cell.
    potentials
        Potentials of the points (cells, points).
    points, component
        Cells of the focal points, and their components.
    bounds
        Changed in place.
    """
    for cell in range(start, stop):
        for i in range(points.size):
            for j in range(i):
                if component[i] != component[j]:
                    continue
                potential = potentials[cell, i] - potentials[cell, j]
                current_power, level, conductance = 0.0, 0.0, 0.0
                for step in range(star.shape[0]):
                    neighbour = neighbours[step, cell]
                    # Cells of another component float, so no current flows to them.
                    if neighbour >= 0 and star[step, cell] > 0 and components[neighbour] == component[i]:
                        value = potentials[neighbour, i] - potentials[neighbour, j]
                        current_power += edges[step, cell] * (potential - value) ** 2
                        level += star[step, cell] * value
                        conductance += star[step, cell]
                if conductance == 0:
                    continue
                # The potential of a focal point is fixed, because it determines the resistance.
                fixed = cell == points[i] or cell == points[j]
                level = potential if fixed else level / conductance
                restored_power = 0.0
                for step in range(star.shape[0]):
                    neighbour = neighbours[step, cell]
                    if neighbour >= 0 and star[step, cell] > 0 and components[neighbour] == component[i]:
                        value = potentials[neighbour, i] - potentials[neighbour, j]
                        restored_power += star[step, cell] * (level - value) ** 2
                excess_power = restored_power - current_power
                resistance = (potentials[points[i], i] - potentials[points[i], j]) - (
                    potentials[points[j], i] - potentials[points[j], j]
                )
                if excess_power > 0:
                    bounds[cell] += resistance * excess_power / (resistance + excess_power)
