"""Parameters and inputs that several tasks share: choices, numbers, the landscape, sources, habitat quality."""

from collections.abc import Callable

import equinox as eqx
import numpy as np

from ..connectivity import Landmarks, landmarks
from ..counts import count_of
from ..graph import GridGraph, out_of_range
from .task import Job


def choice_parameter(job: Job, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
    """Return a parameter that must be one of some words; without a default it is required."""
    value = job.parameters.get(name, default)
    if value not in choices:
        raise ValueError(f'parameter "{name}" must be one of {", ".join(choices)}, not {value!r}')
    return value


def positive_parameter(job: Job, name: str) -> float:
    """Return a parameter that must be a positive number."""
    value = job.parameters.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f'parameter "{name}" must be a positive number, not {value!r}')
    return float(value)


def nonnegative_parameter(job: Job, name: str) -> float:
    """Return a parameter that must be a number of at least 0; 0 if it is left out."""
    value = job.parameters.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f'parameter "{name}" must be a number, 0 or more, not {value!r}')
    return float(value)


def integer_parameter(job: Job, name: str, minimum: int) -> int:
    """Return a parameter that must be an integer of at least a minimum."""
    value = job.parameters.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f'parameter "{name}" must be a whole number of {minimum} or more, not {value!r}')
    return value


def require_input(job: Job, name: str) -> np.ndarray:
    """Return an input array.

    Raises
    ------
    ValueError
        The job has no input of this name.
    """
    if name not in job.inputs:
        raise ValueError(f'input "{name}" is missing')
    return job.inputs[name]


def read_grid(job: Job) -> GridGraph:
    """Return the landscape of a job as a graph.

    Raises
    ------
    ValueError
        Values that are not a permeability or a resistance: the message gives their number and the first position; no
        active cell; an invalid parameter.
    """
    values = np.asarray(require_input(job, "landscape"), dtype=float)
    valid = np.asarray(require_input(job, "valid"), dtype=bool)
    if values.ndim != 2 or values.shape != valid.shape:
        raise ValueError(
            f'inputs "landscape" and "valid" must be rasters of one size, not {values.shape} and {valid.shape}'
        )
    kind = choice_parameter(job, "values", ("permeability", "resistance"))
    for name, invalid in invalid_values(values, kind).items():
        invalid = invalid & valid
        if invalid.any():
            row, column = np.argwhere(invalid)[0].tolist()
            count, value = int(invalid.sum()), float(values[row, column])
            raise ValueError(invalid_message(kind, name, count, row + 1, column + 1, value))
    with np.errstate(divide="ignore"):
        permeability = np.where(valid, values if kind == "permeability" else 1 / values, 0.0)
    active = valid & (permeability > 0)
    if not active.any():
        raise ValueError(no_active_cell_message(values.size))
    neighbors = choice_parameter(job, "neighbors", ("queen", "rook"))
    edge_rule = choice_parameter(job, "edge_rule", ("mean", "resistance", "target"))
    # One compilation for each raster size instead of one for each of a dozen operations.
    return eqx.filter_jit(GridGraph)(
        permeability, active, int(active.sum()), neighbors, edge_rule, read_pixel_size(job)
    )


def invalid_values(values: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """Return masks of the cells with invalid values, by kind.

    Parameters
    ----------
    values
        The landscape.
    kind
        "permeability" or "resistance"; a resistance must not be 0.
    """
    invalid = {"not a number": np.isnan(values), "infinite": np.isinf(values), "negative": values < 0}
    return invalid | ({"zero": values == 0} if kind == "resistance" else {}) | out_of_range(values)


def invalid_message(kind: str, name: str, count: int, row: int, column: int, value: float) -> str:
    """Return the error message for one kind of invalid values, given the first one; its position counts from 1."""
    return (
        f"{kind} is {name} in {count_of(count, 'cell')}, the first at row {row}, column {column} "
        f"(counted from 1, value {value:g})"
    )


def no_active_cell_message(cells: int) -> str:
    """Return the error message for a landscape without vertices."""
    return f"no cell of {cells:,} can be entered: all are nodata or have a permeability of 0"


def read_pixel_size(job: Job) -> tuple[float, float]:
    """Return height and width of a cell in map units."""
    size = job.parameters.get("pixel_size")
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(isinstance(length, (int, float)) and length > 0 for length in size)
    ):
        raise ValueError(f'parameter "pixel_size" must be [height, width] in map units, not {size!r}')
    return float(size[0]), float(size[1])


