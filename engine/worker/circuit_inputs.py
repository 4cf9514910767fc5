"""What the tasks about circuits share: the landscape as a circuit, focal nodes, pairs, strengths."""

from typing import Any

import numpy as np

from ..circuits.grid_circuit import GridCircuit
from ..circuits.pairwise import Pairwise
from ..circuits.region_pairs import MAX_BOUNDARY_CELLS
from ..graph.focal_nodes import FocalNodes, region_cells
from ..linalg.solver_stats import SolveRecord
from ..storage.result_cache import ResultCache
from .inputs import landscape_metrics, read_grid, solver_metrics
from .resource_estimates import symmetric_solves
from .task import Job, ResourceEstimate

#: Bytes per cell for the conductors of a circuit, the nodes, and the maps of the run at hand.
CIRCUIT = 8 * 8 + 8 * 12

#: Bytes per cell for the potentials of one focal node.
POTENTIALS = 8

#: Seconds per cell for the current map of one run.
MAP_SECONDS = 6e-8


def estimate(job: Job, solves: int, maps: int) -> ResourceEstimate:
    """Say what so many solves and so many maps on the landscape of a job will need."""
    shape = job.inputs["landscape"].shape
    cells = shape[0] * shape[1]
    each = symmetric_solves((shape[0], shape[1]), max(solves, 1))
    seconds = None if each.seconds is None else each.seconds + maps * cells * MAP_SECONDS
    return ResourceEstimate(each.bytes + cells * (CIRCUIT + POTENTIALS * solves), seconds)


def boundary_bytes(job: Job) -> int:
    """Return what the network between the rims of focal regions takes: dense, and three times at once.

    Cells at a rim are those of which a neighbour is not of the same region.
    """
    rows, columns = job.inputs["landscape"].shape
    cells = np.asarray(job.inputs["focal_cells"])
    inside = ((cells >= 0) & (cells < (rows, columns))).all(1)
    owner = np.zeros((rows + 2, columns + 2), np.int64)
    places = np.unique(np.asarray(job.inputs["focal_ids"]), return_inverse=True)[1].ravel() + 1
    down, right = (cells[inside] + 1).T
    owner[down, right] = places[inside]
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    rim = np.zeros(inside.sum(), bool)
    for i, j in steps:
        rim |= owner[down + i, right + j] != owner[down, right]
    count = int(rim.sum())
    return 3 * 8 * count**2 if count <= MAX_BOUNDARY_CELLS else 0


def read_circuit(job: Job) -> GridCircuit:
    """Return the landscape of a job as a circuit, with its short-circuit regions.

    Raises
    ------
    ValueError
        As `read_grid`; regions of another size than the landscape.
    """
    grid = read_grid(job)
    groups = []
    if "short_circuits" in job.inputs:
        ids = np.asarray(job.inputs["short_circuits"])
        if ids.shape != grid.shape:
            raise ValueError(f'input "short_circuits" must be of the size of the landscape, not {ids.shape}')
        groups = region_cells(ids)
    return GridCircuit(grid, groups)


def read_focal(job: Job, shape: tuple[int, ...], name: str = "focal") -> FocalNodes:
    """Return the focal nodes of a job: cells (row, column) or nodes of a network, each with an id.

    Parameters
    ----------
    job
        The job, with inputs of the names ``<name>_ids`` and ``<name>_cells``.
    shape
        Of the raster, or the number of nodes of the network.
    name
        What the inputs' names begin with.

    Raises
    ------
    ValueError
        Inputs are missing, do not fit each other, or lie outside.
    """
    ids, cells = _integers(job, f"{name}_ids"), _integers(job, f"{name}_cells")
    if len(ids) != len(cells) or ids.ndim != 1 or cells.ndim != 2 or cells.shape[1] != len(shape):
        raise ValueError(
            f'inputs "{name}_ids" and "{name}_cells" must have the shapes (k,) and (k, {len(shape)}), '
            f"not {ids.shape} and {cells.shape}"
        )
    if len(shape) == 2:
        return FocalNodes.from_cells(ids, cells[:, 0], cells[:, 1], (shape[0], shape[1]))
    return FocalNodes.from_cells(ids, np.zeros_like(ids), cells[:, 0], (1, shape[0]))


def read_pairs(job: Job, name: str) -> list[tuple[int, int]]:
    """Return an optional input of pairs of ids, shape (k, 2); none where it is not there."""
    if name not in job.inputs:
        return []
    pairs = _integers(job, name)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f'input "{name}" must be pairs of ids of shape (k, 2), not {pairs.shape}')
    return [(int(one), int(other)) for one, other in pairs]


def read_strengths(job: Job) -> dict[int, float]:
    """Return how many ampere each focal node injects, by id, from an optional input of shape (k, 2)."""
    if "strengths" not in job.inputs:
        return {}
    table = np.asarray(job.inputs["strengths"], float)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError(f'input "strengths" must be ids and ampere of shape (k, 2), not {table.shape}')
    return {int(identity): float(value) for identity, value in table}


def pairwise_without(
    circuit: Any, focal: FocalNodes, excluded: list[tuple[int, int]], finished: ResultCache | None = None
) -> Pairwise:
    """Return the question for all pairs but those that are excluded.

    Parameters
    ----------
    circuit, focal, finished
        As of `Pairwise`.
    excluded
        Pairs of ids.

    Raises
    ------
    ValueError
        No pair is left; an excluded id is not that of a focal node.
    """
    if not excluded:
        return Pairwise(circuit, focal, cache=finished)
    known, left_out = set(focal.ids.tolist()), {frozenset(pair) for pair in excluded}
    unknown = sorted({identity for pair in excluded for identity in pair} - known)
    if unknown:
        raise ValueError(f"{len(unknown)} ids of excluded pairs are of no focal node, the first is {unknown[0]}")
    ids = focal.ids.tolist()
    pairs = [(one, other) for place, one in enumerate(ids) for other in ids[place + 1 :]]
    pairs = [pair for pair in pairs if frozenset(pair) not in left_out]
    if not pairs:
        raise ValueError(f"all pairs of the {len(focal)} focal nodes are excluded")
    return Pairwise(circuit, focal, pairs, cache=finished)


def cells_without_flow(circuit: GridCircuit, focal: FocalNodes) -> int:
    """Return how many cells lie in components with fewer than two focal nodes: no current flows there."""
    there = np.zeros(circuit.components.max() + 1, np.int64)
    for nodes in focal.nodes(circuit):
        there[np.unique(circuit.components[nodes])] += 1
    flowless = np.append(there < 2, False)
    cells = np.where(circuit.node_of >= 0, circuit.components[circuit.node_of], len(there))
    return int(flowless[cells].sum())


def circuit_metrics(circuit: GridCircuit, entries: list[SolveRecord]) -> dict[str, Any]:
    """Return what is known of a landscape, and what the solvers did."""
    return landscape_metrics(circuit.grid) | solver_metrics(entries)


def _integers(job: Job, name: str) -> np.ndarray:
    if name not in job.inputs:
        raise ValueError(f'input "{name}" is missing')
    values = np.asarray(job.inputs[name])
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f'input "{name}" must hold whole numbers, not {values.dtype}')
    return values
