"""Potentials and current maps as differentiable functions of the landscape (adjoint method).

With A v = b the grounded circuit and λ = A⁻¹ v̄ for a cotangent v̄ of the potentials,

    ∂/∂w_ij = −(λ_i − λ_j) (v_i − v_j),    ∂/∂b = λ,    ∂/∂g_i = −λ_i v_i,

for conductances w between i and j, injected currents b and ground conductances g. The cells of one node share v and λ,
so that the same holds with short-circuit regions. One adjoint solve with the same factorization gives the gradient with
respect to all parameters.
"""

from collections.abc import Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..counts import agreeing, count_of
from ..distances import vertex_cells
from ..graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg import AbstractLinearSolver, neighbour_offsets, shift, shifts
from .base import GroundConductances
from .grid_circuit import GridCircuit

#: Largest sum of the currents injected into a component without a ground, relative to the largest injected current.
BALANCE_RTOL = 1e-9


def potential_map(
    grid: GridGraph,
    injected: ArrayInput,
    *,
    grounds: ArrayInput | None = None,
    fixed: ArrayInput | None = None,
    short_circuits: Sequence[np.ndarray] = (),
    solver: AbstractLinearSolver | None = None,
) -> Float[Array, "*k rows columns"]:
    """Return potentials, in volt, differentiable with respect to the landscape, the currents and the grounds.

    Parameters
    ----------
    grid
        The landscape, undirected.
    injected
        Current injected into every cell, in ampere, one raster or several; negative where current is withdrawn.
    grounds
        Finite ground conductance of every cell, in siemens; 0 for none.
    fixed
        True in cells whose potential is fixed at 0 V (direct grounds).
    short_circuits
        Regions of flat cell indices, each one node.
    solver
        Linear solver; None to choose one.

    Returns
    -------
    Array
        Potentials; 0 in cells outside the circuit. In a component without a ground, the best connected node is at 0 V.

    Raises
    ------
    ValueError
        A raster of another shape; injected currents that are not finite, or do not sum to zero in a component without a
        ground; grounds that are negative or not finite; a landscape without concrete values, as under `jax.jit`
        (`jax.grad` and `jax.vjp` are possible).

    Examples
    --------
    >>> line = GridGraph(jnp.ones((1, 3)))
    >>> potential_map(line, jnp.array([[1.0, 0.0, 0.0]]), fixed=jnp.array([[False, False, True]])).round(9)
    Array([[2., 1., 0.]], dtype=float64)
    """
    return _solve(_CircuitTopology(grid, short_circuits, solver), injected, grounds, fixed)[0]


def current_map(
    grid: GridGraph,
    injected: ArrayInput,
    *,
    grounds: ArrayInput | None = None,
    fixed: ArrayInput | None = None,
    short_circuits: Sequence[np.ndarray] = (),
    solver: AbstractLinearSolver | None = None,
) -> Float[Array, "*k rows columns"]:
    """Return the current through every cell, in ampere, differentiable like `potential_map`.

    Parameters
    ----------
    grid, injected, grounds, fixed, short_circuits, solver
        As in `potential_map`.

    Returns
    -------
    Array
        The larger of inflow and outflow of each node, in all of its cells; 0 in cells outside the circuit.

    Examples
    --------
    >>> def central_current(permeability):
    ...     injected = jnp.zeros((3, 3)).at[1, 0].set(1.0).at[1, 2].set(-1.0)
    ...     return current_map(GridGraph(permeability), injected)[1, 1]
    >>> gradient = jax.grad(central_current)(jnp.ones((3, 3)))
    >>> bool(gradient[1, 1] > 0), bool(gradient[0, 1] < 0)
    (True, True)
    """
    topology = _CircuitTopology(grid, short_circuits, solver)
    values, to_ground = _solve(topology, injected, grounds, fixed)
    return _current_maps(topology.conductances(to_ground), values.reshape(-1, *grid.shape)).reshape(values.shape)


