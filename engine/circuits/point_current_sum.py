"""Sum of the currents of all pairs of focal points, in one pass over the cells."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..parallel import parallel_starmap
from .accumulator import CumulativeCurrent
from .current_kernels import accumulate_currents, cell_ranges, node_currents_of_pairs, sum_absolute_differences
from .point_pairs import PointPairSolver
from .sorting_network import batcher_network

#: Called with the fraction of a sum that is done.
OnProgress = Callable[[float], None]

#: Fraction of the progress of a sum that the pass over all cells takes; the rest is for focal and merged nodes.
PASS_FRACTION = 0.9


class _PairIndices(NamedTuple):
    """Pairs whose currents are summed.

    Parameters
    ----------
    first, second
        Their focal nodes.
    first_row, second_row
        The rows of their potentials.
    """

    first: Int[np.ndarray, " pairs"]
    second: Int[np.ndarray, " pairs"]
    first_row: Int[np.ndarray, " pairs"]
    second_row: Int[np.ndarray, " pairs"]


def sum_point_pair_currents(
    solver: PointPairSolver,
    requested: Bool[np.ndarray, "n n"],
    zero_focal_currents: bool,
    with_maximum: bool,
    on_progress: OnProgress = lambda fraction: None,
) -> CumulativeCurrent:
    """Sum the currents of pairs of focal points from the potentials of n − 1 solves.

    Parameters
    ----------
    solver
        The focal points, on a raster.
    requested
        Symmetric matrix that marks the pairs.
    zero_focal_currents
        Whether the current through the two nodes of a pair counts as zero.
    with_maximum
        Whether to compute the maximum. Without it, the sum over all pairs is computed by sorting instead of pair by
        pair.
    on_progress
        Called with the fraction that is done.
    """
    circuit = solver.circuit
    is_pair = np.triu(requested) & (solver.component[:, None] == solver.component) & (solver.node >= 0)
    is_pair &= solver.node[:, None] != solver.node
    runs = int(np.count_nonzero(is_pair))
    total = np.zeros(circuit.node_of.size)
    if not with_maximum and sums_by_sorting(requested):
        maximum = None
        diagnostics = _sum_by_sorting(solver, zero_focal_currents, total, on_progress)
    else:
        maximum = np.zeros(circuit.node_of.size)
        first, second = np.nonzero(is_pair)
        pairs = _PairIndices(first, second, solver.row[first], solver.row[second])
        diagnostics = _sum_pair_by_pair(solver, pairs, zero_focal_currents, total, maximum, on_progress)
    imbalance, strength = diagnostics
    residual = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0).max(initial=0.0)
    maximum_map = circuit.to_map(maximum) if with_maximum else None
    return CumulativeCurrent(circuit.to_map(total), maximum_map, runs, float(residual))


def sums_by_sorting(requested: Bool[np.ndarray, "n n"]) -> bool:
    """Return whether all pairs are requested, so that their sum without the maximum is computed by sorting."""
    return bool((requested | np.eye(len(requested), dtype=bool)).all())


def _sum_by_sorting(
    solver: PointPairSolver, zero_focal_currents: bool, total, on_progress: OnProgress
) -> tuple[np.ndarray, np.ndarray]:
    """Add the currents of all pairs to the total; return imbalance and strength of each row of potentials."""
    circuit, potentials, chunks = solver.circuit, solver.potentials(), cell_ranges(total.size)
    imbalance, strength = np.zeros((2, len(chunks), len(potentials)))
    source_free, halo = _source_free_cells(solver), max(int(circuit.offsets.max()), 0)
    components = np.unique(solver.component[solver.component >= 0])
    for number, component in enumerate(components):
        rows = solver.row[solver.component == component]
        shared = (circuit.edges, circuit.offsets, potentials, rows, batcher_network(len(rows)), source_free)
        sums, done = [np.zeros(stop - start + halo) for start, stop in chunks], np.zeros((len(chunks), 1), np.int64)
        outputs = zip(chunks, sums, imbalance, strength, done, strict=True)
        # Half of the absolute currents along the edges of each cell: the current through cells that are not focal.
        parallel_starmap(
            sum_absolute_differences,
            [(*shared, *chunk, *of_chunk) for chunk, *of_chunk in outputs],
            while_waiting=lambda number=number, done=done: on_progress(
                PASS_FRACTION * (number + done.sum() / total.size) / len(components)
            ),
        )
        for (start, _), part in zip(chunks, sums, strict=True):
            with_halo = total[start : start + part.size]
            with_halo += part[: with_halo.size]
    imbalance, strength = imbalance.max(0), strength.max(0)
    nodes = np.union1d(circuit.merged_nodes, solver.node[solver.node >= 0]).astype(int)
    for node, cells in _with_progress(_cells_of(solver, nodes), on_progress):
        along_edges = _edge_currents(solver, potentials, cells)
        if node in circuit.merged_nodes:
            imbalance, strength = _update_diagnostics(solver, node, along_edges, imbalance, strength)
            total[cells] = _sum_of_differences(solver, node, along_edges) / 2
        at_node, others = _ends(solver, node)
        edges = _rows_of(along_edges, solver.row[at_node[:1]]) - _rows_of(along_edges, solver.row[others])
        currents, net = np.abs(edges).sum(1), np.abs(edges.sum(1))
        if node in circuit.merged_nodes:
            correction = -(currents + net) / 2 if zero_focal_currents else np.zeros(1)
        else:
            correction = (-currents if zero_focal_currents else net) / 2
        total[cells] += correction.sum() * len(at_node)
    return imbalance, strength


def _sum_pair_by_pair(
    solver: PointPairSolver, pairs: _PairIndices, zero_focal_currents: bool, total, maximum, on_progress: OnProgress
) -> tuple[np.ndarray, np.ndarray]:
    """Update total and maximum with the current of every pair; return imbalance and strength of each row."""
    circuit, potentials, chunks = solver.circuit, solver.potentials(), cell_ranges(total.size)
    imbalance, strength = np.zeros((2, len(chunks), len(potentials)))
    shared = (
        circuit.edges,
        circuit.offsets,
        potentials,
        pairs.first_row,
        pairs.second_row,
        _source_free_cells(solver),
    )
    done = np.zeros((len(chunks), 1), np.int64)
    calls = [
        (*shared, *chunk, total, maximum, *diagnostics)
        for chunk, *diagnostics in zip(chunks, imbalance, strength, done, strict=True)
    ]
    parallel_starmap(
        accumulate_currents, calls, while_waiting=lambda: on_progress(PASS_FRACTION * done.sum() / total.size)
    )
    imbalance, strength = imbalance.max(0), strength.max(0)
    # Nodes of several cells, and focal nodes whose current counts as zero, are recomputed.
    zeroed = solver.node[solver.node >= 0] if zero_focal_currents else []
    nodes = np.union1d(circuit.merged_nodes, zeroed).astype(int)
    for node, cells in _with_progress(_cells_of(solver, nodes), on_progress):
        along_edges = _edge_currents(solver, potentials, cells)
        imbalance, strength = _update_diagnostics(solver, node, along_edges, imbalance, strength)
        currents = node_currents_of_pairs(along_edges, pairs.first_row, pairs.second_row)
        if zero_focal_currents:
            currents[(solver.node[pairs.first] == node) | (solver.node[pairs.second] == node)] = 0.0
        total[cells], maximum[cells] = currents.sum(), currents.max(initial=0.0)
    return imbalance, strength


def _with_progress(items: list, on_progress: OnProgress) -> Iterator:
    """Yield the items, and report progress after the pass over all cells."""
    for number, item in enumerate(items):
        yield item
        on_progress(PASS_FRACTION + (1 - PASS_FRACTION) * (number + 1) / len(items))


def _cells_of(solver: PointPairSolver, nodes: Int[np.ndarray, " k"]) -> list[tuple[int, Int[np.ndarray, " _"]]]:
    """Return some nodes with their cells."""
    cells = np.flatnonzero(np.isin(solver.circuit.node_of, nodes))
    cells = cells[np.argsort(solver.circuit.node_of[cells], kind="stable")]
    starts = np.searchsorted(solver.circuit.node_of[cells], nodes)
    return list(zip(nodes.tolist(), np.split(cells, starts[1:]), strict=True)) if len(nodes) else []


def _update_diagnostics(solver: PointPairSolver, node: int, along_edges, imbalance, strength):
    """Return imbalance and strength of each row of potentials, with those at a node."""
    net = np.abs(along_edges.sum(1))
    strength = np.maximum(strength, (np.abs(along_edges).sum(1) + net) / 2)
    return (imbalance if node in solver.node else np.maximum(imbalance, net)), strength


def _ends(solver: PointPairSolver, node: int) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " m"]]:
    """Return the focal nodes at a node, and those at other nodes of its component; empty if none is at the node."""
    at_node = np.flatnonzero(solver.node == node)
    if not at_node.size:
        return at_node, at_node
    in_component = solver.component == solver.component[at_node[0]]
    return at_node, np.flatnonzero(in_component & (solver.node != node))


def _sum_of_differences(solver: PointPairSolver, node: int, along_edges: Float[np.ndarray, "n edges"]) -> float:
    """Return Σ |x_i − x_j| over all pairs, for the currents along the edges of a node and for their sum."""
    members = solver.component == solver.circuit.components[node]
    currents = _rows_of(along_edges, solver.row[members])
    currents = np.sort(np.column_stack([currents, currents.sum(1)]), axis=0)
    return float((np.arange(1 - len(currents), len(currents), 2) @ currents).sum())


def _rows_of(along_edges: Float[np.ndarray, "n edges"], rows: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k edges"]:
    """Return rows of edge currents; row −1, that of a reference, is 0."""
    return np.where(rows[:, None] < 0, 0.0, along_edges[rows]) if len(along_edges) else np.zeros((len(rows), 1))


def _source_free_cells(solver: PointPairSolver) -> Bool[np.ndarray, " cells"]:
    """Return the cells at which no current enters or leaves except along their own edges."""
    circuit, node = solver.circuit, solver.node
    return ~(np.isin(circuit.node_of, circuit.merged_nodes) | np.isin(circuit.node_of, node[node >= 0]))


def _edge_currents(
    solver: PointPairSolver, potentials, cells: Int[np.ndarray, " cells"]
) -> Float[np.ndarray, "n edges"]:
    """Return the current from some cells along each of their edges, for each row of potentials."""
    edges, offsets = solver.circuit.edges, solver.circuit.offsets
    along_edges = [np.empty((len(potentials), 0))]
    for step, offset in enumerate(offsets):
        source = cells[edges[step, cells] > 0]
        along_edges.append(edges[step, source] * (potentials[:, source] - potentials[:, source + offset]))
    return np.concatenate(along_edges, axis=1)
