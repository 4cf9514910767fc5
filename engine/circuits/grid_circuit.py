"""A landscape as a circuit: cells joined by the edges of their graph, short-circuit regions as single nodes."""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as _label

from ..counts import agreeing, count_of
from ..graph import GridGraph, connected_components
from ..linalg import AbstractLinearSolver, NestedDissection, neighbour_offsets, require_solver
from .base import NEGLIGIBLE_CURRENT, Circuit, GroundConductances
from .current_kernels import add_inflow_outflow, flat_offsets, largest_current
from .grounded_grid import GroundedGridCircuit
from .short_circuits import Groups, merge_nodes, sum_by_node


class GridCircuit(Circuit):
    """A landscape as a circuit.

    Parameters
    ----------
    grid
        The landscape; its edges are the conductors. Must be undirected.
    short_circuits
        Regions without resistance, each an array of flat cell indices; regions that share a cell are one. A region is
        part of the circuit if one of its cells is active, and then includes its inactive cells. With the edge rule
        "mean", an included cell of permeability 0 conducts to its neighbours: the mean is half their permeability.
    solver
        Linear solver for the potentials; None to choose one by size, right-hand sides and memory.

    Raises
    ------
    ValueError
        The graph is directed; a cell lies outside the raster.
    TypeError
        `solver` is not a linear solver.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> circuit = GridCircuit(GridGraph(jnp.ones((1, 4))), [np.array([1, 2])])
    >>> circuit.node_of, circuit.n_nodes
    (array([0, 1, 1, 2]), 3)
    """

    def __init__(self, grid: GridGraph, short_circuits: Groups = (), *, solver: AbstractLinearSolver | None = None):
        require_solver(solver)
        if not grid.is_undirected:
            raise ValueError(
                "a circuit needs an undirected graph, but this edge rule gives the two directions of an edge "
                'different conductances; use edge_rule="mean" or "resistance"'
            )
        self.grid, self.solver = grid, solver
        self.groups = tuple(np.unique(np.asarray(group, np.int64)) for group in short_circuits)
        self.shape = grid.shape
        active = np.asarray(grid.active).ravel()
        for number, group in enumerate(self.groups):
            outside = group[(group < 0) | (group >= active.size)]
            if outside.size:
                raise ValueError(
                    f"{count_of(outside.size, 'cell')} of region {number} {agreeing(outside.size, 'lies', 'lie')} "
                    f"outside the raster of {grid.height} × {grid.width} cells, the first has the index {outside[0]}"
                )
        self.node_of = merge_nodes(active, self.groups)
        self.offsets = flat_offsets(neighbour_offsets(grid.directions), grid.width)
        self.edges = self._edges(active)
        self.components = self._components()
        total = self.edges.sum(0)
        is_node = self.node_of >= 0
        count = int(self.node_of.max()) + 1
        self.conductances = sum_by_node(self.node_of[is_node], total[is_node], count)
        sizes = np.bincount(self.node_of[is_node], minlength=count)
        #: Nodes of more than one cell.
        self.merged_nodes = np.flatnonzero(sizes > 1)

    @property
    def uses_factors(self) -> bool:
        """Whether nested dissection may factorize the circuit: it may unless another solver is given."""
        return self.solver is None or isinstance(self.solver, NestedDissection)

    def grounded(self, fixed=None, grounds=None, n_rhs=1) -> GroundedGridCircuit:
        """Fix and ground nodes; see `Circuit.grounded`."""
        return GroundedGridCircuit(
            self, np.empty(0, int) if fixed is None else fixed, grounds or GroundConductances(), n_rhs
        )

    def with_short_circuits(self, groups: Groups) -> "GridCircuit":
        """Return the circuit with additional short-circuit regions."""
        return GridCircuit(self.grid, [*self.groups, *groups], solver=self.solver)

    def net_outflow(self, potentials, nodes):
        """Return the net current that flows from some nodes into their neighbours."""
        cells, position = self._cells_of(nodes)
        net = np.zeros((len(potentials), len(cells)))
        for step, offset in enumerate(self.offsets):
            weight = self.edges[step, cells]
            exists = weight > 0
            source = cells[exists]
            net[:, exists] += weight[exists] * (potentials[:, source] - potentials[:, source + offset])
        number = position[self.node_of[cells]]
        return np.stack([sum_by_node(number, row, len(nodes)) for row in net]) if len(net) else net

    def neighbours(self, nodes):
        """Return the neighbours of each of some nodes."""
        cells, position = self._cells_of(nodes)
        pairs = []
        for step, offset in enumerate(self.offsets):
            source = cells[self.edges[step, cells] > 0]
            pairs.append(np.stack([position[self.node_of[source]], self.node_of[source + offset]]))
        node, neighbour = np.unique(np.concatenate(pairs, axis=1), axis=1)
        return np.split(neighbour, np.searchsorted(node, np.arange(1, len(nodes))))

    def inflow_outflow(self, potentials):
        """Return the sums of the branch currents into and out of every node."""
        inflow, outflow = np.zeros((2, potentials.size))
        threshold = NEGLIGIBLE_CURRENT * largest_current(self.edges, self.offsets, potentials)
        add_inflow_outflow(self.edges, self.offsets, potentials, max(threshold, np.finfo(float).tiny), inflow, outflow)
        is_node = self.node_of >= 0
        number = self.node_of[is_node]
        return (
            sum_by_node(number, inflow[is_node], self.n_nodes),
            sum_by_node(number, outflow[is_node], self.n_nodes),
        )

    def _edges(self, active: np.ndarray) -> Float[np.ndarray, "steps cells"]:
        """Return the conductances between different nodes."""
        edges = np.array(self.grid.edges).reshape(len(self.offsets), -1)
        inactive = np.flatnonzero((self.node_of >= 0) & ~active)
        if self.grid.edge_rule == "mean":
            values = np.where(active, np.asarray(self.grid.permeability).ravel(), 0.0)
            for step, length in enumerate(np.asarray(self.grid.step_lengths)):
                source, target = self._neighbour_pairs(inactive, step)
                edges[step, source] = edges[len(edges) - 1 - step, target] = values[target] / 2 / length
        for step in range(len(edges)):
            # No current flows within a node.
            source, target = self._neighbour_pairs(self._short_circuited_cells(), step)
            edges[step, source[self.node_of[source] == self.node_of[target]]] = 0.0
        return edges

    def _components(self) -> Int[np.ndarray, " nodes"]:
        """Return the component of every node: regions join the components of their cells and neighbours."""
        labels = np.array(connected_components(self.grid)).ravel()
        node_cells = np.flatnonzero(self.node_of >= 0)
        count = int(self.node_of.max()) + 1
        component = np.empty(count, np.int64)
        component[self.node_of[node_cells]] = labels[node_cells]
        if not len(self.groups):
            return component - 1
        # A bipartite graph of nodes and component labels, the latter numbered from `count` on.
        cells = self._short_circuited_cells()
        nodes, label_vertices = [self.node_of[cells]], [count + labels[cells]]
        for step in range(len(self.edges)):
            source, target = self._neighbour_pairs(cells, step)
            linked = self.edges[step, source] > 0
            nodes.append(self.node_of[source[linked]])
            label_vertices.append(count + labels[target[linked]])
        nodes, label_vertices = np.concatenate(nodes), np.concatenate(label_vertices)
        labelled = label_vertices > count
        singles = np.flatnonzero(~np.isin(np.arange(count), self.node_of[cells]))
        nodes = np.concatenate([nodes[labelled], singles])
        label_vertices = np.concatenate([label_vertices[labelled], count + component[singles]])
        size = count + int(labels.max()) + 1
        links = coo_array((np.ones(nodes.size), (nodes, label_vertices)), shape=(size, size))
        return np.unique(_label(links, directed=False)[1][:count], return_inverse=True)[1]

    def _short_circuited_cells(self) -> Int[np.ndarray, " cells"]:
        """Return the cells of short-circuit regions that are part of the circuit."""
        cells = np.unique(np.concatenate([np.empty(0, np.int64), *self.groups]))
        return cells[self.node_of[cells] >= 0]

    def _neighbour_pairs(self, cells: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return those of some cells that have a neighbour in the direction of a step, and these neighbours."""
        down, right = neighbour_offsets(len(self.offsets))[step]
        row, column = np.divmod(cells, self.grid.width)
        inside = (row + down >= 0) & (row + down < self.grid.height)
        inside &= (column + right >= 0) & (column + right < self.grid.width)
        return cells[inside], cells[inside] + self.offsets[step]

    def _cells_of(self, nodes: np.ndarray) -> tuple[Int[np.ndarray, " cells"], Int[np.ndarray, " nodes"]]:
        """Return the cells of some nodes, and the position of every node among them (−1 for all others)."""
        position = np.full(self.n_nodes, -1)
        position[nodes] = np.arange(len(nodes))
        return np.flatnonzero((self.node_of >= 0) & (position[self.node_of] >= 0)), position