def read_vertices(job: Job, grid: GridGraph, name: str) -> np.ndarray:
    """Return the vertices of an input of rows and columns, of shape (k, 2).

    Parameters
    ----------
    job, grid
        The job and its landscape.
    name
        "sources" or "targets".

    Raises
    ------
    ValueError
        There are no cells, or some lie outside the raster or on a barrier.
    """
    cells = np.asarray(require_input(job, name))
    if cells.ndim != 2 or cells.shape[1] != 2 or not np.issubdtype(cells.dtype, np.integer):
        raise ValueError(f'input "{name}" must be rows and columns of shape (k, 2), not {cells.shape} of {cells.dtype}')
    if not len(cells):
        raise ValueError(f"there are no {name}")
    active = np.asarray(grid.active)
    inside = ((cells >= 0) & (cells < active.shape)).all(1)
    on_barrier = inside & ~active[tuple(np.where(inside[:, None], cells, 0).T)]
    for invalid, reason in (
        (~inside, f"outside the raster of {grid.height} × {grid.width} cells"),
        (on_barrier, "on nodata or on a barrier (permeability 0)"),
    ):
        if invalid.any():
            row, column = cells[np.argmax(invalid)] + 1
            lie, them = ("lies", "it") if invalid.sum() == 1 else ("lie", "them")
            raise ValueError(
                f"{invalid.sum()} of {count_of(len(cells), name.removesuffix('s'))} {lie} {reason}, the first at row "
                f"{row}, column {column} (counted from 1); move or remove {them}"
            )
    return np.flatnonzero(active.ravel()).searchsorted(cells[:, 0] * grid.width + cells[:, 1])


def count_sources(job: Job) -> int:
    """Return the number of sources: of groups of cells if the job has an input "owners", else of cells."""
    return int(np.max(job.inputs["owners"])) + 1 if "owners" in job.inputs else len(job.inputs["sources"])


def read_sources(job: Job, grid: GridGraph) -> list[np.ndarray]:
    """Return the vertices of each source: of each cell of the input "sources", or of each of its "owners".

    Raises
    ------
    ValueError
        As `read_vertices`; the owners are not numbered from 0, or do not match the cells.
    """
    vertices = read_vertices(job, grid, "sources")
    owners = np.asarray(job.inputs.get("owners", np.arange(len(vertices))))
    if owners.shape != vertices.shape or not np.issubdtype(owners.dtype, np.integer):
        raise ValueError(f'input "owners" must be {len(vertices)} whole numbers, not {owners.shape} of {owners.dtype}')
    if not np.array_equal(np.unique(owners), np.arange(owners.max() + 1)):
        raise ValueError('input "owners" must number the sources from 0 without gaps')
    order = np.argsort(owners, kind="stable")
    return np.split(vertices[order], np.flatnonzero(np.diff(owners[order])) + 1)


def read_quality(job: Job, grid: GridGraph) -> np.ndarray:
    """Return the habitat quality of a job: (rows, columns), 0 outside the vertices of the landscape.

    Raises
    ------
    ValueError
        Its size differs from that of the landscape.
    """
    quality = np.asarray(require_input(job, "quality"), dtype=float)
    if quality.shape != grid.shape:
        raise ValueError(f'inputs "quality" and "landscape" must be of one size, not {quality.shape} and {grid.shape}')
    return np.where(np.asarray(grid.active), quality, 0.0)


def read_landmarks(job: Job, grid: GridGraph, quality: np.ndarray) -> Landmarks:
    """Return the landmarks of a job, each for the habitat of a block of cells, and log their number."""
    targets = landmarks(grid, quality, integer_parameter(job, "landmarks", 1))
    job.report.message(
        f"{count_of(targets.vertices.size, 'target stands', 'targets stand')} for the habitat of "
        f"{count_of(np.count_nonzero(quality), 'cell')}"
    )
    return targets


def count_landmarks(quality: np.ndarray, width: int) -> int:
    """Return the number of square blocks that contain habitat: an upper bound on the number of landmarks.

    Habitat on barriers counts as well, although no landmark stands for it.

    Examples
    --------
    >>> count_landmarks(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]), 2)
    2
    """
    width = min(width, max(quality.shape))
    rows, columns = np.nonzero(quality > 0)
    return max(1, np.unique(rows // width * quality.shape[1] + columns // width).size)


def target_progress(job: Job) -> Callable[[int, int], None]:
    """Return a callback that reports completed targets."""

    def progress(done: int, total: int) -> None:
        job.report.progress(2 + 97 * done / total, f"Target {done} of {total}")

    return progress
