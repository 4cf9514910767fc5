"""The rasters that give a flow: the voltage on a landscape, or the two components of a field."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...i18n import tr
from ...layers import Band, RasterGrid, open_band, stream_same_grid
from ...npy_file import NpyFile
from ...runner import Task
from ..input_crs import warn_of_degrees
from ..parameter_values import RASTER_BYTES, RESULT_BYTES, ParameterValues, require_disk_space
from ..step_feedback import StepFeedback

#: Largest relative rounding error of decimal numbers in single and in double precision.
SINGLE, DOUBLE = 2.0**-24, 2.0**-53


class FlowInputs(ParameterValues):
    """The inputs of a run about a flow; a landscape is read only for a voltage."""

    @property
    def has_landscape(self) -> bool:
        """Whether the flow is the current of a voltage on a landscape."""
        return self.choice("KIND") == "potential"

    @property
    def grid(self) -> RasterGrid:
        """The grid of the results: that of the landscape, or of the components."""
        return self.landscape.grid if self.has_landscape else self.band("EAST").grid

    def band(self, name: str) -> Band:
        """Return the chosen band of a raster."""
        return self._bands[name]

    @property
    def input_roundoff(self) -> float:
        """Largest relative rounding error of the numbers of the rasters."""
        return max(_roundoff(band) for band in self._bands.values())

    @cached_property
    def _bands(self) -> dict[str, Band]:
        names = ("POTENTIAL",) if self.has_landscape else ("EAST", "NORTH")
        return {name: open_band(self.layer(name), self.whole_number(f"{name}_BAND") or 1) for name in names}

    def flow_task(self, **parameters: object) -> Task:
        """Make the task for the engine, with some parameters."""
        parameters["input_roundoff"] = self.input_roundoff
        if self.has_landscape:
            landscape = self.landscape
            self._feedback.setProgressText(tr("Reading the voltage"))
            potential = self._streamed("POTENTIAL", landscape.grid, landscape.name, self._after_landscape)
            return self.task(
                "flow.divergence", {"potential": potential}, rasters=("divergence",), kind="potential", **parameters
            )
        self.require_memory(self.layer("EAST"))
        self._feedback.setProgressText(tr("Reading the components"))
        east = self.band("EAST")
        warn_of_degrees(east.name, east.grid, self._feedback)
        halves = {"EAST": StepFeedback(self._feedback, 0, 50), "NORTH": StepFeedback(self._feedback, 50, 100)}
        arrays = {name.lower(): self._streamed(name, east.grid, east.name, half) for name, half in halves.items()}
        fixed = {"kind": "components", "pixel_size": list(east.grid.pixel_size)}
        return Task("flow.divergence", {**fixed, **parameters}, arrays, ("divergence",), east.name, raster="east")

    def _streamed(self, name: str, grid: RasterGrid, reference: str, feedback: StepFeedback) -> NpyFile:
        require_disk_space(grid.rows * grid.columns * (RASTER_BYTES + RESULT_BYTES))
        return stream_same_grid(self.band(name), grid, reference, self._folder / f"{name.lower()}.npy", feedback)


def _roundoff(band: Band) -> float:
    """Return the largest relative rounding error of a band; 0 for whole numbers, which are taken as exact."""
    if band.stored_type is not None and np.issubdtype(band.stored_type, np.integer):
        return 0.0
    return DOUBLE if band.stored_type == np.float64 else SINGLE
