"""What raising one cell takes off effective resistances: a bound for every cell, and exactly where it is asked for.

Raising a cell x changes the conductors of its star only. With A the grounded Laplacian, D the cells of the star and Δ
what changes of A between them, the potentials v of a pair in the landscape as it is and G the entries of A⁻¹ over D,

    R − R' = v_Dᵀ (I + Δ G)⁻¹ Δ v_D

(Sherman–Morrison–Woodbury), at most 9 × 9 for each cell. A cell that is not active yet has an identity row in A, which
its star replaces. Where it joins components, all their ties to the ground but one go.
"""

from collections.abc import Callable
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..compiled import compiled, cores, on_all_cores
from ..components import connected_components, representatives
from ..distances import ResistanceDistance
from ..distances.resistance import grounded
from ..flows import FocalNodes
from ..grid import GridGraph, Numbers
from ..solvers.nested_dissection.between import inverse_between
from ..stencil import steps_of
from .nodes import points_of
from .restored import Gain, raised

#: Entries of the inverse are found between so many cells at a time.
TOGETHER = 1500

#: The most components that lie around a cell: of eight neighbours every other one.
MOST_AROUND = 4


class ResistanceGain:
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
    >>> grid = GridGraph(np.array([[1.0, 0.1, 1.0]]), edge_rule="resistance")
    >>> gain = ResistanceGain(grid, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2]))))
    >>> gain.when_raised_to(1.0).gain.round(9)
    array([[0., 9., 0.]])
    """

    def __init__(self, grid: GridGraph, focal: FocalNodes, distance: ResistanceDistance | None = None):
        self.grid = grid
        self.distance = ResistanceDistance() if distance is None else distance
        self.components = np.asarray(connected_components(grid)).ravel()
        self._prepare(focal)

    def _prepare(self, focal: FocalNodes) -> None:
        """Solve for what every question needs: the potentials of the points."""
        self.points = np.asarray(self.grid.cells)[points_of(self.grid, focal, "the gain of resistance")]
        self._component = self.components[self.points]
        self.potentials = self._potentials()

    @property
    def pairs(self) -> int:
        """How many pairs of focal points are connected."""
        return int((np.triu(self._component[:, None] == self._component[None], 1)).sum())

    def bound(
        self, restored: Numbers, restorable: Bool[np.ndarray, "rows columns"] | None = None
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
        permeability, looked_at = raised(self.grid, restored, restorable)
        star = np.asarray(self.grid.conductances_if(permeability)[0]).reshape(self.grid.directions, -1)
        result = np.zeros(self.components.size)
        bands = np.linspace(0, result.size, 4 * cores() + 1).astype(int)
        fixed = (
            star,
            np.asarray(self.grid.edges).reshape(star.shape),
            self._neighbours,
            self.components,
            self.potentials.reshape(len(self.points), -1).T.copy(),
            self.points,
            self._component,
        )
        on_all_cores(_bounds, [(*fixed, *band, result) for band in zip(bands[:-1], bands[1:], strict=True)])
        gain = result.reshape(self.grid.shape) / max(self.pairs, 1)
        gain[self._joined(looked_at) > 0] = np.inf
        return np.where(looked_at, gain, np.nan)

    def when_raised_to(
        self,
        restored: Numbers,
        restorable: Bool[np.ndarray, "rows columns"] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Gain:
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
        permeability, looked_at = raised(self.grid, restored, restorable)
        star = np.asarray(self.grid.conductances_if(permeability)[0]).reshape(self.grid.directions, -1)
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
        return Gain(gain, joined, self.pairs)

    @cached_property
    def _system(self):
        return grounded(self.grid, connected_components(self.grid))

    @cached_property
    def _ties(self) -> tuple[np.ndarray, np.ndarray]:
        """For every component, from 1 on, the cell that is tied to the ground, and the conductor that ties it."""
        around = np.asarray(self.grid.edges).sum(0)
        labels = self.components.reshape(self.grid.shape)
        tied = np.flatnonzero(np.asarray(representatives(jnp.asarray(labels), jnp.asarray(around))))
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
        for down, right in steps_of(self.grid.directions):
            inside = (row + down >= 0) & (row + down < rows) & (column + right >= 0) & (column + right < columns)
            found.append(np.where(inside, (row + down) * columns + column + right, -1))
        return np.stack(found)

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
        inverse[np.ix_(there, there)] = inverse_between(self._system, terminals[there])
        return terminals, where.reshape(members.shape), inverse


@compiled
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
