"""Connected components of a landscape."""

import numpy as np

from ..components import connected_components
from . import forecasts
from .landscape import read_grid
from .registry import Answer, Forecast, Job, Task


class LabelComponents(Task):
    """Number of the connected component of every cell."""

    name = "components.label"

    def forecast(self, job: Job) -> Forecast:
        """The graph and one raster."""
        return forecasts.shortest_paths(job.inputs["landscape"].size, 1)

    def run(self, job: Job) -> Answer:
        """Label."""
        grid = read_grid(job)
        job.report.progress(30, "Connected components")
        labels = np.asarray(connected_components(grid))
        numbers = {
            "active_cells": grid.nb_active,
            "components": int(labels.max()),
            "largest_component_cells": int((labels == 1).sum()),
            "solver": "connected components (SciPy)",
            "iterations": None,
            "residual": None,
        }
        return Answer({"components": labels}, numbers)
