"""The multigrid of walks as a solver."""

from collections import OrderedDict
from functools import partial
from itertools import count
from threading import Lock
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32

from ...parallel.numba_jit import parallel_starmap
from ...random_walks.hitting_cpu import NAME, solve_hitting_cpu
from ...random_walks.newton_scaling import MEMORY, newton_log_scaling
from ...random_walks.transition_data import TransitionData
from ..base import AbstractLinearSolver
from ..krylov.cpu.fgmres import KrylovWorkspace, PaddedStencil, solve
from ..nested_dissection import NestedDissection
from ..nested_dissection.cpu import cached_factor
from ..padded import PaddedShape
from ..solver_stats import log_solve
from ..stencil_matrix import StencilMatrix, neighbour_offsets
from .coarsening_kernels import UNORDERED
from .hierarchy import FLOAT32, Hierarchy, VCycle, build, transposed
from .ordering import Ordering, orderings_on_all_levels
from .setup_kernels import checksum, load_matrix

#: Hierarchies that are remembered: a gradient needs that of its forward pass.
REMEMBERED = 2

#: Hierarchies by the number that `newton_log_scaling` gave them, or by that of the matrix, with the factors of their scale.
_hierarchies: OrderedDict[int, tuple[Hierarchy, np.ndarray]] = OrderedDict()
_numbers = count(1)
_lock = Lock()


class OrderedSystem(NamedTuple):
    """A system, and the order in which its walk approaches the target.

    Parameters
    ----------
    system
        I − W̃.
    rank
        The smaller, the nearer; `thinning.NOWHERE` in rows without entries beside the diagonal.
    number
        Of the hierarchy that is remembered from settling, if there is one; 0 if not.
    """

    system: StencilMatrix
    rank: Int32[Array, "rows columns"]
    number: Int[Array, ""]


class NonsymmetricMultigrid(AbstractLinearSolver):
    """Solve (I − W̃) x = b for a walk to one target, whose rows W̃ add up to about one, on the host.

    Parameters
    ----------
    tolerance
        Largest |b − A x| of a row beside what the row adds up.
    iterations
        How many at most; where they do not suffice nested dissection solves, and the journal shows both.
    instead
        What finds a scale where this one does not.

    Notes
    -----
    An M-matrix whose every row is met to a part τ of what it adds up has the solution of a walk whose chances are
    changed by a part τ. So every entry is right to about τ times the number of steps that the walk takes.

    References
    ----------
    Dendy, J. E. (1983). Black box multigrid for nonsymmetric problems. Applied Mathematics and Computation 13, 261–283.
    """

    tolerance: float = eqx.field(static=True, default=1e-13)
    iterations: int = eqx.field(static=True, default=90)
    instead: NestedDissection = eqx.field(default=NestedDissection(symmetric=False))

    def solve_hitting_cpu(
        self,
        conductances: Float[Array, "directions rows columns"],
        costs: Float[Array, "directions rows columns"],
        theta: Float[Array, ""],
        target: Int[Array, ""],
        *,
        undirected: bool,
        spent: bool,
    ) -> tuple[Array, Array, Array, Bool[Array, ""]]:
        """Compute all that arrives at a target at once, which cannot be differentiated; see `arriving.arrive`.

        Parameters
        ----------
        conductances, costs, undirected
            As in `TransitionData.of`.
        theta, target, spent
            As there.

        Returns
        -------
        potential, scaled, spent, succeeded
            Not to be used unless it has succeeded.
        """
        raster = jax.ShapeDtypeStruct(conductances.shape[1:], jnp.float64)
        like = (raster, raster, raster, jax.ShapeDtypeStruct((), bool))
        options = {"undirected": undirected, "spent": spent}
        on_host = partial(_arrive, **options, tolerance=self.tolerance, iterations=self.iterations)
        return jax.pure_callback(on_host, like, conductances, costs, theta, target, vmap_method="sequential")

    def newton_log_scaling(
        self,
        conductances: Float[Array, "directions rows columns"],
        costs: Float[Array, "directions rows columns"],
        theta: Float[Array, ""],
        target: Int[Array, ""],
    ) -> tuple[Float[Array, "rows columns"], Int32[Array, "rows columns"], Int[Array, ""]]:
        """Find potentials in which rows add up to about one, and ranks, see `settling.Settled`.

        Returns
        -------
        potential, rank, number
            The number is 0 where no such potentials were found, else see `OrderedSystem`.
        """
        shape = conductances.shape[1:]
        like = (
            jax.ShapeDtypeStruct(shape, jnp.float64),
            jax.ShapeDtypeStruct(shape, jnp.int32),
            jax.ShapeDtypeStruct((), jnp.int64),
        )
        return jax.pure_callback(_settle, like, conductances, costs, theta, target, vmap_method="sequential")

    def prepare(self, system: StencilMatrix) -> OrderedSystem:
        """Rank cells row by row; those who know better make a `OrderedSystem` of their own."""
        linked = (system.edges != 0).any(0)
        rank = jnp.cumsum(linked.ravel()).reshape(linked.shape) - 1
        return OrderedSystem(system, jnp.where(linked, rank, UNORDERED).astype(jnp.int32), jnp.array(0))

    def solve_prepared(
        self, prepared: OrderedSystem, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
    ) -> Float[Array, "k rows columns"]:
        """Solve on the host; what it needs is made when it first solves, and remembered.

        Raises
        ------
        RuntimeError
            Neither this nor nested dissection gives an accurate answer.
        """
        like = jax.ShapeDtypeStruct(right_hand_sides.shape, right_hand_sides.dtype)
        on_host = partial(_solve, tolerance=self.tolerance, iterations=self.iterations, backwards=transposed)
        given = (prepared.system.center, prepared.system.edges, prepared.rank, prepared.number, right_hand_sides)
        return jax.pure_callback(on_host, like, *given, vmap_method="sequential")


