"""Sum of the currents of all pairs of focal regions, without storing the map of any pair."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool

from ..graph import each_pair, pair_indices
from ..parallel import parallel_starmap
from .accumulator import CumulativeCurrent, CurrentAccumulator
from .current_kernels import add_currents, boundary_inflow_outflow, cell_ranges
from .low_rank_sum import BALANCE_TOL, sum_region_currents_low_rank
from .region_pairs import RESISTANCE_RTOL, RegionPairSolver

#: Pairs per solve where each pair has its own right-hand side; bounds the memory for potentials.
RHS_BLOCK = 16

#: Pairs per low-rank basis; bounds the memory for boundary currents.
LOW_RANK_BLOCK = 16_384

#: Smallest number of pairs for which a low-rank basis is computed.
MIN_LOW_RANK_PAIRS = 24


def sum_region_pair_currents(
    solver: RegionPairSolver,
    requested: Bool[np.ndarray, "n n"],
    zero_focal_currents: bool,
    skip: int = 0,
    on_progress: Callable[[float], None] = lambda pairs: None,
    *,
    min_low_rank_pairs: int = MIN_LOW_RANK_PAIRS,
) -> Iterator[tuple[int, CumulativeCurrent]]:
    """Yield the number of pairs and their sum of currents, block by block.

    Parameters
    ----------
    solver
        The focal regions, on a raster without short-circuit regions.
    requested
        Symmetric matrix that marks the pairs.
    zero_focal_currents
        Whether the current through the two regions of a pair counts as zero.
    skip
        Number of pairs to skip, as many as an earlier run has summed.
    on_progress
        Called with the number of pairs done, skipped ones included; a fraction of a block counts as pairs.
    min_low_rank_pairs
        Smallest number of pairs for which a low-rank basis is computed.
    """
    pairs = pair_indices(requested)[skip:]
    for start in range(0, len(pairs), LOW_RANK_BLOCK):
        block = list(each_pair(pairs[start : start + LOW_RANK_BLOCK]))
        total = None
        if len(block) >= min_low_rank_pairs:
            before, size = skip + start, len(block)
            total = sum_region_currents_low_rank(
                solver,
                block,
                zero_focal_currents,
                lambda fraction, before=before, size=size: on_progress(before + fraction * size),
            )
        if total is not None:
            yield len(block), total
            continue
        for first in range(0, len(block), RHS_BLOCK):
            part = block[first : first + RHS_BLOCK]
            yield len(part), _sum_pair_by_pair(solver, part, zero_focal_currents)


def _sum_pair_by_pair(
    solver: RegionPairSolver, pairs: list[tuple[int, int]], zero_focal_currents: bool
) -> CumulativeCurrent:
    """Return the sum of the currents of some pairs, with one right-hand side for each."""
    solutions = zip(pairs, solver.boundary_currents(pairs, retain=True), strict=True)
    accurate = [pair for pair, solution in solutions if solution.accurate]
    result, unbalanced = _sum_currents(solver, accurate, zero_focal_currents, refine=False)
    if not result.residual <= BALANCE_TOL:
        result, unbalanced = _sum_currents(solver, accurate, zero_focal_currents, refine=True)
    if len(accurate) == len(pairs) and not unbalanced:
        return result
    sums = CurrentAccumulator(result.total * 0)
    balanced = [pair for pair in accurate if pair not in unbalanced]
    sums.add_sum(_sum_currents(solver, balanced, zero_focal_currents, refine=True)[0])
    for i, j in (pair for pair in pairs if pair not in accurate or pair in unbalanced):
        resistance, potentials, currents = solver.solve_separately(i, j)
        _, through = solver.pair_maps(i, j, resistance, potentials, currents)
        if zero_focal_currents:
            through.ravel()[np.concatenate([solver.focal.cells[i], solver.focal.cells[j]])] = 0.0
        sums.add(through, currents.residual)
    return sums.result


def _sum_currents(
    solver: RegionPairSolver, pairs: list[tuple[int, int]], zero_focal_currents: bool, *, refine: bool
) -> tuple[CumulativeCurrent, list[tuple[int, int]]]:
    """Return the sum of the currents of some pairs, and the pairs whose residual is too large.

    With `refine`, the potentials are refined iteratively.
    """
    circuit, n_cells = solver.circuit, solver.circuit.node_of.size
    connected, potentials = solver.potentials(pairs, refine=refine)
    in_pair = np.zeros(potentials.shape, bool)
    for row, (i, j) in zip(in_pair, connected, strict=True):
        row[solver.focal.cells[i]] = row[solver.focal.cells[j]] = True
    total, maximum = np.zeros((2, n_cells))
    chunks = cell_ranges(n_cells)
    imbalance, strength = np.zeros((2, len(chunks), len(connected)))
    shared = (circuit.edges, circuit.offsets, potentials, in_pair)
    calls = [
        (*shared, *chunk, total, maximum, *diagnostics)
        for chunk, *diagnostics in zip(chunks, imbalance, strength, strict=True)
    ]
    parallel_starmap(add_currents, calls)
    imbalance, strength = imbalance.max(0), strength.max(0)
    in_region = np.zeros(n_cells, bool)
    for n, pair in enumerate(connected):
        for region in pair:
            cells = solver.focal.cells[region]
            inflow, outflow = boundary_inflow_outflow(circuit.edges, circuit.offsets, potentials[n], cells)
            current = 0.0 if zero_focal_currents else max(inflow, outflow)
            strength[n] = max(strength[n], inflow, outflow)
            in_region[cells] = True
            total[cells] += current
            maximum[cells] = np.maximum(maximum[cells], current)
    defined = (circuit.node_of >= 0) | in_region
    total, maximum = (np.where(defined, each, np.nan).reshape(circuit.shape) for each in (total, maximum))
    residual = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0)
    unbalanced = [pair for pair, value in zip(connected, residual, strict=True) if not value <= RESISTANCE_RTOL]
    return CumulativeCurrent(total, maximum, len(connected), float(residual.max(initial=0.0))), unbalanced
