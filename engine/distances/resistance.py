"""Effective resistance: the landscape as a network of resistors (McRae 2006)."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..graph.components import connected_components, representative_cells
from ..graph.grid_graph import ArrayInput, GridGraph, concrete_or_none
from ..linalg.auto import require_memory, select_solver
from ..linalg.base import AbstractLinearSolver, inverse_block, solve, unit_vectors
from ..linalg.dense import dense_inverse, require_dense_size
from ..linalg.nested_dissection import NestedDissection, selected_inverse
from ..linalg.stencil_matrix import StencilMatrix, outer_product
from .base import AbstractDistance, vertex_cells

#: Of potentials, what rounding leaves uncertain; and of resistances, what may be.
POTENTIAL_ROUNDING = 4e-15
RESISTANCE_RTOL = 1e-8


class ResistanceDistance(AbstractDistance):
    """Effective resistance between cells, in ohm: movement that wanders over all routes at once.

    One ampere enters at the source and leaves at the target; the distance is the voltage between them,
    R_st = (e_s − e_t)ᵀ L⁺ (e_s − e_t), with L the Laplacian of the edge conductances.

    Parameters
    ----------
    solver
        How to solve with L; by default chosen from the size and the number of right-hand sides.

    Raises
    ------
    ValueError
        The graph is directed (`edge_rule="target"`); *all pairs* of a landscape of more than 10,000 active cells.
    MemoryError
        Nothing that fits into memory can solve it.

    Notes
    -----
    L is singular: adding a constant to all potentials changes nothing. One cell of each component is tied to the
    ground, the one with the largest conductance around it; differences of potentials do not depend on which.
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

    def all_pairs(self, grid: GridGraph) -> Float[Array, "n n"]:
        """Resistances between all vertices."""
        require_undirected(grid)
        require_dense_size(grid.n_vertices, "The resistance between all pairs of cells")
        components = connected_components(grid)
        inverse = dense_inverse(grounded_laplacian(grid, components), grid.cells, True)
        own = jnp.take(components.ravel(), grid.cells, mode="fill", fill_value=0)
        diagonal = jnp.diagonal(inverse)
        resistance = diagonal[:, None] + diagonal[None] - 2 * inverse
        return _within_components(resistance, own, own)

    def from_sources(self, grid: GridGraph, sources: Int[Array, "sources"]) -> Float[Array, "sources n"]:
        """Resistances from sources to every vertex, exactly: one factor, its selected inverse, one solve a source.

        Notes
        -----
        With G the inverse of the grounded Laplacian, R_is = G_ii + G_ss − 2 G_is. With the ground at the source itself
        no difference is left to take, R_is = G_ii − G_ss: so for a single source, and for each of several where the
        ground lies behind a wall that hardly conducts.
        """
        require_undirected(grid)
        what = f"The resistance from every cell of a raster of {grid.height:,} × {grid.width:,}"
        require_memory(grid.shape, what, symmetric=True)
        components = connected_components(grid)
        starts, ends = vertex_cells(grid, sources), grid.cells
        if sources.shape[0] == 1:
            return _resistance_map(grid, components, starts[0])[None]
        exact = NestedDissection(symmetric=True)
        system = grounded_laplacian(grid, components)
        diagonal = selected_inverse(system, exact).center.ravel()
        columns = solve(exact, system, unit_vectors(starts, grid.shape), symmetric=True)
        columns = jnp.take(columns.reshape(sources.shape[0], -1), ends, axis=1, mode="fill", fill_value=0.0)
        own, other = (jnp.take(diagonal, cells, mode="fill", fill_value=0.0) for cells in (starts, ends))
        resistance = own[:, None] + other[None] - 2 * columns
        # Of a cell with itself the difference would be rounding.
        resistance = jnp.where(starts[:, None] == ends[None], 0.0, resistance)
        here, there = (jnp.take(components.ravel(), c, mode="fill", fill_value=0) for c in (starts, ends))
        resistance = _within_components(resistance, here, there)
        lost = _has_cancellation(resistance, own[:, None] + other[None])
        each_its_ground = partial(jax.lax.map, lambda start: _resistance_map(grid, components, start), starts)
        return _select(lost, resistance, each_its_ground)

    def to_targets(self, grid: GridGraph, targets: Int[Array, "targets"]) -> Float[Array, "n targets"]:
        """Resistances from every vertex to targets; the same both ways."""
        return self.from_sources(grid, targets).T

    def sources_to_targets(
        self, grid: GridGraph, sources: Int[Array, "sources"], targets: Int[Array, "targets"]
    ) -> Float[Array, "sources targets"]:
        """Resistances from sources to targets, with one solve for each of them."""
        both = self.between(grid, jnp.concatenate([sources, targets]))
        return both[: sources.shape[0], sources.shape[0] :]

    def between(self, grid: GridGraph, nodes: Int[Array, "nodes"]) -> Float[Array, "nodes nodes"]:
        """Resistances between all pairs of k nodes, with k − 1 solves and none for the gradient."""
        require_undirected(grid)
        components = connected_components(grid)
        cells = vertex_cells(grid, nodes)
        own = jnp.take(components.ravel(), cells, mode="fill", fill_value=0)
        # One node is tied to the ground itself, so that its potentials are known.
        around = jax.lax.stop_gradient(grid.edges).sum(0).ravel()
        around = jnp.take(around, cells, mode="fill", fill_value=-1.0)
        tied = jnp.argmax(around)
        resistance = jnp.zeros((nodes.shape[0],) * 2)
        if nodes.shape[0] > 1:
            others = jnp.arange(nodes.shape[0] - 1)
            others = others + (others >= tied)
            system = grounded_laplacian(grid, components, cells[tied])
            block = inverse_block(system, self._solver(grid, others.size), cells[others])
            diagonal = jnp.diagonal(block)
            # A column of the tied node would be the voltage of its conductor everywhere.
            to_tied = diagonal - 1 / jnp.where(around[tied] > 0, around[tied], 1.0)
            # Differences within a column first: behind a wall all potentials are high, and off by the same.
            fall = diagonal[:, None] - block
            among = fall + fall.T
            lost = _has_cancellation(jnp.where(among > 0, among, jnp.inf), diagonal[:, None] + diagonal[None])
            among = _select(lost, among, partial(self._pair_by_pair, grid, system, cells[others], own[others]))
            resistance = resistance.at[others[:, None], others[None]].set(among)
            resistance = resistance.at[others, tied].set(to_tied).at[tied, others].set(to_tied)
        resistance = jnp.where(cells[:, None] == cells[None], 0.0, resistance)
        return _within_components(resistance, own, own)

    def pairs(self, grid: GridGraph, sources: ArrayInput, targets: ArrayInput) -> Float[Array, "pairs"]:
        """Resistance of each pair (source i, target i), with one solve for each and none for the gradient.

        Notes
        -----
        The current enters at the source and leaves at the target, so nothing is lost to cancellation when both are
        far from the ground.
        """
        require_undirected(grid)
        first = vertex_cells(grid, grid.vertex_indices(sources, "sources"))
        second = vertex_cells(grid, grid.vertex_indices(targets, "targets"))
        components = connected_components(grid)
        labels = jnp.take(components.ravel(), jnp.stack([first, second]), mode="fill", fill_value=0)
        together = (labels[0] == labels[1]) & (labels[0] > 0)
        currents = unit_vectors(first, grid.shape) - unit_vectors(second, grid.shape)
        currents = jnp.where(together[:, None, None], currents, 0.0)
        # No current reaches the ground, so what ties it down does not matter, and R = cᵀ A⁻¹ c.
        resistance = dissipation(grounded_laplacian(grid, components), self._solver(grid, first.shape[0]), currents)
        return jnp.where(together, resistance, jnp.inf)

    def _pair_by_pair(self, grid, system, cells, labels) -> Float[Array, "k k"]:
        """Return the resistances between cells, each with currents of its own that no ground has a part in."""
        solver = self._solver(grid, cells.shape[0])

        def from_one(cell: Int[Array, ""], label: Int[Array, ""]) -> Float[Array, "k"]:
            currents = unit_vectors(cell[None], grid.shape) - unit_vectors(cells, grid.shape)
            reached = (label == labels) & (label > 0)
            return dissipation(system, solver, jnp.where(reached[:, None, None], currents, 0.0))

        return jax.lax.map(lambda place: from_one(*place), (cells, labels))

    def potentials(self, grid: GridGraph, currents: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
        """Return the potential of every cell, in volt, for currents that enter (+) and leave (−) the landscape.

        Parameters
        ----------
        grid
            The landscape, undirected.
        currents
            In ampere; must sum to zero within each component.
        """
        require_undirected(grid)
        system = grounded_laplacian(grid, connected_components(grid))
        return solve(self._solver(grid, currents.shape[0]), system, currents, symmetric=True)

    def _solver(self, grid: GridGraph, right_hand_sides: int) -> AbstractLinearSolver:
        return (
            self.solver
            if self.solver is not None
            else select_solver(grid.shape, right_hand_sides, symmetric=True).solver
        )


def _resistance_map(
    grid: GridGraph, components: Int[Array, "rows columns"], start: Int[Array, ""]
) -> Float[Array, "n"]:
    """Return the resistance of every vertex to one cell, which is tied to the ground."""
    system = grounded_laplacian(grid, components, start)
    diagonal = selected_inverse(system, NestedDissection(symmetric=True)).center.ravel()
    around = jnp.take(jax.lax.stop_gradient(grid.edges).sum(0).ravel(), start, mode="fill", fill_value=0.0)
    resistance = diagonal[grid.cells] - 1 / jnp.where(around > 0, around, 1.0)
    resistance = jnp.where(grid.cells == start, 0.0, resistance)
    label = jnp.take(components.ravel(), start, mode="fill", fill_value=0)
    return _within_components(resistance[None], label[None], components.ravel()[grid.cells])[0]


def _has_cancellation(resistance: Float[Array, "k m"], potentials: Float[Array, "k m"]) -> Bool[Array, ""]:
    """Tell whether a resistance is a difference of potentials so much larger that digits are missing."""
    fixed = jax.lax.stop_gradient((resistance, potentials))
    return ((fixed[0] > 0) & (fixed[0] < jnp.inf) & (POTENTIAL_ROUNDING * fixed[1] > RESISTANCE_RTOL * fixed[0])).any()


def _select(lost: Bool[Array, ""], resistance: Float[Array, "k m"], otherwise: Callable) -> Float[Array, "k m"]:
    seen = concrete_or_none(lost)
    # Known values choose here and now: to compile both ways takes longer than to go one of them.
    if seen is not None:
        return otherwise() if seen else resistance
    return jax.lax.cond(lost, otherwise, lambda: resistance)


def grounded_laplacian(
    grid: GridGraph, components: Int[Array, "rows columns"], preferred: Int[Array, ""] | None = None
) -> StencilMatrix:
    """Return the Laplacian with one cell of each component tied to the ground: a nonsingular system.

    Parameters
    ----------
    grid
        The landscape.
    components
        As `connected_components` gives them.
    preferred
        A cell that is to be the one in its component, as a flat raster index.

    Notes
    -----
    The cell with the largest sum of conductances is tied, with a conductor as large as that sum: a weakly connected
    one would put its own large resistance into every potential and drown the differences in rounding.
    """
    laplacian = grid.laplacian()
    around = jax.lax.stop_gradient(laplacian.center)
    rank = around if preferred is None else around.ravel().at[preferred].set(jnp.inf, mode="drop").reshape(around.shape)
    tie = representative_cells(components, rank)
    conductor = jnp.where(tie, jnp.where(around > 0, around, 1.0), 0.0)
    # Cells that are not vertices become rows of the identity.
    extra = jnp.where(components > 0, conductor, 1.0)
    return StencilMatrix(laplacian.center + extra, laplacian.edges)


@eqx.filter_custom_vjp
def dissipation(
    system: StencilMatrix, solver: AbstractLinearSolver, currents: Float[Array, "k rows columns"]
) -> Float[Array, "k"]:
    """Return cᵀ A⁻¹ c for k currents c: the power that each dissipates, which is R for one ampere.

    With v = A⁻¹ c, dR = −vᵀ dA v; for a conductance between i and j this is −(v_i − v_j)².
    """
    return (currents * _potentials(system, solver, currents)).sum((1, 2))


def _potentials(system, solver, currents):
    return solver.solve_prepared(solver.prepare(system), currents, transposed=False)


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
    """Raise a `ValueError` if the two directions of an edge have different conductances."""
    if not grid.is_undirected:
        raise ValueError(
            "effective resistance needs an undirected graph, but this edge rule gives the two directions of an edge "
            'different conductances; use edge_rule="mean" or "resistance"'
        )


def _within_components(
    resistance: Float[Array, "k m"], one: Int[Array, "k"], other: Int[Array, "m"]
) -> Float[Array, "k m"]:
    together = (one[:, None] == other[None]) & (one[:, None] > 0)
    return jnp.where(together, resistance, jnp.inf)
