"""Inputs and resource estimates that the tasks about circuits share."""

import numpy as np

from ..circuits import MAX_BOUNDARY_CELLS, GridCircuit
from ..counts import count_of
from ..graph import FocalNodes, region_cells
from .inputs import read_grid, require_input
from .resource_estimates import symmetric_solves
from .task import Job, ResourceEstimate

#: Bytes per cell of the potentials of one focal node.
POTENTIAL_BYTES_PER_CELL = 8

#: Seconds per cell of the current map of one run.
MAP_SECONDS = 6e-8


def estimate_circuit(job: Job, solves: int) -> ResourceEstimate:
    """Estimate solves for the potentials of focal nodes, and a current map."""
    rows, columns = job.inputs["landscape"].shape
    cells = rows * columns
    solver = symmetric_solves((rows, columns), max(solves, 1))
    seconds = None if solver.seconds is None else solver.seconds + cells * MAP_SECONDS
    return ResourceEstimate(solver.bytes + cells * POTENTIAL_BYTES_PER_CELL * solves, seconds)


def boundary_bytes(job: Job) -> int:
    """Return the memory of the dense inverse between the boundary cells of focal regions, and of two copies.

    A boundary cell has a neighbour outside its region. Above `MAX_BOUNDARY_CELLS` the inverse is not computed.
    """
    rows, columns = job.inputs["landscape"].shape
    cells = np.asarray(job.inputs["focal_cells"])
    inside = ((cells >= 0) & (cells < (rows, columns))).all(1)
    region_numbers = np.unique(np.asarray(job.inputs["focal_ids"]), return_inverse=True)[1].ravel() + 1
    padded = np.zeros((rows + 2, columns + 2), np.int64)
    row, column = (cells[inside] + 1).T
    padded[row, column] = region_numbers[inside]
    is_boundary = np.zeros(inside.sum(), bool)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            is_boundary |= padded[row + i, column + j] != padded[row, column]
    count = int(is_boundary.sum())
    return 3 * 8 * count**2 if count <= MAX_BOUNDARY_CELLS else 0


def read_circuit(job: Job) -> GridCircuit:
    """Return the landscape of a job as a circuit, with its short-circuit regions.

    Raises
    ------
    ValueError
        See `read_grid`; the raster of regions differs from the landscape in size.
    """
    grid = read_grid(job)
    regions = []
    if "short_circuits" in job.inputs:
        ids = np.asarray(job.inputs["short_circuits"])
        if ids.shape != grid.shape:
            raise ValueError(
                f'inputs "short_circuits" and "landscape" must be of one size, not {ids.shape} and {grid.shape}'
            )
        regions = region_cells(ids)
    return GridCircuit(grid, regions)


def read_focal(job: Job, shape: tuple[int, ...], name: str = "focal") -> FocalNodes:
    """Return the focal nodes of a job.

    Parameters
    ----------
    job
        With the inputs ``<name>_ids`` (k,) and ``<name>_cells``, (k, 2) rows and columns of a raster or (k, 1) nodes of
        a network.
    shape
        Of the raster, or the number of nodes of the network.
    name
        Prefix of the inputs' names.

    Raises
    ------
    ValueError
        Inputs are missing, do not match, or lie outside.
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


def read_pairs(job: Job, name: str) -> np.ndarray:
    """Return an optional input of pairs of ids, int64 (k, 2); empty if it is left out."""
    if name not in job.inputs:
        return np.empty((0, 2), np.int64)
    pairs = _integers(job, name)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f'input "{name}" must be pairs of ids of shape (k, 2), not {pairs.shape}')
    return pairs.astype(np.int64)


def included_pairs(job: Job, focal: FocalNodes) -> np.ndarray | None:
    """Return the pairs of ids that the input ``excluded`` does not exclude, int64 (k, 2); None if it excludes none.

    Raises
    ------
    ValueError
        All pairs are excluded; an excluded id belongs to no focal node.
    """
    excluded = read_pairs(job, "excluded")
    if not len(excluded):
        return None
    unknown = np.setdiff1d(excluded, focal.ids)
    if unknown.size:
        raise ValueError(
            f"{count_of(unknown.size, 'id in the excluded pairs belongs', 'ids in the excluded pairs belong')} to no "
            f"focal node, the first is {unknown[0]}"
        )
    first, second = np.searchsorted(focal.ids, excluded).T
    included = np.triu(np.ones((len(focal),) * 2, bool), 1)
    included[first, second] = included[second, first] = False
    if not included.any():
        raise ValueError(f"all pairs of the {count_of(len(focal), 'focal node')} are excluded")
    return focal.ids[np.argwhere(included)]


def read_strengths(job: Job) -> dict[int, float]:
    """Return the current that each focal node injects, in ampere by id, from an optional input of shape (k, 2)."""
    if "strengths" not in job.inputs:
        return {}
    table = np.asarray(job.inputs["strengths"], float)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError(f'input "strengths" must be ids and ampere of shape (k, 2), not {table.shape}')
    return {int(identity): float(value) for identity, value in table}


def count_cells_without_flow(circuit: GridCircuit, focal: FocalNodes) -> int:
    """Return the number of cells in components with fewer than two focal nodes, where no current flows."""
    focal_nodes = np.zeros(circuit.components.max() + 1, np.int64)
    for nodes in focal.nodes(circuit):
        focal_nodes[np.unique(circuit.components[nodes])] += 1
    is_flowless = np.append(focal_nodes < 2, False)
    components = np.where(circuit.node_of >= 0, circuit.components[circuit.node_of], len(focal_nodes))
    return int(is_flowless[components].sum())


def _integers(job: Job, name: str) -> np.ndarray:
    values = np.asarray(require_input(job, name))
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f'input "{name}" must hold whole numbers, not {values.dtype}')
    return values
