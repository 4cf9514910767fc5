"""Potentials and current maps as functions of the landscape, with their gradients.

With A v = b the grounded circuit and λ = A⁻¹ v̄ for a cotangent v̄ of the potentials,

    ∂/∂w_ij = −(λ_i − λ_j) (v_i − v_j),    ∂/∂b = λ,    ∂/∂g_i = −λ_i v_i,

for conductors between i and j, fed currents and conductors to the ground. Cells of one node share v and λ, so this
holds for short-circuit regions, too. One more solve with what was prepared gives the gradient with respect to all.
"""

from collections.abc import Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..distances.base import vertex_cells
from ..graph.grid_graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg.stencil_matrix import neighbour_offsets, shift, shifts
from .base import GroundConductances
from .grid_circuit import GridCircuit

#: What may enter a component without a ground, beside the largest current fed.
BALANCED = 1e-9


def potential_map(
    grid: GridGraph,
    fed: ArrayInput,
    *,
    grounds: ArrayInput | None = None,
    held: ArrayInput | None = None,
    short_circuits: Sequence[np.ndarray] = (),
) -> Float[Array, "*k rows columns"]:
    """Return potentials, in volt, differentiable with respect to the landscape, the currents fed and the grounds.

    Parameters
    ----------
    grid
        The landscape, undirected.
    fed
        Current that enters every cell, in ampere, one raster or several; negative where it leaves.
    grounds
        Conductance of every cell to the ground, in siemens, finite; 0 for none.
    held
        True in cells that are held at 0 V: direct grounds.
    short_circuits
        Regions of flat cell indices, each one node.

    Returns
    -------
    Array
        0 where there is no node. A component without a ground has 0 V at the best connected of its nodes.

    Raises
    ------
    ValueError
        What is fed into a component without a ground does not sum to zero; the values of the landscape cannot be
        looked at, as under `jax.jit` (`jax.grad` and `jax.vjp` are fine).

    Examples
    --------
    >>> line = GridGraph(jnp.ones((1, 3)))
    >>> potential_map(line, jnp.array([[1.0, 0.0, 0.0]]), held=jnp.array([[False, False, True]])).round(9)
    Array([[2., 1., 0.]], dtype=float64)
    """
    return _solved(_CircuitTopology(grid, short_circuits), fed, grounds, held)[0]


def current_map(
    grid: GridGraph,
    fed: ArrayInput,
    *,
    grounds: ArrayInput | None = None,
    held: ArrayInput | None = None,
    short_circuits: Sequence[np.ndarray] = (),
) -> Float[Array, "*k rows columns"]:
    """Return the current through every cell, in ampere, differentiable like `potential_map`.

    Parameters
    ----------
    grid, fed, grounds, held, short_circuits
        As of `potential_map`.

    Returns
    -------
    Array
        What enters a node or what leaves it, whichever is more; cells of one node have the same; 0 where there is none.

    Examples
    --------
    >>> def through_the_middle(permeability):
    ...     fed = jnp.zeros((3, 3)).at[1, 0].set(1.0).at[1, 2].set(-1.0)
    ...     return current_map(GridGraph(permeability), fed)[1, 1]
    >>> gradient = jax.grad(through_the_middle)(jnp.ones((3, 3)))
    >>> bool(gradient[1, 1] > 0), bool(gradient[0, 1] < 0)
    (True, True)
    """
    wired = _CircuitTopology(grid, short_circuits)
    values, to_ground = _solved(wired, fed, grounds, held)
    return _through_each(wired.conductors(to_ground), values.reshape(-1, *grid.shape)).reshape(values.shape)


def cumulative_current_map(
    grid: GridGraph, points: ArrayInput, *, short_circuits: Sequence[np.ndarray] = ()
) -> Float[Array, "rows columns"]:
    """Return the currents of all pairs of points, added up: n − 1 solves, and as many for the gradient.

    Parameters
    ----------
    grid
        The landscape, undirected.
    points
        Vertex numbers, all of one component.
    short_circuits
        Regions of flat cell indices, each one node.

    Examples
    --------
    >>> cumulative_current_map(GridGraph(jnp.ones((1, 3))), [0, 1, 2]).round(9)
    Array([[2., 3., 2.]], dtype=float64)
    """
    wired = _CircuitTopology(grid, short_circuits)
    cells = np.asarray(vertex_cells(grid, grid.vertex_indices(points, "points")))
    node = wired.circuit.node_of[cells]
    apart = wired.circuit.components[node] != wired.circuit.components[node[0]]
    if apart.any():
        raise ValueError(
            f"{apart.sum()} of {apart.size} points are not connected with the first; the first of them is number "
            f"{int(np.argmax(apart))}"
        )
    fed = np.zeros((len(cells) - 1, grid.shape[0] * grid.shape[1]))
    fed[np.arange(len(cells) - 1), cells[1:]] += 1.0
    fed[:, cells[0]] -= 1.0
    values, to_ground = _solved(wired, jnp.asarray(fed).reshape(-1, *grid.shape), None, None)
    values = jnp.concatenate([jnp.zeros((1, *grid.shape)), values])
    first, second = np.triu_indices(len(cells), 1)
    real = node[first] != node[second]

    pairs = jnp.stack([jnp.asarray(first[real]), jnp.asarray(second[real])], axis=1)
    return _through_pairs(wired.conductors(to_ground), values, pairs)


