"""Sum of the currents of all pairs of focal regions, from the potentials of a low-rank basis."""

from collections.abc import Callable
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float, Int

from ..linalg import SymbolicFactorization, cached_factor, free_memory, peak_bytes, solve_streamed
from ..parallel import cpu_count
from .accumulator import CumulativeCurrent
from .boundary_basis import BoundaryCurrentBasis, boundary_current_basis
from .low_rank_kernels import sum_currents_low_rank
from .region_pairs import RegionPairSolver

#: Largest residual of Kirchhoff's current law, for a current of 1 A, with which unrefined potentials are accepted.
BALANCE_TOL = 1e-11


def sum_region_currents_low_rank(
    solver: RegionPairSolver,
    pairs: list[tuple[int, int]],
    zero_focal_currents: bool,
    on_progress: Callable[[float], None],
) -> CumulativeCurrent | None:
    """Sum the currents of some pairs, with one solve for each basis vector instead of each pair.

    Parameters
    ----------
    solver
        The focal regions, on a raster without short-circuit regions.
    pairs
        Pairs to sum.
    zero_focal_currents
        Whether the current through the two regions of a pair counts as zero.
    on_progress
        Called with the fraction of the raster that is done, from several threads but never by two at once.

    Returns
    -------
    CumulativeCurrent or None
        None if the basis is not smaller than the number of pairs, memory does not suffice, the solver of the circuit
        does not factorize, or the accuracy is too low.
    """
    solutions = solver.boundary_currents(pairs, retain=True)
    if not all(solution.accurate for solution in solutions):
        return None
    connected = [(pair, each) for pair, each in zip(pairs, solutions, strict=True) if each.resistance < np.inf]
    flowing = [(pair, each) for pair, each in connected if each.resistance > 0]
    ends = [pair for pair, _ in flowing]
    basis = boundary_current_basis(ends, [each for _, each in flowing], solver.positions, solver.boundary_components)
    grounded, circuit = solver.grounded, solver.circuit
    if not 0 < len(basis.vectors) < len(ends):
        return None
    if not circuit.uses_factors:
        return None
    if peak_bytes(circuit.shape, len(basis.vectors), cpu_count()) > free_memory():
        return None
    factor = cached_factor(grounded.center, grounded.edges, True)
    sums = _TileAccumulator(solver, np.array(ends), basis, factor.dissection, on_progress)
    cells = circuit.representative_cells[solver.boundary_nodes]
    residual = max(solve_streamed(factor, cells, basis.vectors, sums.add))
    if not residual <= BALANCE_TOL:
        return None
    total, maximum = (sums.unpad(array) for array in (sums.total, sums.maximum))
    in_region = np.zeros(total.size, bool)
    focal_current = 0.0 if zero_focal_currents else 1.0
    # The whole current between two regions flows through both of them.
    for pair, solution in connected:
        for region in pair:
            cells = solver.focal.cells[region]
            in_region[cells] = True
            if solution.resistance > 0:
                total[cells] += focal_current
                maximum[cells] = np.maximum(maximum[cells], focal_current)
    defined = (circuit.node_of >= 0) | in_region
    total, maximum = (np.where(defined, each, np.nan).reshape(circuit.shape) for each in (total, maximum))
    return CumulativeCurrent(total, maximum, len(connected), residual)


class _TileAccumulator:
    """Sum and maximum of the currents of pairs, one tile of the raster at a time.

    Arrays cover the padded raster of the symbolic factorization, with a halo of one cell.
    """

    def __init__(
        self,
        solver: RegionPairSolver,
        ends: Int[np.ndarray, "pairs 2"],
        basis: BoundaryCurrentBasis,
        symbolic: SymbolicFactorization,
        on_progress: Callable[[float], None],
    ):
        circuit = solver.circuit
        self.on_progress, self.done, self.lock = on_progress, 0, Lock()
        self.basis, self.shape = basis, circuit.shape
        self.first, self.second = np.ascontiguousarray(ends.T)
        with_halo = tuple(n + 2 for n in symbolic.padded)
        # To the east, southwest, south and southeast; with four neighbours only the first and the third.
        self.weights = np.zeros((4, *with_halo))
        forward = circuit.edges[len(circuit.edges) // 2 :].reshape(-1, *self.shape)
        self.weights[:: 4 // len(forward), 1 : 1 + self.shape[0], 1 : 1 + self.shape[1]] = forward
        self.total, self.maximum = np.zeros((2, *with_halo))
        regions = solver.focal.cells
        self.regions = np.repeat(np.arange(len(regions)), [len(cells) for cells in regions])
        self.cells = np.divmod(np.concatenate(regions), self.shape[1])

    def add(self, values: Float[np.ndarray, "k h w"], top: int, left: int, interior: Bool[np.ndarray, "h w"]) -> float:
        """Add the currents of all pairs in a tile; return the largest violation of Kirchhoff's current law."""
        tile = slice(top + 1, top + 1 + interior.shape[0]), slice(left + 1, left + 1 + interior.shape[1])
        rows, columns = self.cells[0] - top, self.cells[1] - left
        inside = (rows >= 0) & (rows < interior.shape[0]) & (columns >= 0) & (columns < interior.shape[1])
        region_starts = np.searchsorted(self.regions[inside], np.arange(len(self.basis.starts)))
        region_cells = rows[inside] * interior.shape[1] + columns[inside]
        total, maximum = np.zeros((2, *interior.shape))
        imbalance = sum_currents_low_rank(
            values,
            np.ascontiguousarray(self.weights[:, *tile]),
            interior,
            self.basis.starts,
            self.first,
            self.second,
            self.basis.first,
            self.basis.second,
            region_starts,
            region_cells,
            total,
            maximum,
        )
        self.total[tile][interior], self.maximum[tile][interior] = total[interior], maximum[interior]
        with self.lock:
            self.done += int(interior.sum())
            self.on_progress(self.done / (self.shape[0] * self.shape[1]))
        return imbalance

    def unpad(self, padded: Float[np.ndarray, "padded_rows padded_columns"]) -> Float[np.ndarray, " cells"]:
        """Return the values in the raster, flat."""
        return padded[1 : 1 + self.shape[0], 1 : 1 + self.shape[1]].ravel()