def _arrive(
    conductances, costs, theta, target, *, undirected: bool, **options
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    conductances, costs, place = (np.asarray(array) for array in (conductances, costs, target))
    rows, columns = conductances.shape[1:]
    if not 0 <= place < rows * columns:
        nothing = np.zeros((rows, columns))
        return np.full((rows, columns), np.inf), nothing, nothing, np.array(True)
    terrain = TransitionData.of(conductances, costs, undirected=undirected)
    *rasters, succeeded = solve_hitting_cpu(terrain, float(theta), int(place), **options)
    return *rasters, np.array(succeeded)


def _settle(conductances, costs, theta, target) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    conductances, costs, place = (np.asarray(array) for array in (conductances, costs, target))
    shape, number = conductances.shape[1:], next(_numbers)
    if not 0 <= place < shape[0] * shape[1]:
        return np.full(shape, np.inf), np.full(shape, UNORDERED, np.int32), np.array(number)
    terrain = TransitionData.of(conductances, costs, undirected=False)
    found = newton_log_scaling(terrain, float(theta), int(place), np.empty((MEMORY, terrain.cells)))
    potential = terrain.frame.inside(found.potential)
    if found.hierarchy is None:
        return potential, found.rank, np.array(0)
    with _lock:
        _remember(number, found.hierarchy, found.factor)
    return potential, found.rank, np.array(number)


def _solve(
    center, edges, rank, number, right_hand_sides, *, tolerance: float, iterations: int, backwards: bool
) -> np.ndarray:
    center, edges, rank, right_hand_sides = (np.asarray(array) for array in (center, edges, rank, right_hand_sides))
    loose = rank == UNORDERED
    if loose.all():
        return right_hand_sides / center
    hierarchy, factor = _hierarchy(edges, rank, int(number))
    given, system = right_hand_sides, edges
    if backwards:
        # What the others send to rows of their own is added up in the end.
        given, system = np.where(loose, 0.0, given), np.where(loose, 0.0, cached_factor.transpose(edges))
        hierarchy, factor = transposed(hierarchy), 1 / factor
    offsets = np.array([down * (center.shape[1] + 1) + right for down, right in neighbour_offsets(len(edges))])
    matrix = PaddedStencil(PaddedShape(*center.shape), _row(center), system.reshape(len(edges), -1), offsets, factor)
    by = (matrix, VCycle(hierarchy, backwards), KrylovWorkspace.on(matrix.frame))
    founds = [solve(*by, _row(b), _beginning(center, loose, b), tolerance, iterations) for b in given]
    worst = max(found.defect for found in founds)
    log_solve(NAME, len(founds), max(found.iterations for found in founds), worst)
    if not all(found.succeeded for found in founds):
        return cached_factor.solve(center, edges, right_hand_sides, False, backwards)
    solution = np.stack([matrix.frame.inside(found.x) for found in founds])
    if backwards:
        sent = np.stack([_sent(edges, x) for x in solution])
        solution = np.where(loose, (right_hand_sides - sent) / center, solution)
    return solution


def _sent(edges: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the edges of Aᵀ times x."""
    rows, columns = x.shape
    result = np.zeros((rows + 2, columns + 2))
    for edge, (down, right) in zip(edges, neighbour_offsets(len(edges)), strict=True):
        result[1 + down : 1 + down + rows, 1 + right : 1 + right + columns] += edge * x
    return result[1:-1, 1:-1]


def _beginning(center: np.ndarray, loose: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where the search begins: at the solution in rows of their own, and if they are the source at its scale."""
    frame = PaddedShape(*center.shape)
    x = np.zeros(frame.size)
    known = np.where(loose, b / center, 0.0)
    arrives = known.max() if not np.any(b, where=~loose) else 0.0
    frame.inside(x)[:] = np.where(loose, known, arrives)
    return x


def _hierarchy(edges: np.ndarray, rank: np.ndarray, number: int) -> tuple[Hierarchy, np.ndarray]:
    """Return the hierarchy of a matrix, from an earlier call if there was one, and the factors of its scale."""
    with _lock:
        if number in _hierarchies:
            return _hierarchies[number]
        # Should two matrices have the same number, the hierarchy serves badly, and the search finds that out.
        key = -int(checksum(_row(edges).view(np.uint64)))
        if key not in _hierarchies:
            ranks = orderings_on_all_levels(rank)
            hierarchy = build(ranks, *_walk(edges, ranks[0]))
            _remember(key, hierarchy, np.ones(ranks[0].frame.size, FLOAT32))
        return _hierarchies[key]


def _remember(key: int, hierarchy: Hierarchy, factor: np.ndarray) -> None:
    while len(_hierarchies) >= REMEMBERED:
        _hierarchies.popitem(last=False)
    _hierarchies[key] = hierarchy, factor


def _walk(edges: np.ndarray, ranks: Ordering) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    frame = ranks.frame
    k = tuple(np.zeros(frame.size, FLOAT32) for _ in range(8))
    ground, inverse = np.zeros(frame.size, FLOAT32), np.zeros(frame.size, FLOAT32)
    offsets = np.array([down * frame.width + right for down, right in neighbour_offsets(len(edges))])
    numbers = np.arange(8) if len(edges) == 8 else np.array([1, 3, 4, 6])
    given = (edges.reshape(len(edges), -1), offsets, numbers, ranks.rank, UNORDERED, k, ground, inverse, frame.width)
    parallel_starmap(load_matrix, [(*given, *band) for band in frame.bands])
    return k, ground, inverse


def _row(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, float).ravel()