def cumulative_current_map(
    grid: GridGraph,
    points: ArrayInput,
    *,
    short_circuits: Sequence[np.ndarray] = (),
    solver: AbstractLinearSolver | None = None,
) -> Float[Array, "rows columns"]:
    """Return the sum of the current maps of all pairs of points: n − 1 solves, and n − 1 adjoint solves.

    Parameters
    ----------
    grid
        The landscape, undirected.
    points
        Two or more vertices of one component, by number or by row and column.
    short_circuits
        Regions of flat cell indices, each one node.
    solver
        Linear solver; None to choose one.

    Returns
    -------
    Array
        Sum of the currents through each cell, in ampere, with 1 A for each pair; 0 in cells outside the circuit.

    Raises
    ------
    ValueError
        There are fewer than two points; a point does not exist or is not connected with the first; the landscape has no
        concrete values.

    Examples
    --------
    >>> cumulative_current_map(GridGraph(jnp.ones((1, 3))), [0, 1, 2]).round(9)
    Array([[2., 3., 2.]], dtype=float64)
    """
    topology = _CircuitTopology(grid, short_circuits, solver)
    cells = np.asarray(vertex_cells(grid, grid.vertex_indices(points, "points")))
    if len(cells) < 2:
        raise ValueError(f"current flows between two or more points, not {len(cells)}")
    node = topology.circuit.node_of[cells]
    unconnected = topology.circuit.components[node] != topology.circuit.components[node[0]]
    if unconnected.any():
        raise ValueError(
            f"{unconnected.sum()} of {count_of(unconnected.size, 'point')} "
            f"{agreeing(unconnected.sum(), 'is', 'are')} not connected with the first point; the first of them has the "
            f"index {int(np.argmax(unconnected))}"
        )
    injected = np.zeros((len(cells) - 1, grid.shape[0] * grid.shape[1]))
    injected[np.arange(len(cells) - 1), cells[1:]] += 1.0
    injected[:, cells[0]] -= 1.0
    values, to_ground = _solve(topology, jnp.asarray(injected).reshape(-1, *grid.shape), None, None)
    values = jnp.concatenate([jnp.zeros((1, *grid.shape)), values])
    first, second = np.triu_indices(len(cells), 1)
    distinct = node[first] != node[second]
    pairs = jnp.stack([jnp.asarray(first[distinct]), jnp.asarray(second[distinct])], axis=1)
    return _sum_of_pairs(topology.conductances(to_ground), values, pairs)


class _CircuitTopology:
    """A circuit with concrete values, and its conductances as differentiable functions of the landscape."""

    def __init__(self, grid: GridGraph, short_circuits: Sequence[np.ndarray], solver: AbstractLinearSolver | None):
        if concrete_or_none(grid.edges) is None:
            raise ValueError("a current map needs the concrete values of the landscape; do not call it under jax.jit")
        self.circuit = GridCircuit(
            jax.tree.map(lambda array: jnp.asarray(concrete_or_none(array)), grid), short_circuits, solver=solver
        )
        node = jnp.asarray(self.circuit.node_of).reshape(grid.shape)
        neighbours = shifts(node, grid.directions, fill=-1)
        edges = grid.edges
        inactive = (node >= 0) & ~jnp.asarray(concrete_or_none(grid.active))
        if grid.edge_rule == "mean" and bool(inactive.any()):
            edges = edges + self._inactive_conductances(grid, inactive)
        self.node = node
        self.edges = jnp.where((node == neighbours) | (node < 0) | (neighbours < 0), 0.0, edges)

    def conductances(self, to_ground: Float[Array, "rows columns"]) -> "_Conductances":
        """Return the conductances between cells and to the ground."""
        merged = len(self.circuit.merged_nodes) > 0
        return _Conductances(self.edges, to_ground, self.node if merged else None, self.circuit.n_nodes)

    @staticmethod
    def _inactive_conductances(
        grid: GridGraph, inactive: Bool[Array, "rows columns"]
    ) -> Float[Array, "steps rows columns"]:
        """Return the conductances of the inactive cells (permeability 0) of short-circuit regions."""
        weights = jnp.where(grid.active, grid.permeability, 0.0)
        extra = []
        for step, length in zip(neighbour_offsets(grid.directions), np.asarray(grid.step_lengths), strict=True):
            touches = inactive | shift(inactive, step, fill=False)
            extra.append(jnp.where(touches, (weights + shift(weights, step)) / 2 / length, 0.0))
        return jnp.stack(extra)


