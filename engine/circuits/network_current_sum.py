"""Sum of the currents of all pairs of focal points of a network, without the currents of any pair."""

import numpy as np

from .accumulator import CumulativeCurrent
from .point_current_sum import OnProgress
from .point_pairs import PointPairSolver
from .short_circuits import sum_by_node

#: Branches whose currents are sorted at a time; bounds the memory.
BRANCH_BLOCK = 256


def sum_network_pair_currents(
    solver: PointPairSolver, on_progress: OnProgress = lambda fraction: None
) -> CumulativeCurrent:
    """Sum the absolute currents of all pairs of focal points, by sorting; see `sorting_network`.

    Parameters
    ----------
    solver
        The focal points, in a network.
    on_progress
        Called with the fraction that is done.

    Returns
    -------
    CumulativeCurrent
        Currents through the nodes, followed by those along the branches in the order of `NetworkCircuit.branches`; no
        maximum.
    """
    circuit, potentials = solver.circuit, solver.potentials()
    at_nodes = np.concatenate([potentials[:, circuit.representative_cells], np.zeros((1, circuit.n_nodes))])
    first, second, conductances = circuit.branches
    along_branches, partners = np.zeros(len(first)), np.zeros(circuit.n_nodes)
    done, runs, residual = 0, 0, 0.0
    for component in np.unique(solver.component[solver.component >= 0]):
        members = np.flatnonzero(solver.component == component)
        rows, nodes = solver.row[members], solver.node[members]
        weights = np.arange(1 - len(members), len(members), 2)
        branches = np.flatnonzero(circuit.components[first] == component)
        for start in range(0, len(branches), BRANCH_BLOCK):
            block = branches[start : start + BRANCH_BLOCK]
            drops = at_nodes[np.ix_(rows, first[block])] - at_nodes[np.ix_(rows, second[block])]
            along_branches[block] = weights @ np.sort(conductances[block] * drops, axis=0)
            done += len(block)
            on_progress(done / len(first) / 2)
        # 1 A enters or leaves the network at both nodes of a pair.
        others = len(members) - np.bincount(nodes, minlength=circuit.n_nodes)[nodes]
        partners += sum_by_node(nodes, others.astype(float), circuit.n_nodes)
        runs += int(others.sum()) // 2
    terminals = np.unique(solver.node[solver.node >= 0])
    for number, of_source in enumerate(potentials, 1):
        residual = max(residual, circuit.currents(of_source, terminals=terminals).residual)
        on_progress((1 + number / len(potentials)) / 2)
    ends = sum_by_node(first, along_branches, circuit.n_nodes) + sum_by_node(second, along_branches, circuit.n_nodes)
    through = np.where(circuit.node_of >= 0, ((ends + partners) / 2)[circuit.node_of], 0.0)
    return CumulativeCurrent(np.concatenate([circuit.to_map(through), along_branches]), None, runs, residual)
