"""What every landscape task shares: the raster as a graph, the sources as vertices, the numbers of the report."""

from typing import Any

import equinox as eqx
import numpy as np

from ..graph.components import connected_components
from ..graph.grid_graph import GridGraph
from ..linalg.solver_stats import SolveRecord
from .task import Job


def choice_parameter(job: Job, name: str, among: tuple[str, ...]) -> str:
    """Return a parameter that must be one of a few words."""
    value = job.parameters.get(name)
    if value not in among:
        raise ValueError(f'parameter "{name}" must be one of {", ".join(among)}, not {value!r}')
    return value


def positive_parameter(job: Job, name: str) -> float:
    """Return a parameter that must be a positive number."""
    value = job.parameters.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f'parameter "{name}" must be a positive number, not {value!r}')
    return float(value)


def integer_parameter(job: Job, name: str, least: int) -> int:
    """Return a parameter that must be a whole number, so large at least."""
    value = job.parameters.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f'parameter "{name}" must be a whole number of {least} or more, not {value!r}')
    return value


def read_quality(job: Job, grid: GridGraph) -> np.ndarray:
    """Return the habitat quality of a job: a raster of the landscape's size, 0 where nobody can be.

    Raises
    ------
    ValueError
        It has another size.
    """
    quality = np.asarray(_input(job, "quality"), dtype=float)
    if quality.shape != grid.shape:
        raise ValueError(f'inputs "quality" and "landscape" must be of one size, not {quality.shape} and {grid.shape}')
    return np.where(np.asarray(grid.active), quality, 0.0)


def read_grid(job: Job) -> GridGraph:
    """Return the landscape of a job as a graph.

    Raises
    ------
    ValueError
        Values that are not a permeability or a resistance: how many, and where the first one is.
    """
    values = np.asarray(_input(job, "landscape"), dtype=float)
    valid = np.asarray(_input(job, "valid"), dtype=bool)
    if values.ndim != 2 or values.shape != valid.shape:
        raise ValueError(
            f'inputs "landscape" and "valid" must be rasters of one size, not {values.shape} and {valid.shape}'
        )
    kind = choice_parameter(job, "values", ("permeability", "resistance"))
    faults = {"not a number": np.isnan(values), "infinite": np.isinf(values), "negative": values < 0}
    if kind == "resistance":
        faults["zero"] = values == 0
    for name, fault in faults.items():
        fault = fault & valid
        if fault.any():
            row, column = np.argwhere(fault)[0]
            raise ValueError(
                f"{kind} is {name} in {fault.sum():,} cells, the first at row {row + 1}, column {column + 1} "
                f"(counted from 1, value {values[row, column]:g})"
            )
    with np.errstate(divide="ignore"):
        permeability = np.where(valid, values if kind == "permeability" else 1 / values, 0.0)
    active = valid & (permeability > 0)
    if not active.any():
        raise ValueError(f"no cell of {values.size:,} can be entered: all are nodata or have a permeability of 0")
    neighbors = choice_parameter(job, "neighbors", ("queen", "rook"))
    edge_rule = choice_parameter(job, "edge_rule", ("mean", "resistance", "target"))
    # Compiled as a whole: a dozen operations one by one would each be compiled for this size.
    return eqx.filter_jit(GridGraph)(
        permeability, active, int(active.sum()), neighbors, edge_rule, read_pixel_size(job)
    )


def read_pixel_size(job: Job) -> tuple[float, float]:
    """Return height and width of a cell, in map units."""
    size = job.parameters.get("pixel_size")
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(isinstance(side, (int, float)) and side > 0 for side in size)
    ):
        raise ValueError(f'parameter "pixel_size" must be [height, width] in map units, not {size!r}')
    return float(size[0]), float(size[1])


def read_vertices(job: Job, grid: GridGraph, name: str) -> np.ndarray:
    """Return the vertices of an input of rows and columns.

    Raises
    ------
    ValueError
        There are none, or some are outside the raster or on a barrier.
    """
    places = np.asarray(_input(job, name))
    if places.ndim != 2 or places.shape[1] != 2 or not np.issubdtype(places.dtype, np.integer):
        raise ValueError(
            f'input "{name}" must be rows and columns of shape (k, 2), not {places.shape} of {places.dtype}'
        )
    if not len(places):
        raise ValueError(f"there are no {name}")
    active = np.asarray(grid.active)
    inside = ((places >= 0) & (places < active.shape)).all(1)
    for wrong, what in (
        (~inside, f"lie outside the raster of {grid.height} × {grid.width} cells"),
        (
            inside & ~active[tuple(np.where(inside[:, None], places, 0).T)],
            "lie on nodata or on a barrier (permeability 0)",
        ),
    ):
        if wrong.any():
            row, column = places[np.argmax(wrong)] + 1
            raise ValueError(
                f"{wrong.sum()} of {len(places)} {name} {what}, the first at row {row}, column {column} (counted from "
                "1); move or remove them"
            )
    return np.flatnonzero(active.ravel()).searchsorted(places[:, 0] * grid.width + places[:, 1])


def _input(job: Job, name: str) -> np.ndarray:
    if name not in job.inputs:
        raise ValueError(f'input "{name}" is missing')
    return job.inputs[name]


def landscape_metrics(grid: GridGraph) -> dict[str, Any]:
    """Return what is known of a landscape before any distance."""
    return {"active_cells": grid.n_vertices, "components": int(np.asarray(connected_components(grid)).max())}


def solver_metrics(entries: list[SolveRecord]) -> dict[str, Any]:
    """Return what the solvers did, from their journal."""
    if not entries:
        return {"solver": None, "iterations": None, "residual": None}
    names = list(dict.fromkeys(entry.solver for entry in entries))
    return {
        "solver": ", ".join(names),
        # A direct solver does not iterate, a search for paths leaves no residual.
        "iterations": max(entry.iterations for entry in entries) or None,
        "residual": max((entry.residual for entry in entries if entry.residual is not None), default=None),
    }


def distance_metrics(distance: np.ndarray, active: np.ndarray) -> dict[str, Any]:
    """Return minimum, maximum and mean of the finite values, and how many active cells reach no source."""
    values = distance[..., active]
    finite = values[np.isfinite(values)]
    reached = np.isfinite(distance).any(0) if distance.ndim == 3 else np.isfinite(distance)
    return {
        "minimum": finite.min() if finite.size else None,
        "maximum": finite.max() if finite.size else None,
        "mean": finite.mean() if finite.size else None,
        "unreachable_cells": int((active & ~reached).sum()),
    }
