"""Sources and sinks of a flow: of a potential on a landscape, or of a field with two components."""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from ...counts import count_of
from ...graph import GridGraph
from ...linalg import neighbour_offsets, shift
from ...traces import BOUNDARIES, FlowDivergence, field_divergence, potential_divergence
from .. import resource_estimates
from ..inputs import choice_parameter, nonnegative_parameter, read_grid, read_pixel_size, require_input
from ..metrics import landscape_metrics, range_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: How a flow is given.
KINDS = ("potential", "components")


class FlowDivergenceTask(Task):
    """Net outflow of every cell of a flow, in total or per unit of area."""

    name = "flow.divergence"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A few rasters, and the graph of a landscape."""
        rasters = [array for name, array in job.inputs.items() if name in ("potential", "east")]
        return resource_estimates.flow_divergence(
            rasters[0].size if rasters else 0, on_landscape=job.parameters.get("kind") == "potential"
        )

    def run(self, job: Job) -> TaskResult:
        """Add up the flows through the faces, or along the edges, of every cell."""
        kind = choice_parameter(job, "kind", KINDS)
        roundoff = nonnegative_parameter(job, "input_roundoff")
        flow, metrics = (_of_potential if kind == "potential" else _of_components)(job, roundoff)
        per_area = bool(job.parameters.get("per_area"))
        divergence = np.asarray(flow.per_area if per_area else flow.divergence)
        metrics |= {
            "solver": None,
            "iterations": None,
            "residual": None,
            **_balance(flow),
            **range_metrics(divergence),
        }
        return TaskResult({"divergence": divergence}, metrics)


def _of_potential(job: Job, roundoff: float) -> tuple[FlowDivergence, dict[str, Any]]:
    """Return the divergence of a potential, and report cells that it leaves out."""
    grid = read_grid(job)
    potential = np.asarray(require_input(job, "potential"), dtype=float)
    if potential.shape != grid.shape:
        raise ValueError(
            f'inputs "potential" and "landscape" must be of one size, not {potential.shape} and {grid.shape}'
        )
    job.report.progress(20, "Currents")
    active, known = np.asarray(grid.active), ~np.isnan(potential)
    if not (active & known).any():
        raise ValueError("no passable cell of the landscape has a voltage: check that the two rasters belong together")
    flow = eqx.filter_jit(potential_divergence)(grid, potential, input_roundoff=roundoff)
    if outside := np.count_nonzero(known & ~active):
        job.report.warning(
            f"{count_of(outside, 'cell has', 'cells have')} a voltage, but cannot be entered in the landscape; no "
            "current flows there"
        )
    if ends := np.count_nonzero(_neighbours_of(active & ~known, grid) & active & known):
        job.report.warning(
            f"{count_of(ends, 'cell with a voltage borders', 'cells with a voltage border')} on passable cells without "
            "one. The current between them is not known and is taken as 0, which may look like a source or a sink"
        )
    return flow, landscape_metrics(grid)


def _of_components(job: Job, roundoff: float) -> tuple[FlowDivergence, dict[str, Any]]:
    """Return the divergence of a field, and report cells with only one component."""
    east, north = (np.asarray(require_input(job, name), dtype=float) for name in ("east", "north"))
    boundary = choice_parameter(job, "boundary", BOUNDARIES)
    job.report.progress(20, "Flow through the sides of the cells")
    if east.shape == north.shape and (single := np.count_nonzero(np.isnan(east) != np.isnan(north))):
        job.report.warning(
            f"{count_of(single, 'cell has', 'cells have')} only one of the two components and "
            f"{'is' if single == 1 else 'are'} left out"
        )
    flow = jax.jit(
        lambda east, north: field_divergence(
            east, north, pixel_size=read_pixel_size(job), boundary=boundary, input_roundoff=roundoff
        )
    )(east, north)
    cells = int(np.count_nonzero(flow.active))
    if not cells:
        raise ValueError("no cell has both components: check that the two rasters belong together")
    return flow, {"active_cells": cells, "components": None}


def _neighbours_of(cells: np.ndarray, grid: GridGraph) -> np.ndarray:
    """Return the cells with a neighbour among some cells."""
    neighbours = np.zeros_like(cells)
    for step in neighbour_offsets(grid.directions):
        neighbours |= shift(cells, step, fill=False)
    return neighbours


def _balance(flow: FlowDivergence) -> dict[str, Any]:
    """Return the totals of a flow, and how much of them rounding cannot explain."""
    beyond, divergence = np.asarray(flow.beyond_rounding), np.asarray(flow.divergence)
    exceeding = divergence[beyond]
    return {
        "sources": float(flow.sources),
        "sinks": float(flow.sinks),
        "boundary_flow": float(flow.boundary_flow),
        "conservation_error": float(flow.conservation_error),
        "largest_flow": float(np.nanmax(flow.through, initial=0.0)),
        "source_cells": int(np.count_nonzero(exceeding > 0)),
        "sink_cells": int(np.count_nonzero(exceeding < 0)),
        "exceeding_sources": float(exceeding[exceeding > 0].sum()),
        "exceeding_sinks": float(exceeding[exceeding < 0].sum()),
        "rounding_cells": int(np.count_nonzero(flow.active)) - int(np.count_nonzero(beyond)),
        "largest_rounding": float(np.nanmax(flow.rounding, initial=0.0)),
    }