def _solve(topology: _CircuitTopology, injected: ArrayInput, grounds: ArrayInput | None, fixed: ArrayInput | None):
    """Validate the inputs; return the potentials and the ground conductances."""
    circuit, shape = topology.circuit, topology.circuit.shape
    injected = jnp.asarray(injected, dtype=float)
    to_ground = jnp.zeros(shape) if grounds is None else jnp.asarray(grounds, dtype=float)
    is_fixed = np.zeros(shape, bool) if fixed is None else np.asarray(concrete_or_none(jnp.asarray(fixed)))
    for name, array, raster_shape in (
        ("injected", injected, injected.shape[-2:]),
        ("grounds", to_ground, to_ground.shape),
        ("fixed", is_fixed, is_fixed.shape),
    ):
        if raster_shape != shape:
            raise ValueError(f"{name} must be a raster of {shape[0]} × {shape[1]} cells, not of shape {array.shape}")
    injected = jnp.where(topology.node >= 0, injected, 0.0)
    to_ground = jnp.where(topology.node >= 0, to_ground, 0.0)
    nodes = circuit.nodes_at(np.flatnonzero(is_fixed.ravel()))
    conductance = np.asarray(concrete_or_none(to_ground)).ravel()
    invalid = ~((conductance >= 0) & np.isfinite(conductance))
    if invalid.any():
        raise ValueError(
            f"{count_of(invalid.sum(), 'ground is', 'grounds are')} negative, infinite or not a number; use `fixed` "
            "for direct grounds"
        )
    cells = np.flatnonzero(conductance > 0)
    finite_grounds = GroundConductances(circuit.node_of[cells], conductance[cells])
    batch = injected.reshape(-1, *shape)
    grounded_nodes = np.concatenate([nodes, finite_grounds.nodes])
    _require_balanced(circuit, np.asarray(concrete_or_none(batch)), grounded_nodes)
    grounded = circuit.grounded(nodes, finite_grounds, n_rhs=len(batch))
    values = _potentials(_FactorizedSystem(circuit, grounded), topology.edges, to_ground, batch)
    return values.reshape(injected.shape), to_ground


def _require_balanced(circuit: GridCircuit, injected: np.ndarray, grounded_nodes: np.ndarray) -> None:
    """Raise unless all injected currents are finite and sum to zero in each component without a ground."""
    is_node = circuit.node_of >= 0
    component = circuit.components[circuit.node_of[is_node]]
    has_ground = np.zeros(circuit.components.max() + 1, bool)
    has_ground[circuit.components[grounded_nodes]] = True
    for number, raster in enumerate(injected.reshape(len(injected), -1)):
        n_invalid = np.count_nonzero(~np.isfinite(raster[is_node]))
        if n_invalid:
            raise ValueError(f"in raster {number}, the injected current is not finite in {count_of(n_invalid, 'cell')}")
        sums = np.bincount(component, raster[is_node], has_ground.size)
        unbalanced = ~has_ground & (np.abs(sums) > BALANCE_RTOL * np.abs(raster).max(initial=0.0))
        if unbalanced.any():
            raise ValueError(
                f"in raster {number}, the currents injected into a component without a ground sum to "
                f"{sums[unbalanced][0]:g} A instead of 0 A ({count_of(unbalanced.sum(), 'such component')} in all); "
                "ground it, or let the injected currents sum to zero there"
            )


