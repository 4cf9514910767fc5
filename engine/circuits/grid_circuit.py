"""A landscape as a circuit: cells joined by the edges of its graph, short-circuit regions as single nodes."""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as _label

from ..graph.components import connected_components
from ..graph.grid_graph import GridGraph
from ..linalg.stencil_matrix import neighbour_offsets
from .base import NEGLIGIBLE, Circuit, GroundConductances
from .current_kernels import largest_current, offsets_of, split_flows
from .grounded_grid import GroundedGridCircuit
from .short_circuits import Groups, merge_nodes, sum_by_node


class GridCircuit(Circuit):
    """The landscape as a circuit.

    Parameters
    ----------
    grid
        The landscape; its edges are the conductors. Must be undirected.
    short_circuits
        Regions within which nothing resists, each an array of flat cell indices; those that share a cell are one. A
        region takes part if one of its cells is active, and then claims those that are not. With the edge rule "mean"
        a claimed cell of permeability 0 conducts to its neighbours as the mean says, half as well as they do.

    Raises
    ------
    ValueError
        The graph is directed; a cell lies outside the raster.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> circuit = GridCircuit(GridGraph(jnp.ones((1, 4))), [np.array([1, 2])])
    >>> circuit.node_of, circuit.count
    (array([0, 1, 1, 2]), 3)
    """

    def __init__(self, grid: GridGraph, short_circuits: Groups = ()):
        if not grid.is_undirected:
            raise ValueError(
                "a circuit needs an undirected graph, but this edge rule gives the two directions of an edge "
                'different conductances; use edge_rule="mean" or "resistance"'
            )
        self.grid = grid
        self.groups = tuple(np.unique(np.asarray(group, np.int64)) for group in short_circuits)
        self.shape = grid.shape
        active = np.asarray(grid.active).ravel()
        for number, group in enumerate(self.groups):
            wrong = group[(group < 0) | (group >= active.size)]
            if wrong.size:
                raise ValueError(
                    f"{wrong.size} cells of region {number} lie outside the raster of {grid.height} × {grid.width} "
                    f"cells, the first has index {wrong[0]}"
                )
        self.node_of = merge_nodes(active, self.groups)
        self.offsets = offsets_of(neighbour_offsets(grid.directions), grid.width)
        self.edges = self._edges(active)
        self.components = self._components()
        total = self.edges.sum(0)
        there = self.node_of >= 0
        count = int(self.node_of.max()) + 1
        self.conductances = sum_by_node(self.node_of[there], total[there], count)
        sizes = np.bincount(self.node_of[there], minlength=count)
        #: Nodes of more than one cell.
        self.merged_nodes = np.flatnonzero(sizes > 1)

    def _edges(self, active: np.ndarray) -> Float[np.ndarray, "steps cells"]:
        """Return the conductances between different nodes."""
        edges = np.array(self.grid.edges).reshape(len(self.offsets), -1)
        claimed = np.flatnonzero((self.node_of >= 0) & ~active)
        if self.grid.edge_rule == "mean":
            values = np.where(active, np.asarray(self.grid.permeability).ravel(), 0.0)
            for step, length in enumerate(np.asarray(self.grid.step_lengths)):
                here, there = self._seen(claimed, step)
                edges[step, here] = edges[len(edges) - 1 - step, there] = values[there] / 2 / length
        for step in range(len(edges)):
            # Within a node nothing flows.
            here, there = self._seen(self._grouped_cells(), step)
            edges[step, here[self.node_of[here] == self.node_of[there]]] = 0.0
        return edges

    def _grouped_cells(self) -> Int[np.ndarray, "cells"]:
        """Return the cells of short-circuit regions that take part."""
        cells = np.unique(np.concatenate([np.empty(0, np.int64), *self.groups]))
        return cells[self.node_of[cells] >= 0]

    def _seen(self, cells: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return cells that have a neighbour at a step, and that neighbour."""
        down, right = neighbour_offsets(len(self.offsets))[step]
        row, column = np.divmod(cells, self.grid.width)
        inside = (row + down >= 0) & (row + down < self.grid.height)
        inside &= (column + right >= 0) & (column + right < self.grid.width)
        return cells[inside], cells[inside] + self.offsets[step]

    def _components(self) -> Int[np.ndarray, "nodes"]:
        labels = np.array(connected_components(self.grid)).ravel()
        there = np.flatnonzero(self.node_of >= 0)
        count = int(self.node_of.max()) + 1
        component = np.empty(count, np.int64)
        component[self.node_of[there]] = labels[there]
        if not len(self.groups):
            return component - 1
        # Regions join components; a claimed cell joins its region with its neighbours.
        cells = self._grouped_cells()
        one, other = [self.node_of[cells]], [count + labels[cells]]
        for step in range(len(self.edges)):
            here, seen = self._seen(cells, step)
            linked = self.edges[step, here] > 0
            one.append(self.node_of[here[linked]])
            other.append(count + labels[seen[linked]])
        one, other = np.concatenate(one), np.concatenate(other)
        known = other > count
        singles = np.flatnonzero(~np.isin(np.arange(count), self.node_of[cells]))
        one = np.concatenate([one[known], singles])
        other = np.concatenate([other[known], count + component[singles]])
        size = count + int(labels.max()) + 1
        links = coo_array((np.ones(one.size), (one, other)), shape=(size, size))
        return np.unique(_label(links, directed=False)[1][:count], return_inverse=True)[1]

    def grounded(self, held=None, grounds=None, feedings=1) -> GroundedGridCircuit:
        """Hold and ground nodes; see `Circuit.grounded`."""
        return GroundedGridCircuit(
            self, np.empty(0, int) if held is None else held, grounds or GroundConductances(), feedings
        )

    def merging(self, groups: Groups) -> "GridCircuit":
        """Return the circuit with more short-circuit regions."""
        return GridCircuit(self.grid, [*self.groups, *groups])

    def leaving(self, values, nodes):
        """Return the net current that leaves some nodes."""
        wanted = np.full(self.count, -1)
        wanted[nodes] = np.arange(len(nodes))
        cells = np.flatnonzero((self.node_of >= 0) & (wanted[self.node_of] >= 0))
        net = np.zeros((len(values), len(cells)))
        for step, offset in enumerate(self.offsets):
            weight = self.edges[step, cells]
            exists = weight > 0
            here = cells[exists]
            net[:, exists] += weight[exists] * (values[:, here] - values[:, here + offset])
        number = wanted[self.node_of[cells]]
        return np.stack([sum_by_node(number, row, len(nodes)) for row in net]) if len(net) else net

    def neighbours(self, nodes):
        """Return the nodes that are joined with each of some nodes."""
        wanted = np.full(self.count, -1)
        wanted[nodes] = np.arange(len(nodes))
        cells = np.flatnonzero((self.node_of >= 0) & (wanted[self.node_of] >= 0))
        pairs = []
        for step, offset in enumerate(self.offsets):
            here = cells[self.edges[step, cells] > 0]
            pairs.append(np.stack([wanted[self.node_of[here]], self.node_of[here + offset]]))
        owner, other = np.unique(np.concatenate(pairs, axis=1), axis=1)
        return np.split(other, np.searchsorted(owner, np.arange(1, len(nodes))))

    def split(self, values):
        """Return what enters and what leaves every node."""
        into, out = np.zeros((2, values.size))
        least = max(NEGLIGIBLE * largest_current(self.edges, self.offsets, values), np.finfo(float).tiny)
        split_flows(self.edges, self.offsets, values, least, into, out)
        there = self.node_of >= 0
        number = self.node_of[there]
        return sum_by_node(number, into[there], self.count), sum_by_node(number, out[there], self.count)
