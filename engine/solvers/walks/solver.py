"""The multigrid of walks as a solver."""

from collections import OrderedDict
from functools import partial
from threading import Lock
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32

from ...compiled import on_all_cores
from ...stencil import Stencil, steps_of
from ..interface import AbstractSolver
from ..journal import note
from ..multigrid.framed import Frame
from ..nested_dissection import NestedDissection, host
from .hierarchy import SINGLE, Cycle, Hierarchy, build, transposed
from .minimal_residual import Matrix, solve
from .ranks import ranks_on_all_rasters
from .settling import Settled, settle
from .taking_in import find_linked, fingerprint, take_in

NAME = "multigrid of walks"

#: Hierarchies that are remembered: a gradient needs that of its forward pass.
REMEMBERED = 2

_hierarchies: OrderedDict[tuple, tuple[np.ndarray, Hierarchy]] = OrderedDict()
#: A search that ends at the rounding of what it computes, so many times above what was asked for, has succeeded.
ACCEPTED = 10

_lock = Lock()


class Ranked(NamedTuple):
    """A system and the order in which its walk approaches the target: the smaller the rank, the nearer."""

    system: Stencil
    rank: Int32[Array, "rows columns"]


class WalkMultigrid(AbstractSolver):
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

    tolerance: float = eqx.field(static=True, default=1e-14)
    iterations: int = eqx.field(static=True, default=90)
    instead: NestedDissection = eqx.field(default=NestedDissection(symmetric=False))

    def settle(
        self,
        log_transitions: Float[Array, "directions rows columns"],
        energies: Float[Array, "directions rows columns"],
        target: Int[Array, ""],
    ) -> tuple[Float[Array, "rows columns"], Int32[Array, "rows columns"], Bool[Array, ""]]:
        """Find potentials in which rows add up to about one; see `settling.Settled`."""
        shape = log_transitions.shape[1:]
        like = (
            jax.ShapeDtypeStruct(shape, jnp.float64),
            jax.ShapeDtypeStruct(shape, jnp.int32),
            jax.ShapeDtypeStruct((), bool),
        )
        return jax.pure_callback(_settle, like, log_transitions, energies, target, vmap_method="sequential")

    def prepare(self, system: Stencil) -> Ranked:
        """Rank cells by nothing; the better way is `Ranked(system, rank)`."""
        rank = jnp.arange(system.center.size, dtype=jnp.int32)
        return Ranked(system, rank.reshape(system.shape))

    def solve_prepared(
        self, prepared: Ranked, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
    ) -> Float[Array, "k rows columns"]:
        """Solve on the host; what it needs is made when it first solves, and remembered.

        Raises
        ------
        RuntimeError
            Neither this nor nested dissection gives an accurate answer.
        """
        like = jax.ShapeDtypeStruct(right_hand_sides.shape, right_hand_sides.dtype)
        on_host = partial(_solve, tolerance=self.tolerance, iterations=self.iterations, backwards=transposed)
        system = prepared.system
        return jax.pure_callback(
            on_host, like, system.center, system.edges, prepared.rank, right_hand_sides, vmap_method="sequential"
        )


def _settle(log_transitions, energies, target) -> Settled:
    log_transitions, energies = np.asarray(log_transitions), np.asarray(energies)
    target = int(target)
    if not 0 <= target < log_transitions[0].size:
        nowhere = np.full(log_transitions.shape[1:], np.inf)
        return Settled(nowhere, np.zeros(nowhere.shape, np.int32), np.array(True))
    found = settle(log_transitions, energies, target)
    return found._replace(succeeded=np.array(found.succeeded))


def _solve(center, edges, rank, right_hand_sides, *, tolerance: float, iterations: int, backwards: bool) -> np.ndarray:
    center, edges, rank, right_hand_sides = (np.asarray(array) for array in (center, edges, rank, right_hand_sides))
    given = right_hand_sides
    loose, hierarchy = _remembered(edges, rank, backwards)
    system = host.transpose(edges) if backwards else edges
    if backwards:
        # What the others send to rows of their own is added up in the end.
        given = np.where(loose, 0.0, given)
        system = np.where(loose, 0.0, system)
    offsets = np.array([down * (center.shape[1] + 1) + right for down, right in steps_of(len(edges))])
    matrix = Matrix(Frame(*center.shape), _row(center), system.reshape(len(edges), -1), offsets)
    cycle = Cycle(hierarchy, backwards)
    founds = [solve(matrix, cycle, _row(b), _beginning(center, loose, b), tolerance, iterations) for b in given]
    worst = max(found.defect for found in founds)
    note(NAME, len(founds), max(found.iterations for found in founds), worst)
    if not worst <= ACCEPTED * tolerance:
        return host.solve(center, edges, right_hand_sides, False, backwards)
    solution = np.stack([matrix.frame.inside(found.x) for found in founds])
    if backwards:
        sent = np.stack([_sent_to(edges, x) for x in solution])
        solution = np.where(loose, (right_hand_sides - sent) / center, solution)
    return solution


def _sent_to(edges: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the edges of Aᵀ times x."""
    result = np.zeros(x.shape)
    padded = np.pad(x, 1)
    for edge, (down, right) in zip(edges, steps_of(len(edges)), strict=True):
        sent = np.zeros(padded.shape)
        sent[1 + down : 1 + down + x.shape[0], 1 + right : 1 + right + x.shape[1]] = edge * x
        result += sent[1:-1, 1:-1]
    return result


def _beginning(center: np.ndarray, loose: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where the search begins: in rows of their own at the solution; all arrives in scaled potentials at once."""
    frame = Frame(*center.shape)
    x = np.zeros(frame.size)
    known = np.where(loose, b / center, 0.0)
    arrives = known.max() if not np.any(b, where=~loose) else 0.0
    frame.inside(x)[:] = np.where(loose, known, arrives)
    return x


def _remembered(edges: np.ndarray, rank: np.ndarray, backwards: bool) -> tuple[np.ndarray, Hierarchy]:
    """Return which rows have no entries beside the diagonal, and the hierarchy, from an earlier call if there was one."""
    # Should two matrices have the same number, the hierarchy serves badly, and the search finds that out.
    key = (edges.shape, int(fingerprint(_row(edges).view(np.uint64))))
    with _lock:
        if key not in _hierarchies:
            while len(_hierarchies) >= REMEMBERED:
                _hierarchies.popitem(last=False)
            _hierarchies[key] = _built(edges, rank)
        loose, hierarchy = _hierarchies[key]
    return loose, transposed(hierarchy) if backwards else hierarchy


def _built(edges: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, Hierarchy]:
    ranks = ranks_on_all_rasters(rank)
    frame, directions = ranks[0].frame, len(edges)
    rows = edges.reshape(directions, -1)
    linked = np.zeros(frame.size, bool)
    k = tuple(np.zeros(frame.size, SINGLE) for _ in range(8))
    ground = np.zeros(frame.size, SINGLE)
    on_all_cores(find_linked, [(rows, linked, frame.width, *band) for band in frame.bands])
    offsets = np.array([down * frame.width + right for down, right in steps_of(directions)])
    numbers = np.arange(8) if directions == 8 else np.array([1, 3, 4, 6])
    given = (rows, offsets, numbers, linked, k, ground, frame.width)
    on_all_cores(take_in, [(*given, *band) for band in frame.bands])
    return ~frame.inside(linked), build(ranks, k, ground)


def _row(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, float).ravel()
