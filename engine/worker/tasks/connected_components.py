"""Connected components of a landscape."""

import numpy as np

from ...graph import connected_components
from .. import resource_estimates
from ..inputs import read_grid
from ..task import Job, ResourceEstimate, Task, TaskResult


class ConnectedComponentsTask(Task):
    """Label of the connected component of every cell, ordered by size."""

    name = "components.label"

    def estimate(self, job: Job) -> ResourceEstimate:
        """The graph and one raster."""
        return resource_estimates.components(job.inputs["landscape"].size)

    def run(self, job: Job) -> TaskResult:
        """Label the components."""
        grid = read_grid(job)
        job.report.progress(30, "Connected components")
        labels = np.asarray(connected_components(grid))
        metrics = {
            "active_cells": grid.n_vertices,
            "components": int(labels.max()),
            "largest_component_cells": int((labels == 1).sum()),
            "solver": "connected components (SciPy)",
            "iterations": None,
            "residual": None,
        }
        return TaskResult({"components": labels}, metrics)
