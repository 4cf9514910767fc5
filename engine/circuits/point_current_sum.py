"""Sum of the currents of all pairs of focal points, in one pass over the cells."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..parallel import parallel_starmap
from .accumulator import CumulativeCurrent
from .current_kernels import accumulate_currents, cell_ranges, node_currents_of_pairs, sum_absolute_differences
from .point_pairs import PointPairSolver
from .sorting_network import batcher_network


class _PairIndices(NamedTuple):
    """Pairs whose currents are summed.

    Parameters
    ----------
    first, second
        Their focal nodes.
    first_row, second_row
        The rows of their potentials.
    """

    first: Int[np.ndarray, "pairs"]
    second: Int[np.ndarray, "pairs"]
    first_row: Int[np.ndarray, "pairs"]
    second_row: Int[np.ndarray, "pairs"]


def sum_point_pair_currents(
    solver: PointPairSolver, requested: Bool[np.ndarray, "n n"], zero_focal_currents: bool, with_maximum: bool
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
    """
    circuit, row, node = solver.circuit, solver.row, solver.node
    first, second = np.nonzero(np.triu(requested))
    distinct = (
        (solver.component[first] == solver.component[second]) & (node[first] != node[second]) & (node[first] >= 0)
    )
    first, second = first[distinct], second[distinct]
    pairs = _PairIndices(first, second, row[first], row[second])
    potentials = solver.potentials()
    all_pairs = (requested | np.eye(len(requested), dtype=bool)).all()
    total = np.zeros(circuit.node_of.size)
    maximum = np.zeros(circuit.node_of.size) if with_maximum or not all_pairs else None
    if maximum is None:
        imbalance, strength = _sum_by_sorting(solver, potentials, total)
        _correct_focal_cells(solver, potentials, pairs, zero_focal_currents, total)
    else:
        imbalance, strength = _sum_pair_by_pair(solver, potentials, pairs, total, maximum)
    # Nodes of several cells, and focal nodes whose current counts as zero, are recomputed.
    zeroed = np.unique(node[node >= 0]) if zero_focal_currents and maximum is not None else []
    for number in np.union1d(circuit.merged_nodes, zeroed).astype(int):
        cells = np.flatnonzero(circuit.node_of == number)
        along_edges = _edge_currents(solver, potentials, cells)
        net = np.abs(along_edges.sum(1))
        strength = np.maximum(strength, (np.abs(along_edges).sum(1) + net) / 2)
        if number not in node:
            imbalance = np.maximum(imbalance, net)
        currents = node_currents_of_pairs(along_edges, pairs.first_row, pairs.second_row)
        if zero_focal_currents:
            currents[(node[first] == number) | (node[second] == number)] = 0.0
        total[cells] = currents.sum()
        if maximum is not None:
            maximum[cells] = currents.max(initial=0.0)
    residual = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0).max(initial=0.0)
    maximum_map = circuit.to_map(maximum) if with_maximum else None
    return CumulativeCurrent(circuit.to_map(total), maximum_map, len(first), float(residual))


def _sum_by_sorting(solver: PointPairSolver, potentials, total) -> tuple[np.ndarray, np.ndarray]:
    """Add half of the absolute currents along each cell's edges, over all pairs, to the total.

    This is the current through cells that are not focal. Returns imbalance and strength of each row of potentials.
    """
    circuit, chunks = solver.circuit, cell_ranges(total.size)
    imbalance, strength = np.zeros((2, len(chunks), len(potentials)))
    source_free, halo = _source_free_cells(solver), max(int(circuit.offsets.max()), 0)
    for component in np.unique(solver.component[solver.component >= 0]):
        rows = solver.row[solver.component == component]
        shared = (circuit.edges, circuit.offsets, potentials, rows, batcher_network(len(rows)), source_free)
        sums = [np.zeros(stop - start + halo) for start, stop in chunks]
        calls = [(*shared, *chunk, *outputs) for chunk, *outputs in zip(chunks, sums, imbalance, strength, strict=True)]
        parallel_starmap(sum_absolute_differences, calls)
        for (start, _), part in zip(chunks, sums, strict=True):
            with_halo = total[start : start + part.size]
            with_halo += part[: with_halo.size]
    return imbalance.max(0), strength.max(0)


def _correct_focal_cells(
    solver: PointPairSolver, potentials, pairs: _PairIndices, zero_focal_currents: bool, total
) -> None:
    """Replace, for the pairs of each focal point, half of its edge currents by the current through it, or by zero."""
    for number in np.unique(solver.node[solver.node >= 0]):
        cell = solver.circuit.representative_cells[number]
        at_end = (solver.node[pairs.first] == number) | (solver.node[pairs.second] == number)
        along_edges = _edge_currents(solver, potentials, np.array([cell]))
        along_edges = np.concatenate([along_edges, np.zeros((1, along_edges.shape[1]))])
        current = along_edges[pairs.first_row[at_end]] - along_edges[pairs.second_row[at_end]]
        total[cell] += (-np.abs(current).sum(1) if zero_focal_currents else np.abs(current.sum(1))).sum() / 2


def _sum_pair_by_pair(
    solver: PointPairSolver, potentials, pairs: _PairIndices, total, maximum
) -> tuple[np.ndarray, np.ndarray]:
    """Update total and maximum with the current of every pair; return imbalance and strength of each row."""
    circuit, chunks = solver.circuit, cell_ranges(total.size)
    imbalance, strength = np.zeros((2, len(chunks), len(potentials)))
    shared = (
        circuit.edges,
        circuit.offsets,
        potentials,
        pairs.first_row,
        pairs.second_row,
        _source_free_cells(solver),
    )
    calls = [
        (*shared, *chunk, total, maximum, *diagnostics)
        for chunk, *diagnostics in zip(chunks, imbalance, strength, strict=True)
    ]
    parallel_starmap(accumulate_currents, calls)
    return imbalance.max(0), strength.max(0)


def _source_free_cells(solver: PointPairSolver) -> Bool[np.ndarray, "cells"]:
    """Return the cells at which no current enters or leaves except along their own edges."""
    circuit, node = solver.circuit, solver.node
    return ~(np.isin(circuit.node_of, circuit.merged_nodes) | np.isin(circuit.node_of, node[node >= 0]))


def _edge_currents(
    solver: PointPairSolver, potentials, cells: Int[np.ndarray, "cells"]
) -> Float[np.ndarray, "n edges"]:
    """Return the current from some cells along each of their edges, for each row of potentials."""
    edges, offsets = solver.circuit.edges, solver.circuit.offsets
    along_edges = [np.empty((len(potentials), 0))]
    for step, offset in enumerate(offsets):
        source = cells[edges[step, cells] > 0]
        along_edges.append(edges[step, source] * (potentials[:, source] - potentials[:, source + offset]))
    return np.concatenate(along_edges, axis=1)
