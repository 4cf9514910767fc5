"""Currents of all pairs of focal regions, from the potentials of few patterns that all pairs are sums of."""

from collections.abc import Callable
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float, Int

from ..linalg.auto import free_memory
from ..linalg.nested_dissection.cpu.cached_factor import cached_factor
from ..linalg.nested_dissection.cpu.streamed_solve import peak_bytes, solve_streamed
from ..linalg.nested_dissection.symbolic import SymbolicFactorization
from ..parallel.numba_jit import cpu_count
from .accumulator import CumulativeCurrent
from .boundary_basis import BoundaryCurrentBasis, boundary_current_basis
from .low_rank_kernels import sum_currents_low_rank
from .region_pairs import RegionPairSolver

#: Fewer pairs are not worth looking for patterns.
FEWEST = 24

#: With more net current than this where none enters, of 1 A, potentials are refined, and pairs are solved one by one.
BALANCE_TOL = 1e-11


def sum_region_currents_low_rank(
    pairs: RegionPairSolver,
    some: list[tuple[int, int]],
    zero_focal_currents: bool,
    on_progress: Callable[[float], None],
) -> CumulativeCurrent | None:
    """Add up the currents of some pairs, solving for patterns instead of pairs.

    Parameters
    ----------
    pairs
        The focal regions, on a raster without short-circuit regions.
    some
        Which pairs.
    zero_focal_currents
        Whether the current through the two regions of a pair counts as 0.
    on_progress
        Told which part of the raster is done, from several threads, one at a time.

    Returns
    -------
    CumulativeCurrent or None
        None where there are no fewer patterns than pairs, too little memory for them, or too few digits.
    """
    if len(some) < FEWEST:
        return None
    answers = pairs.entering(some, retain=True)
    if not all(answer.certain for answer in answers):
        return None
    joined = [(pair, answer) for pair, answer in zip(some, answers, strict=True) if answer.resistance < np.inf]
    flowing = [(pair, answer) for pair, answer in joined if answer.resistance > 0]
    ends = [pair for pair, _ in flowing]
    basis = boundary_current_basis(ends, [answer for _, answer in flowing], pairs.of, pairs.component)
    grounded, circuit = pairs.grounded, pairs.circuit
    if not 0 < len(basis.amounts) < len(ends):
        return None
    if peak_bytes(circuit.shape, len(basis.amounts), cpu_count()) > free_memory():
        return None
    factored = cached_factor(grounded.center, grounded.edges, True)
    sums = _TileAccumulator(pairs, np.array(ends), basis, factored.dissection, on_progress)
    cells = circuit.representative_cells[pairs.terminals]
    residual = max(solve_streamed(factored, cells, basis.amounts, sums.add))
    if not residual <= BALANCE_TOL:
        return None
    total, largest = (sums.in_raster(array) for array in (sums.total, sums.largest))
    claimed = np.zeros(total.size, bool)
    own = 0.0 if zero_focal_currents else 1.0
    # What flows between two regions all flows through both of them.
    for (one, other), answer in joined:
        for region in (one, other):
            places = pairs.focal.cells[region]
            claimed[places] = True
            if answer.resistance > 0:
                total[places] += own
                largest[places] = np.maximum(largest[places], own)
    there = (circuit.node_of >= 0) | claimed
    total, largest = (np.where(there, each, np.nan).reshape(circuit.shape) for each in (total, largest))
    return CumulativeCurrent(total, largest, len(joined), residual)


class _TileAccumulator:
    """Sum and maximum over pairs, a rectangle of the raster at a time; arrays have a rim around the tiles of a plan."""

    def __init__(
        self,
        pairs: RegionPairSolver,
        ends: Int[np.ndarray, "pairs 2"],
        basis: BoundaryCurrentBasis,
        plan: SymbolicFactorization,
        on_progress: Callable[[float], None],
    ):
        circuit = pairs.circuit
        self.on_progress, self.done, self.lock = on_progress, 0, Lock()
        self.basis, self.shape = basis, circuit.shape
        self.one, self.other = np.ascontiguousarray(ends.T)
        around = tuple(n + 2 for n in plan.padded)
        # To the east, southwest, south and southeast; of four neighbours the first and the third.
        self.weights = np.zeros((4, *around))
        forward = circuit.edges[len(circuit.edges) // 2 :].reshape(-1, *self.shape)
        self.weights[:: 4 // len(forward), 1 : 1 + self.shape[0], 1 : 1 + self.shape[1]] = forward
        self.total, self.largest = np.zeros((2, *around))
        self.regions = np.repeat(np.arange(len(pairs.focal.cells)), [len(cells) for cells in pairs.focal.cells])
        self.cells = np.divmod(np.concatenate(pairs.focal.cells), self.shape[1])

    def add(self, values: Float[np.ndarray, "k h w"], top: int, left: int, counts: Bool[np.ndarray, "h w"]) -> float:
        """Add up all pairs in a rectangle; return the largest net current."""
        part = slice(top + 1, top + 1 + counts.shape[0]), slice(left + 1, left + 1 + counts.shape[1])
        rows, columns = self.cells[0] - top, self.cells[1] - left
        inside = (rows >= 0) & (rows < counts.shape[0]) & (columns >= 0) & (columns < counts.shape[1])
        begins = np.searchsorted(self.regions[inside], np.arange(len(self.basis.first)))
        own = rows[inside] * counts.shape[1] + columns[inside]
        total, largest = np.zeros((2, *counts.shape))
        weights = np.ascontiguousarray(self.weights[:, *part])
        given = (values, weights, counts, self.basis.first, self.one, self.other)
        unbalanced = sum_currents_low_rank(*given, self.basis.mine, self.basis.theirs, begins, own, total, largest)
        self.total[part][counts], self.largest[part][counts] = total[counts], largest[counts]
        with self.lock:
            self.done += int(counts.sum())
            self.on_progress(self.done / (self.shape[0] * self.shape[1]))
        return unbalanced

    def in_raster(self, around: Float[np.ndarray, "padded_rows padded_columns"]) -> Float[np.ndarray, "cells"]:
        """Return what lies in the raster, flat."""
        return around[1 : 1 + self.shape[0], 1 : 1 + self.shape[1]].ravel()
