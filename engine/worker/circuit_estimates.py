"""Estimated time of the runs of a circuit: sums over pairs, maps of each pair, runs of each focal node."""

import math

import numpy as np

from ..parallel import cpu_count
from .machine_speed import speed_factors
from .task import Job

#: Seconds of one core for exchanging two currents in the sorting network, and for adding the current of a pair along
#: an edge.
EXCHANGE_SECONDS = 4e-10
PAIR_CURRENT_SECONDS = 5e-10

#: Seconds for each entry of a matrix of resistances: differences, checks, writing.
MATRIX_SECONDS = 1.5e-7

#: Seconds for the dense system of a pair of regions, and for each pair and cell of the sum of their currents.
REGION_PAIR_SECONDS = 3e-4
REGION_CURRENT_SECONDS = 2e-9

#: Seconds for the maps of a run: for each run, and for each of its cells (computing, checking, writing).
RUN_SECONDS = 5e-3
RUN_CELL_SECONDS = 6e-8

#: Seconds of a dense inverse for each n³, for all to one.
DENSE_SECONDS = 2e-11

#: Seconds for each edge of a sparse factor, for each run of a network, and for each node and edge of it.
FACTOR_EDGE_SECONDS = 2e-5
NETWORK_RUN_SECONDS = 3e-4
NETWORK_CELL_SECONDS = 5e-8

#: Bytes for each entry of a matrix between focal nodes, with its temporary copies.
MATRIX_BYTES = 64


def count_pairs(job: Job) -> int:
    """Return the number of pairs of focal nodes of a job that are not excluded."""
    nodes = len(np.unique(job.inputs["focal_ids"]))
    return max(nodes * (nodes - 1) // 2 - len(job.inputs.get("excluded", ())), 0)


def pairwise_seconds(job: Job, *, are_points: bool, maximum: bool, cumulative: bool, run_maps: bool) -> float:
    """Return the time of pairwise mode after the solves.

    Parameters
    ----------
    job
        The job.
    are_points
        Whether every focal node is one cell.
    maximum, cumulative, run_maps
        Whether the job requests the maximum, the sum, and the maps of each pair.
    """
    cells, nodes = job.inputs["landscape"].size, len(np.unique(job.inputs["focal_ids"]))
    pairs = count_pairs(job)
    steps = 4 if job.parameters.get("neighbors") == "rook" else 8
    seconds = MATRIX_SECONDS * nodes**2 + (0.0 if are_points else REGION_PAIR_SECONDS * pairs)
    if run_maps:
        seconds += pairs * (RUN_SECONDS + RUN_CELL_SECONDS * cells)
    elif cumulative and not are_points:
        seconds += REGION_CURRENT_SECONDS * pairs * cells
    elif cumulative and (maximum or "excluded" in job.inputs):
        seconds += PAIR_CURRENT_SECONDS * pairs * cells * steps / cpu_count()
    elif cumulative:
        doublings = math.log2(max(nodes, 2))
        seconds += EXCHANGE_SECONDS * nodes * doublings * (doublings + 1) / 4 * cells * steps / 2 / cpu_count()
    return speed_factors()[1] * seconds


def one_sided_seconds(job: Job, *, all_to_one: bool) -> float:
    """Return the time of the runs of one to all, or all to one, after the solves."""
    cells, nodes = job.inputs["landscape"].size, len(np.unique(job.inputs["focal_ids"]))
    seconds = nodes * (RUN_SECONDS + RUN_CELL_SECONDS * cells)
    return speed_factors()[1] * seconds + (speed_factors()[0] * DENSE_SECONDS * nodes**3 if all_to_one else 0.0)


def network_seconds(job: Job) -> float:
    """Return the time of a network: its factor, the potentials of its focal nodes, and the maps of every pair."""
    edges = job.inputs["edges"]
    size = len(edges) + len(np.unique(edges))
    if "focal_ids" not in job.inputs:
        return speed_factors()[1] * FACTOR_EDGE_SECONDS * len(edges)
    nodes = len(np.unique(job.inputs["focal_ids"]))
    if job.parameters.get("per_run_outputs", "none") == "none" and "excluded" not in job.inputs:
        runs = nodes * (NETWORK_RUN_SECONDS + NETWORK_CELL_SECONDS * size * math.log2(max(nodes, 2)) / 4)
    else:
        runs = count_pairs(job) * (NETWORK_RUN_SECONDS + NETWORK_CELL_SECONDS * size)
    solves = FACTOR_EDGE_SECONDS * len(edges) + NETWORK_CELL_SECONDS * size * nodes + MATRIX_SECONDS * nodes**2
    return speed_factors()[1] * (solves + runs)
