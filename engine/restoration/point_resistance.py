"""What raising one cell takes off effective resistances: a bound for every cell, and exactly where it is asked for.

Raising a cell x changes the conductors of its star only. With A the grounded Laplacian, D the cells of the star and Δ
what changes of A between them, the potentials v of a pair in the landscape as it is and G the entries of A⁻¹ over D,

    R − R' = v_Dᵀ (I + Δ G)⁻¹ Δ v_D

(Sherman–Morrison–Woodbury), at most 9 × 9 for each cell. A cell that is not active yet has an identity row in A, which
its star replaces. Where it joins components, all their ties to the ground but one go.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph.focal_nodes import FocalNodes, focal_point_vertices
from ..graph.grid_graph import ArrayInput
from ..parallel.numba_jit import cpu_count, njit_cached, parallel_starmap
from .base import restored_permeability
from .woodbury import AbstractResistanceRestoration


class PointResistanceRestoration(AbstractResistanceRestoration):
    """By how much effective resistances between focal points fall when a cell alone is raised to a permeability.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal points.
    distance
        How resistances are solved for.

    Raises
    ------
    ValueError
        Fewer than two focal points, regions, two points in one cell; a directed graph.

    Notes
    -----
    All pairs cost as many solves as there are points. The bound costs nothing beyond; exact gains take entries of the
    inverse around each cell that is asked for.

    Examples
    --------
    >>> from ..grid import GridGraph
    >>> grid = GridGraph(np.array([[1.0, 0.1, 1.0]]), edge_rule="resistance")
    >>> gain = PointResistanceRestoration(grid, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2]))))
    >>> gain.when_raised_to(1.0).gain.round(9)
    array([[0., 9., 0.]])
    """

    def _prepare(self, focal: FocalNodes) -> None:
        """Solve for what every question needs: the potentials of the points."""
        self.points = np.asarray(self.grid.cells)[focal_point_vertices(self.grid, focal, "the gain of resistance")]
        self._component = self.components[self.points]
        self.potentials = self._potentials()

    @property
    def pairs(self) -> int:
        """How many pairs of focal points are connected."""
        return int((np.triu(self._component[:, None] == self._component[None], 1)).sum())

    def bound(
        self, restored: ArrayInput, restorable: Bool[np.ndarray, "rows columns"] | None = None
    ) -> Float[np.ndarray, "rows columns"]:
        """Return what the gain of every cell cannot exceed, infinite where it would join focal points.

        Parameters
        ----------
        restored, restorable
            As of `when_raised_to`.

        Notes
        -----
        Between two given potentials, any others in between dissipate more than the true ones (Dirichlet's principle).
        With all of them as they are for 1 A, but that of the restored cell at its best, the power rises from R to
        R + E; so R' ≥ R² / (R + E), and R − R' ≤ R E / (R + E).
        """
        permeability, looked_at = restored_permeability(self.grid, restored, restorable)
        star = np.asarray(self.grid.conductances_if_cell_set_to(permeability)[0]).reshape(self.grid.directions, -1)
        result = np.zeros(self.components.size)
        bands = np.linspace(0, result.size, 4 * cpu_count() + 1).astype(int)
        fixed = (
            star,
            np.asarray(self.grid.edges).reshape(star.shape),
            self._neighbours,
            self.components,
            self.potentials.reshape(len(self.points), -1).T.copy(),
            self.points,
            self._component,
        )
        parallel_starmap(_bounds, [(*fixed, *band, result) for band in zip(bands[:-1], bands[1:], strict=True)])
        gain = result.reshape(self.grid.shape) / max(self.pairs, 1)
        gain[self._joined(looked_at) > 0] = np.inf
        return np.where(looked_at, gain, np.nan)

    def _potentials(self) -> Float[np.ndarray, "points rows columns"]:
        """Return the potentials when 1 A enters at each point and leaves at the first one of its component."""
        fed = np.zeros((len(self.points), self.components.size))
        for component in np.unique(self._component):
            mine = np.flatnonzero(self._component == component)
            fed[mine, self.points[mine]] += 1.0
            fed[mine, self.points[mine[0]]] -= 1.0
        fed = fed.reshape(-1, *self.grid.shape)
        return np.array(self.distance.potentials(self.grid, jnp.asarray(fed)))

    def _joined(self, looked_at: np.ndarray) -> Int[np.ndarray, "rows columns"]:
        """Return how many pairs each cell would join: points in different components that lie around it."""
        joined = np.zeros(self.components.size, np.int64)
        new = np.flatnonzero(looked_at.ravel() & (self.components == 0))
        points = np.bincount(self._component, minlength=self.components.max() + 1)
        around = self._around(new)
        counts = np.where(around > 0, points[around], 0)
        joined[new] = (counts.sum(0) ** 2 - (counts**2).sum(0)) // 2
        return joined.reshape(self.grid.shape)

    def _exactly(self, cells: np.ndarray, star: np.ndarray, change: np.ndarray) -> Float[np.ndarray, "cells"]:
        """Return the sum of the gains of all pairs for some cells, from what changes in their stars."""
        members, delta, new = self._stars(cells, star, change)
        ties, conductors = self._ties
        around = np.where(new, self._around(cells), 0)
        # Of the components that are joined, the first keeps its tie.
        gone = around[1:] > 0
        members = np.concatenate([members, np.where(gone, ties[around[1:]], -1)])
        size, count = members.shape
        delta = np.pad(delta, ((0, 0), (0, len(gone)), (0, len(gone))))
        for place, missing in enumerate(gone):
            at = size - len(gone) + place
            delta[:, at, at] -= np.where(missing, conductors[around[1 + place]], 0.0)

        _, where, inverse = self._inverse_among(members)
        between = inverse[where.T[:, :, None], where.T[:, None, :]]
        kernel = np.linalg.solve(np.eye(size) + delta @ between, delta)

        flat = self.potentials.reshape(len(self.points), -1)
        at = np.where(members >= 0, flat[:, members], 0.0)
        total = np.zeros(count)
        for component in np.unique(self._component):
            mine = at[self._component == component]
            # Σ over pairs of a quadratic form of differences; the first has potential 0 everywhere.
            whole = mine.sum(0)
            squares = np.einsum("kac,cab,kbc->c", mine, kernel, mine, optimize=True)
            total += len(mine) * squares - np.einsum("ac,cab,bc->c", whole, kernel, whole, optimize=True)
        return np.maximum(total, 0.0)


@njit_cached
def _bounds(star, edges, neighbours, components, potentials, points, component, start, stop, result):
    """Add up over all pairs what the gain of each cell from `start` to `stop` cannot exceed.

    Parameters
    ----------
    star, edges
        Conductances of each cell's edges (directions, cells) as they would be and as they are.
    neighbours
        Flat index of the neighbours, −1 for none.
    components
        Of every cell.
    potentials
        Shape (cells, points).
    points, component
        Cells of the focal points, and their components.
    result
        Changed in place.
    """
    for cell in range(start, stop):
        for one in range(points.size):
            for other in range(one):
                if component[one] != component[other]:
                    continue
                here = potentials[cell, one] - potentials[cell, other]
                before, level, conductance = 0.0, 0.0, 0.0
                for step in range(star.shape[0]):
                    there = neighbours[step, cell]
                    # Another component floats: it takes the potential of what joins it.
                    if there >= 0 and star[step, cell] > 0 and components[there] == component[one]:
                        value = potentials[there, one] - potentials[there, other]
                        before += edges[step, cell] * (here - value) ** 2
                        level += star[step, cell] * value
                        conductance += star[step, cell]
                if conductance == 0:
                    continue
                # Where current enters or leaves, the potential is what the resistance is measured by.
                fixed = cell == points[one] or cell == points[other]
                level = here if fixed else level / conductance
                after = 0.0
                for step in range(star.shape[0]):
                    there = neighbours[step, cell]
                    if there >= 0 and star[step, cell] > 0 and components[there] == component[one]:
                        value = potentials[there, one] - potentials[there, other]
                        after += star[step, cell] * (level - value) ** 2
                power = after - before
                resistance = (potentials[points[one], one] - potentials[points[one], other]) - (
                    potentials[points[other], one] - potentials[points[other], other]
                )
                if power > 0:
                    result[cell] += resistance * power / (resistance + power)