class _CircuitTopology:
    """A circuit whose values are known, and its conductors as a function of the landscape."""

    def __init__(self, grid: GridGraph, short_circuits: Sequence[np.ndarray]):
        if concrete_or_none(grid.edges) is None:
            raise ValueError("a current map needs to look at the values of the landscape; do not put it under jax.jit")
        self.circuit = GridCircuit(
            jax.tree.map(lambda array: jnp.asarray(concrete_or_none(array)), grid), short_circuits
        )
        node = jnp.asarray(self.circuit.node_of).reshape(grid.shape)
        beside = shifts(node, grid.directions, fill=-1)
        edges = grid.edges
        claimed = (node >= 0) & ~jnp.asarray(concrete_or_none(grid.active))
        if grid.edge_rule == "mean" and bool(claimed.any()):
            edges = edges + self._claimed(grid, claimed)
        self.node = node
        self.edges = jnp.where((node == beside) | (node < 0) | (beside < 0), 0.0, edges)

    def conductors(self, to_ground: Float[Array, "rows columns"]) -> "_Conductances":
        """Return what currents are computed from."""
        merged = len(self.circuit.merged_nodes) > 0
        return _Conductances(self.edges, to_ground, self.node if merged else None, self.circuit.count)

    @staticmethod
    def _claimed(grid: GridGraph, claimed: Bool[Array, "rows columns"]) -> Float[Array, "steps rows columns"]:
        """Return what cells of permeability 0 conduct that a region claims."""
        weights = jnp.where(grid.active, grid.permeability, 0.0)
        extra = []
        for step, length in zip(neighbour_offsets(grid.directions), np.asarray(grid.step_lengths), strict=True):
            one_is = claimed | shift(claimed, step, fill=False)
            extra.append(jnp.where(one_is, (weights + shift(weights, step)) / 2 / length, 0.0))
        return jnp.stack(extra)


def _solved(wired: _CircuitTopology, fed: ArrayInput, grounds: ArrayInput | None, held: ArrayInput | None):
    circuit, shape = wired.circuit, wired.circuit.shape
    fed = jnp.asarray(fed, dtype=float)
    to_ground = jnp.zeros(shape) if grounds is None else jnp.asarray(grounds, dtype=float)
    at = np.zeros(shape, bool) if held is None else np.asarray(concrete_or_none(jnp.asarray(held)))
    for name, array in (("fed", fed[..., :, :]), ("grounds", to_ground), ("held", at)):
        if array.shape[-2:] != shape:
            raise ValueError(f"{name} must be a raster of {shape[0]} × {shape[1]} cells, not of shape {array.shape}")
    fed = jnp.where(wired.node >= 0, fed, 0.0)
    to_ground = jnp.where(wired.node >= 0, to_ground, 0.0)
    nodes = circuit.nodes_at(np.flatnonzero(at.ravel()))
    conductance = np.asarray(concrete_or_none(to_ground)).ravel()
    wrong = ~((conductance >= 0) & np.isfinite(conductance))
    if wrong.any():
        raise ValueError(f"{wrong.sum()} grounds are negative, infinite or not a number; use `held` for direct grounds")
    places = np.flatnonzero(conductance > 0)
    grounded_to = GroundConductances(circuit.node_of[places], conductance[places])
    batch = fed.reshape(-1, *shape)
    _refuse_unbalanced(circuit, np.asarray(concrete_or_none(batch)), np.concatenate([nodes, grounded_to.nodes]))
    grounded = circuit.grounded(nodes, grounded_to, feedings=len(batch))
    values = _potentials(_FactorizedSystem(circuit, grounded), wired.edges, to_ground, batch)
    return values.reshape(fed.shape), to_ground


