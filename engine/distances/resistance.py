"""Effective resistance: the landscape as a network of resistors (McRae 2006)."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..graph import ArrayInput, GridGraph, concrete_or_none, connected_components
from ..linalg import (
    AbstractLinearSolver,
    NestedDissection,
    StencilMatrix,
    dense_inverse,
    inverse_block,
    outer_product,
    require_dense_size,
    require_memory,
    require_solved,
    require_solver,
    select_solver,
    selected_inverse,
    solve,
    unit_vectors,
)
from .base import AbstractDistance, vertex_cells
from .grounding import grounded_laplacian, grounded_region

#: Relative rounding error of potentials; the relative error above which resistances are computed in another way, and
#: that above which all pairs, for which there is no other way, are not returned.
POTENTIAL_ROUNDING = 4e-15
RESISTANCE_RTOL = 1e-8
ALL_PAIRS_RTOL = 1e-3

INACCURATE_ALL_PAIRS = (
    "the resistance between all pairs of cells could not be computed accurately: the values of the raster may span too "
    "many orders of magnitude; request the resistance between selected cells"
)


class ResistanceDistance(AbstractDistance):
    """Effective resistance between cells, in ohm: movement along all paths at once, without knowledge of the landscape.

    One ampere enters at the source and leaves at the target; the distance is the voltage between them,
    R_st = (e_s − e_t)ᵀ L⁺ (e_s − e_t), with L the Laplacian of the edge conductances.

    Parameters
    ----------
    solver
        Solver of the linear systems in L; by default chosen from their size and the number of right-hand sides.
        Distances to every cell, or to a region, always use the selected inverse of nested dissection, and all pairs a
        dense inverse.

    Raises
    ------
    ValueError
        The graph is directed (`edge_rule="target"`); all pairs of a landscape of more than 10,000 active cells are
        requested.
    MemoryError
        No solver that fits into memory can solve the systems.
    RuntimeError
        A system could not be solved, or not accurately.

    Notes
    -----
    L is singular: adding a constant to all potentials changes nothing. One cell of each component is grounded, the one
    with the largest sum of conductances; differences of potentials do not depend on which.
    The derivative with respect to an edge, ∂R_st/∂w_e = −(v_i − v_j)², needs no second solve.
    Cells in different components are infinitely far apart.

    References
    ----------
    McRae, B. H. (2006). Isolation by resistance. Evolution 60, 1551–1561. Eq. 3.

    Examples
    --------
    >>> ResistanceDistance()(GridGraph(jnp.ones((1, 3))), [0])
    Array([[0., 1., 2.]], dtype=float64)
    """

    #: A selected inverse, which takes about as long as the factor, serves all targets of a batch.
    map_batch: ClassVar[int] = 64
    #: The gradient follows from the block of potentials between all nodes.
    gradient_batch: ClassVar[int | None] = None

    solver: AbstractLinearSolver | None = eqx.field(default=None)

    def __check_init__(self):
        require_solver(self.solver)

    def all_pairs(self, grid: GridGraph) -> Float[Array, "n n"]:
        """Resistances between all vertices."""
        require_undirected(grid)
        require_dense_size(grid.n_vertices, "The resistance between all pairs of cells")
        components = connected_components(grid)
        inverse = dense_inverse(grounded_laplacian(grid, components), grid.cells, True)
        labels = jnp.take(components.ravel(), grid.cells, mode="fill", fill_value=0)
        diagonal = jnp.diagonal(inverse)
        potentials = diagonal[:, None] + diagonal[None]
        resistance = potentials - 2 * inverse
        distinct = _connected(labels, labels) & ~jnp.eye(grid.n_vertices, dtype=bool)
        inaccurate = _has_cancellation(resistance, potentials, distinct, ALL_PAIRS_RTOL)
        resistance = eqx.error_if(resistance, inaccurate, INACCURATE_ALL_PAIRS, on_error="raise")
        return _within_components(resistance, labels, labels)

    def from_sources(self, grid: GridGraph, sources: Int[Array, " sources"]) -> Float[Array, "sources n"]:
        """Resistances from sources to every vertex: one factorization, a selected inverse, and a solve for each source.

        Notes
        -----
        With G the inverse of the grounded Laplacian, R_is = G_ii + G_ss − 2 G_is. If the source itself is grounded,
        no digits cancel in R_is = G_ii − G_ss. This form is used for a single source, and for each of several where the
        first form loses digits because a nearly insulating wall separates them from the ground.
        """
        require_undirected(grid)
        request = f"The resistance from every cell of a raster of {grid.height:,} × {grid.width:,}"
        require_memory(grid.shape, request, symmetric=True)
        components = connected_components(grid)
        source_cells, cells = vertex_cells(grid, sources), grid.cells
        if sources.shape[0] == 1:
            return _resistance_map(grid, components, source_cells[0])[None]
        exact = NestedDissection(symmetric=True)
        system = grounded_laplacian(grid, components)
        diagonal = selected_inverse(system, exact).center.ravel()
        columns = solve(exact, system, unit_vectors(source_cells, grid.shape), symmetric=True)
        columns = jnp.take(columns.reshape(sources.shape[0], -1), cells, axis=1, mode="fill", fill_value=0.0)
        at_sources, at_cells = (jnp.take(diagonal, c, mode="fill", fill_value=0.0) for c in (source_cells, cells))
        resistance = at_sources[:, None] + at_cells[None] - 2 * columns
        # Between a cell and itself the difference would be a rounding error.
        same = source_cells[:, None] == cells[None]
        resistance = jnp.where(same, 0.0, resistance)
        source_labels, labels = (
            jnp.take(components.ravel(), c, mode="fill", fill_value=0) for c in (source_cells, cells)
        )
        resistance = _within_components(resistance, source_labels, labels)
        distinct = _connected(source_labels, labels) & ~same
        cancelled = _has_cancellation(resistance, at_sources[:, None] + at_cells[None], distinct)
        source_by_source = partial(jax.lax.map, lambda source: _resistance_map(grid, components, source), source_cells)
        return _select(cancelled, resistance, source_by_source)

    def to_targets(self, grid: GridGraph, targets: Int[Array, " targets"]) -> Float[Array, "n targets"]:
        """Resistances from every vertex to targets; they are symmetric."""
        return self.from_sources(grid, targets).T

    def to_region(self, grid: GridGraph, region: Bool[Array, "rows columns"]) -> Float[Array, " n"]:
        """Resistances from every vertex to a region, whose cells are one node: one factorization, its selected inverse.

        Parameters
        ----------
        grid
            The landscape, undirected.
        region
            The cells of the region; its vertices are connected without resistance.

        Notes
        -----
        With the region grounded, the resistance to it is the diagonal of the inverse of the Laplacian of the other
        vertices.

        Examples
        --------
        >>> region = jnp.array([[True, False, False, True]])
        >>> ResistanceDistance().to_region(GridGraph(jnp.ones((1, 4))), region).round(9)
        Array([0.        , 0.66666667, 0.66666667, 0.        ], dtype=float64)
        """
        require_undirected(grid)
        request = f"The resistance to a region from every cell of a raster of {grid.height:,} × {grid.width:,}"
        require_memory(grid.shape, request, symmetric=True)
        components = connected_components(grid)
        region = region & (components > 0)
        system, is_reached = grounded_region(grid, components, region)
        diagonal = selected_inverse(system, NestedDissection(symmetric=True)).center.ravel()[grid.cells]
        resistance = jnp.where(region.ravel()[grid.cells], 0.0, diagonal)
        return jnp.where(is_reached.ravel()[grid.cells], resistance, jnp.inf)

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, " sources"], targets: Int[Array, " targets"]
    ) -> Float[Array, "sources targets"]:
        """Resistances from sources to targets, with one solve for each source and each target."""
        resistance = self.between(grid, jnp.concatenate([sources, targets]))
        return resistance[: sources.shape[0], sources.shape[0] :]

    def between(self, grid: GridGraph, nodes: Int[Array, " nodes"]) -> Float[Array, "nodes nodes"]:
        """Resistances between all pairs of k nodes, with k − 1 solves and no further one for the gradient."""
        require_undirected(grid)
        components = connected_components(grid)
        cells = vertex_cells(grid, nodes)
        labels = jnp.take(components.ravel(), cells, mode="fill", fill_value=0)
        # The node with the largest sum of conductances is grounded, so that its potentials are known.
        conductance_sums = jax.lax.stop_gradient(grid.edges).sum(0).ravel()
        conductance_sums = jnp.take(conductance_sums, cells, mode="fill", fill_value=-1.0)
        ground = jnp.argmax(conductance_sums)
        resistance = jnp.zeros((nodes.shape[0],) * 2)
        if nodes.shape[0] > 1:
            others = jnp.arange(nodes.shape[0] - 1)
            others = others + (others >= ground)
            system = grounded_laplacian(grid, components, cells[ground])
            block = inverse_block(system, self._solver(grid, others.size), cells[others])
            diagonal = jnp.diagonal(block)
            # The grounded node's potential is the voltage across its grounding conductance, for any unit current.
            ground_conductance = conductance_sums[ground]
            to_ground = diagonal - 1 / jnp.where(ground_conductance > 0, ground_conductance, 1.0)
            # Differences within a column first: behind a wall all potentials are high, with a common error.
            drop = diagonal[:, None] - block
            between_others = drop + drop.T
            distinct = _connected(labels[others], labels[others]) & (cells[others][:, None] != cells[others][None])
            cancelled = _has_cancellation(between_others, diagonal[:, None] + diagonal[None], distinct)
            pair_by_pair = partial(self._pair_by_pair, grid, system, cells[others], labels[others])
            between_others = _select(cancelled, between_others, pair_by_pair)
            resistance = resistance.at[others[:, None], others[None]].set(between_others)
            resistance = resistance.at[others, ground].set(to_ground).at[ground, others].set(to_ground)
        resistance = jnp.where(cells[:, None] == cells[None], 0.0, resistance)
        return _within_components(resistance, labels, labels)

    def pairs(self, grid: GridGraph, sources: ArrayInput, targets: ArrayInput) -> Float[Array, " pairs"]:
        """Resistance of each pair (source i, target i), with one solve for each and no further one for the gradient.

        Parameters
        ----------
        grid
            The landscape, undirected.
        sources, targets
            Vertices, one of each for every pair.

        Raises
        ------
        ValueError
            The numbers of sources and targets differ.

        Notes
        -----
        The current enters at the source and leaves at the target, so no digits cancel when both are far from the
        ground.

        Examples
        --------
        >>> ResistanceDistance().pairs(GridGraph(jnp.ones((1, 4))), [0, 1], [1, 3])
        Array([1., 2.], dtype=float64)
        """
        require_undirected(grid)
        first = vertex_cells(grid, grid.vertex_indices(sources, "sources"))
        second = vertex_cells(grid, grid.vertex_indices(targets, "targets"))
        if len(first) != len(second):
            raise ValueError(f"every pair needs a source and a target, but there are {len(first)} and {len(second)}")
        components = connected_components(grid)
        labels = jnp.take(components.ravel(), jnp.stack([first, second]), mode="fill", fill_value=0)
        connected = (labels[0] == labels[1]) & (labels[0] > 0)
        currents = unit_vectors(first, grid.shape) - unit_vectors(second, grid.shape)
        currents = jnp.where(connected[:, None, None], currents, 0.0)
        # No current flows to ground, so the grounding conductance does not matter, and R = cᵀ A⁻¹ c.
        resistance = dissipation(grounded_laplacian(grid, components), self._solver(grid, first.shape[0]), currents)
        return jnp.where(connected, resistance, jnp.inf)

    def _pair_by_pair(self, grid, system, cells, labels) -> Float[Array, "k k"]:
        """Return the resistances between cells, each pair with its own currents, none of which flows to ground."""
        solver = self._solver(grid, cells.shape[0])

        def from_one(cell: Int[Array, ""], label: Int[Array, ""]) -> Float[Array, " k"]:
            """Return the resistances from one cell to all k cells, in ohm; 0 to unconnected ones."""
            currents = unit_vectors(cell[None], grid.shape) - unit_vectors(cells, grid.shape)
            connected = (label == labels) & (label > 0)
            return dissipation(system, solver, jnp.where(connected[:, None, None], currents, 0.0))

        return jax.lax.map(lambda args: from_one(*args), (cells, labels))

    def potentials(self, grid: GridGraph, currents: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
        """Return the potential of every cell, in volt, for injected (+) and extracted (−) currents.

        Parameters
        ----------
        grid
            The landscape, undirected.
        currents
            In ampere; must sum to zero within each component.

        Examples
        --------
        >>> potentials = ResistanceDistance().potentials(GridGraph(jnp.ones((1, 3))), jnp.array([[[1.0, 0.0, -1.0]]]))
        >>> (potentials - potentials.min()).round(9)
        Array([[[2., 1., 0.]]], dtype=float64)
        """
        require_undirected(grid)
        system = grounded_laplacian(grid, connected_components(grid))
        return solve(self._solver(grid, currents.shape[0]), system, currents, symmetric=True)

    def _solver(self, grid: GridGraph, right_hand_sides: int) -> AbstractLinearSolver:
        """Return the solver of the distance, or one chosen by size."""
        return (
            self.solver
            if self.solver is not None
            else select_solver(grid.shape, right_hand_sides, symmetric=True).solver
        )


def _resistance_map(
    grid: GridGraph, components: Int[Array, "rows columns"], source: Int[Array, ""]
) -> Float[Array, " n"]:
    """Return the resistance of every vertex to one cell, which is grounded."""
    system = grounded_laplacian(grid, components, source)
    diagonal = selected_inverse(system, NestedDissection(symmetric=True)).center.ravel()
    conductance_sums = jax.lax.stop_gradient(grid.edges).sum(0).ravel()
    ground_conductance = jnp.take(conductance_sums, source, mode="fill", fill_value=0.0)
    resistance = diagonal[grid.cells] - 1 / jnp.where(ground_conductance > 0, ground_conductance, 1.0)
    resistance = jnp.where(grid.cells == source, 0.0, resistance)
    label = jnp.take(components.ravel(), source, mode="fill", fill_value=0)
    return _within_components(resistance[None], label[None], components.ravel()[grid.cells])[0]


def _has_cancellation(
    resistance: Float[Array, "k m"],
    potentials: Float[Array, "k m"],
    distinct: Bool[Array, "k m"],
    rtol: float = RESISTANCE_RTOL,
) -> Bool[Array, ""]:
    """Return whether a resistance between distinct connected cells is too small a difference to keep enough digits."""
    fixed = jax.lax.stop_gradient((resistance, potentials))
    # Also where all digits are lost: the difference is zero or negative then, or not a number.
    return (distinct & ~(rtol * fixed[0] >= POTENTIAL_ROUNDING * fixed[1])).any()


def _select(cancelled: Bool[Array, ""], resistance: Float[Array, "k m"], otherwise: Callable) -> Float[Array, "k m"]:
    """Return resistances, or those that `otherwise` computes if digits cancelled."""
    known = concrete_or_none(cancelled)
    # A known condition is decided at once: compiling both branches takes longer than computing one of them.
    if known is not None:
        return otherwise() if known else resistance
    return jax.lax.cond(cancelled, otherwise, lambda: resistance)


@eqx.filter_custom_vjp
def dissipation(
    system: StencilMatrix, solver: AbstractLinearSolver, currents: Float[Array, "k rows columns"]
) -> Float[Array, " k"]:
    """Return cᵀ A⁻¹ c for k current vectors c: the dissipated power, which is R for one ampere.

    With v = A⁻¹ c, dR = −vᵀ dA v; for a conductance between i and j this is −(v_i − v_j)².
    """
    return (currents * _potentials(system, solver, currents)).sum((1, 2))


def _potentials(system, solver, currents):
    return require_solved(solver.compute(solver.init(system), currents))


@dissipation.def_fwd
def _dissipation_forward(perturbed, system, solver, currents):
    potentials = _potentials(system, solver, currents)
    return (currents * potentials).sum((1, 2)), potentials


@dissipation.def_bwd
def _dissipation_backward(potentials, cotangent, perturbed, system, solver, currents):
    # Entry by entry this is −v_i v_j off the diagonal and −v_i² on it; the Laplacian's own rule, w_e in both
    # diagonals and with the opposite sign between them, completes it to −(v_i − v_j)².
    entries = outer_product(cotangent[:, None, None] * potentials, potentials, system.directions)
    return jax.tree.map(jnp.negative, entries)


def require_undirected(grid: GridGraph) -> None:
    """Raise a `ValueError` unless both directions of every edge have the same conductance.

    Examples
    --------
    >>> require_undirected(GridGraph(jnp.ones((1, 2)), edge_rule="target"))
    Traceback (most recent call last):
    ...
    ValueError: effective resistance needs an undirected graph, but this edge rule gives the two directions of an edge \
different conductances; use edge_rule="mean" or "resistance"
    """
    if not grid.is_undirected:
        raise ValueError(
            "effective resistance needs an undirected graph, but this edge rule gives the two directions of an edge "
            'different conductances; use edge_rule="mean" or "resistance"'
        )


def _within_components(
    resistance: Float[Array, "k m"], row_labels: Int[Array, " k"], column_labels: Int[Array, " m"]
) -> Float[Array, "k m"]:
    """Return resistances, infinite between components."""
    return jnp.where(_connected(row_labels, column_labels), resistance, jnp.inf)


def _connected(row_labels: Int[Array, " k"], column_labels: Int[Array, " m"]) -> Bool[Array, "k m"]:
    """Return whether cells with these component numbers are connected; padding, whose number is 0, never is."""
    return (row_labels[:, None] == column_labels[None]) & (row_labels[:, None] > 0)
