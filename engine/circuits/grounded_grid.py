"""Potentials on a raster with fixed nodes and short-circuit regions.

The cells of fixed nodes and of merged nodes (short-circuit regions) are eliminated from the stencil: their rows become
rows of the identity, and their conductances move to the right-hand side. With A the matrix of the remaining cells, C
their conductances to the eliminated nodes, and p the potentials of those nodes,

    A v = b + C p.

The potentials of merged nodes that are not fixed follow from Kirchhoff's current law. The Schur complement
S = D − Cᵀ A⁻¹ C is the network between them after eliminating all cells (Kron reduction); its columns take one solve
each. Then S p = b_p − (their net outflow at p = 0). The raster is not rebuilt, and no short circuit is approximated by
a large conductance.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cho_factor, cho_solve

from ..counts import agreeing, count_of
from ..linalg import (
    REFINEMENT_THRESHOLD,
    StencilMatrix,
    free_memory,
    inverse_submatrix,
    predicted_factor_bytes,
    require_solved,
    select_solver,
)
from .base import Circuit, GroundConductances, GroundedCircuit

#: Right-hand sides per solve where only few entries of each solution are used; bounds the memory for solutions.
RHS_BLOCK = 16


class GroundedGridCircuit(GroundedCircuit):
    """A raster with fixed and grounded nodes; see `GroundedCircuit`.

    Parameters
    ----------
    circuit
        The landscape.
    fixed
        Nodes with fixed potentials.
    grounds
        Ground conductances.
    n_rhs
        Expected number of right-hand sides.
    """

    def __init__(self, circuit: Circuit, fixed: Int[np.ndarray, " f"], grounds: GroundConductances, n_rhs: int):
        self.circuit = circuit
        self.fixed = np.asarray(fixed, np.int64)
        self.ground = grounds.per_node(circuit.n_nodes) + _grounding(circuit, self.fixed, grounds)
        is_fixed = np.zeros(circuit.n_nodes, bool)
        is_fixed[self.fixed] = True
        #: Merged nodes with unknown potentials.
        self.floating = circuit.merged_nodes[~is_fixed[circuit.merged_nodes]]
        self.eliminated = np.concatenate([self.fixed, self.floating])
        #: Position of every node among the eliminated ones; −1 for all others.
        self.position = np.full(circuit.n_nodes, -1)
        self.position[self.eliminated] = np.arange(len(self.eliminated))
        node = circuit.node_of
        self.is_eliminated = (node >= 0) & (self.position[node] >= 0)
        self.eliminated_cells = np.flatnonzero(self.is_eliminated)
        self.center, self.edges = self._matrix()
        self.n_rhs = n_rhs
        self._reduced_factor = None

    def solve(self, nodes, injected, fixed_potentials=None, *, refine=True):
        """Return the potentials for currents injected at some nodes; see `GroundedCircuit.solve`."""
        count, n_cells = len(injected), self.circuit.node_of.size
        levels = np.zeros((count, len(self.eliminated)))
        if fixed_potentials is not None:
            levels[:, : len(self.fixed)] = fixed_potentials
        position = self.position[nodes]
        rhs = np.zeros((count, n_cells))
        single = position < 0
        np.add.at(rhs, (slice(None), self.circuit.representative_cells[nodes[single]]), injected[:, single])
        potentials = self._solve_cells(rhs, levels, refine)
        if len(self.floating):
            floating = slice(len(self.fixed), None)
            entering = np.zeros((count, len(self.eliminated)))
            np.add.at(entering, (slice(None), position[~single]), injected[:, ~single])
            residual = entering[:, floating] - self.circuit.net_outflow(potentials, self.floating)
            correction = np.zeros_like(levels)
            correction[:, floating] = cho_solve(self._kron_reduction(), residual.T).T
            potentials += self._solve_cells(np.zeros_like(rhs), correction, refine)
        return potentials

    def transfer_resistances(self, nodes):
        """Return the transfer resistances between nodes, from a factorization where its memory suffices."""
        nodes = np.asarray(nodes)
        if n_fixed := np.isin(nodes, self.fixed).sum():
            raise ValueError(
                f"{n_fixed} of {count_of(len(nodes), 'node')} {agreeing(n_fixed, 'has a', 'have')} fixed "
                f"{agreeing(n_fixed, 'potential', 'potentials')}: no current can be injected there"
            )
        single = self.position[nodes] < 0
        cells = self.circuit.representative_cells[nodes[single]]
        result = np.zeros((len(nodes),) * 2)
        fits = predicted_factor_bytes(self.circuit.shape, symmetric=True) <= free_memory()
        if self.circuit.uses_factors and fits:
            system = StencilMatrix(jnp.asarray(self.center), jnp.asarray(self.edges))
            between_cells = inverse_submatrix(system, cells)
        else:
            units, between_cells = np.eye(len(cells)), np.empty((len(cells),) * 2)
            for start in range(0, len(cells), RHS_BLOCK):
                rows = slice(start, start + RHS_BLOCK)
                between_cells[rows] = self._rows_of_inverse(cells, units[rows])
        if not len(self.floating):
            return between_cells
        factor = self._kron_reduction(cells)
        response = self._response
        inverse = cho_solve(factor, np.eye(len(self.floating)))
        from_cells = response.T @ inverse
        merged = self.position[nodes[~single]] - len(self.fixed)
        result[np.ix_(single, single)] = between_cells + from_cells @ response
        result[np.ix_(single, ~single)] = from_cells[:, merged]
        result[np.ix_(~single, single)] = from_cells[:, merged].T
        result[np.ix_(~single, ~single)] = inverse[np.ix_(merged, merged)]
        return result

    def _matrix(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the stencil with identity rows for eliminated cells and for cells without conductances."""
        node, edges = self.circuit.node_of, -self.circuit.edges
        center = self.circuit.edges.sum(0) + np.where(node >= 0, self.ground[node], 0.0)
        center[self.is_eliminated | (node < 0) | (center == 0)] = 1.0
        cells = self.eliminated_cells
        for step, offset in enumerate(self.circuit.offsets):
            linked = cells[edges[step, cells] < 0]
            edges[step, linked] = 0.0
            edges[len(edges) - 1 - step, linked + offset] = 0.0
        return center.reshape(self.circuit.shape), edges.reshape(-1, *self.circuit.shape)

    def _rows_of_inverse(self, cells: np.ndarray, injected: np.ndarray) -> np.ndarray:
        """Return the potentials of the cells for each row of currents injected into them, eliminated nodes at 0 V."""
        rhs = np.zeros((len(injected), self.circuit.node_of.size))
        rhs[:, cells] = injected
        return self._solve_cells(rhs, np.zeros((len(injected), len(self.eliminated))))[:, cells]

    def _kron_reduction(self, cells: np.ndarray | None = None):
        """Return the Cholesky factor of the network between the floating nodes, all cells eliminated.

        With `cells`, also store the potentials of these cells for 1 V at each floating node in `_response`.
        """
        if self._reduced_factor is None or cells is not None:
            count = len(self.floating)
            reduced = np.empty((count, count))
            self._response = np.empty((count, 0 if cells is None else len(cells)))
            for start in range(0, count, RHS_BLOCK):
                rows = range(start, min(start + RHS_BLOCK, count))
                levels = np.zeros((len(rows), len(self.eliminated)))
                levels[np.arange(len(rows)), len(self.fixed) + np.array(rows)] = 1.0
                potentials = self._solve_cells(np.zeros((len(rows), self.circuit.node_of.size)), levels)
                reduced[rows] = self.circuit.net_outflow(potentials, self.floating)
                if cells is not None:
                    self._response[rows] = potentials[:, cells]
            reduced = (reduced + reduced.T) / 2 + np.diag(self.ground[self.floating])
            self._reduced_factor = cho_factor(reduced)
        return self._reduced_factor

    def _solve_cells(
        self, rhs: Float[np.ndarray, "k cells"], levels: Float[np.ndarray, "k eliminated"], refine: bool = True
    ) -> np.ndarray:
        """Solve for the cells, given the potentials (levels) of the eliminated nodes; `rhs` is overwritten."""
        cells, node = self.eliminated_cells, self.circuit.node_of
        cell_levels = levels[:, self.position[node[cells]]]
        for step, offset in enumerate(self.circuit.offsets):
            weight = self.circuit.edges[step, cells]
            linked = np.flatnonzero(weight > 0)
            neighbour = cells[linked] + offset
            # An edge between two eliminated cells does not touch the remaining system.
            inside = ~self.is_eliminated[neighbour]
            np.add.at(rhs, (slice(None), neighbour[inside]), (weight * cell_levels)[:, linked[inside]])
        rhs[:, cells] = cell_levels
        rhs[:, node < 0] = 0.0
        if not rhs.any():
            return rhs
        solver = self.circuit.solver
        if solver is None:
            refinement_threshold = REFINEMENT_THRESHOLD if refine else np.inf
            n_rhs = max(self.n_rhs, len(rhs))
            solver = select_solver(
                self.circuit.shape, n_rhs, symmetric=True, refinement_threshold=refinement_threshold
            ).solver
        solution = solver.solve_arrays(self.center, self.edges, rhs.reshape(-1, *self.circuit.shape))
        potentials = np.asarray(require_solved(solution)).reshape(rhs.shape)
        potentials[:, cells] = cell_levels
        return potentials


def _grounding(circuit: Circuit, fixed: np.ndarray, grounds: GroundConductances) -> Float[np.ndarray, " nodes"]:
    """Return a ground conductance for one node of every component that has no fixed or grounded node."""
    ungrounded = np.ones(circuit.components.max(initial=-1) + 1, bool)
    ungrounded[circuit.components[fixed]] = False
    ungrounded[circuit.components[grounds.nodes]] = False
    grounding = np.zeros(circuit.n_nodes)
    if ungrounded.any():
        # The best connected node: a weakly connected one would add its own resistance to every potential.
        nodes = np.flatnonzero(ungrounded[circuit.components])
        order = nodes[np.argsort(circuit.conductances[nodes], kind="stable")]
        best = np.zeros(ungrounded.size, np.int64)
        best[circuit.components[order]] = order
        chosen = best[ungrounded]
        grounding[chosen] = np.where(circuit.conductances[chosen] > 0, circuit.conductances[chosen], 1.0)
    return grounding