def _refuse_unbalanced(circuit: GridCircuit, fed: np.ndarray, earthed: np.ndarray) -> None:
    there = circuit.node_of >= 0
    component = circuit.components[circuit.node_of[there]]
    has_ground = np.zeros(circuit.components.max() + 1, bool)
    has_ground[circuit.components[earthed]] = True
    for number, raster in enumerate(fed.reshape(len(fed), -1)):
        sums = np.bincount(component, raster[there], has_ground.size)
        wrong = ~has_ground & (np.abs(sums) > BALANCED * np.abs(raster).max(initial=0.0))
        if wrong.any():
            raise ValueError(
                f"{sums[wrong][0]:g} A more enter than leave a component without a ground, in raster {number} of what "
                f"is fed, and {wrong.sum()} components in all; ground it, or let what is fed sum to zero there"
            )


class _FactorizedSystem:
    """What is known and not differentiated; every call is one of its own."""

    def __init__(self, circuit: GridCircuit, grounded):
        self.circuit, self.grounded = circuit, grounded

    def potentials(self, fed: ArrayLike) -> np.ndarray:
        """Return the potentials for what is fed into every cell."""
        fed = np.asarray(fed)
        circuit, flat = self.circuit, fed.reshape(len(fed), -1)
        there = circuit.node_of >= 0
        at_nodes = np.stack([np.bincount(circuit.node_of[there], row[there], circuit.count) for row in flat])
        values = self.grounded.potentials(np.arange(circuit.count), at_nodes)
        return np.where(there, values, 0.0).reshape(fed.shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _potentials(static: _FactorizedSystem, edges: Array, to_ground: Array, fed: Array) -> Array:
    return jax.pure_callback(static.potentials, jax.ShapeDtypeStruct(fed.shape, fed.dtype), fed)


def _forward(static, edges, to_ground, fed):
    values = _potentials(static, edges, to_ground, fed)
    return values, values


def _backward(static, values, cotangent):
    multiplier = jax.pure_callback(static.potentials, jax.ShapeDtypeStruct(values.shape, values.dtype), cotangent)
    # Every conductor is there twice, from each of its ends; both are the same function of the landscape.
    # Of the potential of a node that is held, which is fixed, the multiplier is 0.
    return _falls(multiplier, values, len(static.circuit.offsets)), -(multiplier * values).sum(0), multiplier


@partial(jax.jit, static_argnums=2)
def _falls(multiplier: Array, values: Array, directions: int) -> Float[Array, "steps rows columns"]:
    # Every conductor is there twice, from each of its ends; both are the same function of the landscape.
    at_edges = [
        -((multiplier - shift(multiplier, step)) * (values - shift(values, step))).sum(0) / 2
        for step in neighbour_offsets(directions)
    ]
    return jnp.stack(at_edges)


_potentials.defvjp(_forward, _backward)


class _Conductances(eqx.Module):
    """Conductors between cells and to the ground, and the node of every cell if any node has more than one."""

    edges: Float[Array, "steps rows columns"]
    to_ground: Float[Array, "rows columns"]
    node: Int[Array, "rows columns"] | None
    count: int = eqx.field(static=True)

    def through(self, values: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        """Return the current through every cell at given potentials."""
        flow = self.edges * (values - shifts(values, self.edges.shape[0]))
        lost = self.to_ground * values
        out = jnp.maximum(flow, 0).sum(0) + jnp.maximum(lost, 0)
        into = jnp.maximum(-flow, 0).sum(0) + jnp.maximum(-lost, 0)
        if self.node is not None:
            out, into = self._by_node(out), self._by_node(into)
        # The larger of the two, in a form that is smooth where they are equal but for rounding.
        return (out + into + jnp.abs(out - into)) / 2

    def _by_node(self, values: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        there = jnp.where(self.node >= 0, self.node, self.count)
        sums = jnp.zeros(self.count + 1).at[there].add(values)
        return jnp.where(self.node >= 0, sums[there], 0.0)


# Compiled as a whole, and once for all landscapes of a size.
@eqx.filter_jit
def _through_each(conductors: _Conductances, values: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
    return jax.lax.map(conductors.through, values)


@eqx.filter_jit
def _through_pairs(
    conductors: _Conductances, values: Float[Array, "n rows columns"], pairs: Int[Array, "pairs 2"]
) -> Float[Array, "rows columns"]:
    """Add up what flows through every cell when potentials are differences, pair by pair."""

    # Without this the gradient would keep maps of every pair.
    @jax.checkpoint
    def add(total: Array, pair: Array) -> tuple[Array, None]:
        return total + conductors.through(values[pair[1]] - values[pair[0]]), None

    return jax.lax.scan(add, jnp.zeros(values.shape[1:]), pairs)[0]