class _FactorizedSystem:
    """The grounded circuit as a constant of the differentiation; hashed by identity, so that no two calls share it."""

    def __init__(self, circuit: GridCircuit, grounded):
        self.circuit, self.grounded = circuit, grounded

    def solve(self, injected: ArrayLike) -> np.ndarray:
        """Return the potentials for currents injected into every cell."""
        injected = np.asarray(injected)
        circuit, flat = self.circuit, injected.reshape(len(injected), -1)
        is_node = circuit.node_of >= 0
        by_node = np.stack([np.bincount(circuit.node_of[is_node], row[is_node], circuit.n_nodes) for row in flat])
        values = self.grounded.solve(np.arange(circuit.n_nodes), by_node)
        return np.where(is_node, values, 0.0).reshape(injected.shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _potentials(system: _FactorizedSystem, edges: Array, to_ground: Array, injected: Array) -> Array:
    return jax.pure_callback(system.solve, jax.ShapeDtypeStruct(injected.shape, injected.dtype), injected)


def _potentials_fwd(system, edges, to_ground, injected):
    values = _potentials(system, edges, to_ground, injected)
    return values, values


def _potentials_bwd(system, values, cotangent):
    adjoint = jax.pure_callback(system.solve, jax.ShapeDtypeStruct(values.shape, values.dtype), cotangent)
    # At fixed nodes the adjoint is 0, as their potentials do not change.
    return _edge_gradient(adjoint, values, len(system.circuit.offsets)), -(adjoint * values).sum(0), adjoint


@partial(jax.jit, static_argnums=2)
def _edge_gradient(adjoint: Array, values: Array, directions: int) -> Float[Array, "steps rows columns"]:
    """Return the derivative with respect to each entry of the edges, −(λ_i − λ_j) (v_i − v_j) / 2."""
    # Every conductor is stored twice, once for each end; both entries are the same function of the landscape.
    gradients = [
        -((adjoint - shift(adjoint, step)) * (values - shift(values, step))).sum(0) / 2
        for step in neighbour_offsets(directions)
    ]
    return jnp.stack(gradients)


_potentials.defvjp(_potentials_fwd, _potentials_bwd)


class _Conductances(eqx.Module):
    """Conductances between cells and to the ground, and the node of every cell if any node has several cells."""

    edges: Float[Array, "steps rows columns"]
    to_ground: Float[Array, "rows columns"]
    node: Int[Array, "rows columns"] | None
    n_nodes: int = eqx.field(static=True)

    def currents(self, values: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        """Return the current through every cell at given potentials."""
        flow = self.edges * (values - shifts(values, self.edges.shape[0]))
        drained = self.to_ground * values
        outflow = jnp.maximum(flow, 0).sum(0) + jnp.maximum(drained, 0)
        inflow = jnp.maximum(-flow, 0).sum(0) + jnp.maximum(-drained, 0)
        if self.node is not None:
            outflow, inflow = self._sum_by_node(outflow), self._sum_by_node(inflow)
        # The maximum of the two, written so that it is smooth where they are equal up to rounding.
        return (outflow + inflow + jnp.abs(outflow - inflow)) / 2

    def _sum_by_node(self, values: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        """Return, in every cell, the sum of the values in the cells of its node; 0 outside the circuit."""
        number = jnp.where(self.node >= 0, self.node, self.n_nodes)
        sums = jnp.zeros(self.n_nodes + 1).at[number].add(values)
        return jnp.where(self.node >= 0, sums[number], 0.0)


# Compiled as a whole, and once for all landscapes of one size.
@eqx.filter_jit
def _current_maps(
    conductances: _Conductances, values: Float[Array, "k rows columns"]
) -> Float[Array, "k rows columns"]:
    return jax.lax.map(conductances.currents, values)


@eqx.filter_jit
def _sum_of_pairs(
    conductances: _Conductances, values: Float[Array, "n rows columns"], pairs: Int[Array, "pairs 2"]
) -> Float[Array, "rows columns"]:
    """Return the sum of the current maps of pairs, whose potentials are differences of two of the values."""

    # Without rematerialization, the gradient would store the maps of every pair.
    @jax.checkpoint
    def add(total: Array, pair: Array) -> tuple[Array, None]:
        """Add the current map of one pair."""
        return total + conductances.currents(values[pair[1]] - values[pair[0]]), None

    return jax.lax.scan(add, jnp.zeros(values.shape[1:]), pairs)[0]
