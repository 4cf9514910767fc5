"""The parameter values of a run on rasters of any size, which are read in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext, QgsProcessingFeedback

from ..i18n import tr
from ..layers import (
    Band,
    StreamedRaster,
    open_band,
    stream_condition,
    stream_landscape,
    stream_quality,
    stream_strengths,
    stream_weights,
)
from ..npy_file import NpyFile
from ..runner import require_disk_space
from .parameter_values import ParameterValues, warn_of_degrees
from .step_feedback import StepFeedback

# Bytes per cell: the values and their mask, and the result.
LANDSCAPE_BYTES, RESULT_BYTES = 9, 8

# Bytes per cell of a GeoTIFF with overviews, if it cannot be compressed.
GEOTIFF_BYTES = 4 * 4 / 3

# Bytes per cell of each optional raster, and of its copy during resampling.
OPTIONAL_BYTES = 8

# Optional input rasters besides the landscape, and optional output rasters besides the main one.
OPTIONAL_INPUTS = ("QUALITY", "SOURCE_STRENGTH", "PLACES", "CONDITION_1", "FUTURE_1", "CONDITION_2", "FUTURE_2")
OPTIONAL_OUTPUTS = ("FLOW_POTENTIAL", "NORMALIZED_CURRENT")


class StreamedParameterValues(ParameterValues):
    """The inputs of one run, written to its job folder rather than held in memory.

    Parameters
    ----------
    algorithm, parameters, context, feedback
        As for `ParameterValues`.
    folder
        The job folder.
    output_paths
        Files of the raster outputs.
    """

    def __init__(
        self,
        algorithm: QgsProcessingAlgorithm,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        folder: Path,
        output_paths: Iterable[str],
    ) -> None:
        super().__init__(algorithm, parameters, context, feedback)
        self._folder, self._output_paths = folder, tuple(output_paths)

    @cached_property
    def landscape(self) -> StreamedRaster:
        """The landscape, copied to the job folder and validated."""
        self._feedback.setProgressText(tr("Reading the landscape"))
        source = open_band(self.layer("INPUT"), self.whole_number("BAND"))
        optional = sum(OPTIONAL_BYTES for name in OPTIONAL_INPUTS if self.is_provided(name))
        optional += sum(RESULT_BYTES for name in OPTIONAL_OUTPUTS if self.is_provided(name))
        bytes_per_cell = LANDSCAPE_BYTES + RESULT_BYTES + optional
        cells = source.grid.rows * source.grid.columns
        require_disk_space(cells * bytes_per_cell, dict.fromkeys(self._output_paths, cells * GEOTIFF_BYTES))
        raster = stream_landscape(source, self.choice("VALUES"), self._folder, StepFeedback(self._feedback, 0, 50))
        warn_of_degrees(raster.name, raster.grid, self._feedback)
        return raster

    def quality(self, name: str) -> NpyFile:
        """Copy habitat quality, on the grid of the landscape, to the job folder; 0 for nodata.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or there is no cell with quality above 0.
        """
        return self._stream_to_grid(name, tr("Reading the habitat quality"), stream_quality)

    def strengths(self, name: str) -> NpyFile:
        """Copy the source strength of each cell to the job folder; 0 for nodata.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or no cell is a source.
        """
        return self._stream_to_grid(name, tr("Reading the source strengths"), stream_strengths)

    def weights(self, name: str) -> NpyFile:
        """Copy the weight of each cell as a place of interest to the job folder; 0 for nodata.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or all are 0.
        """
        return self._stream_to_grid(name, tr("Reading the places of interest"), stream_weights)

    def condition(self, name: str, file: str, *, classes: bool) -> NpyFile:
        """Copy the raster of a condition to the job folder; NaN for nodata.

        Parameters
        ----------
        name
            Name of the parameter.
        file
            Name of the file in the job folder.
        classes
            Whether the values are classes.

        Raises
        ------
        QgsProcessingException
            A value cannot be compared, or no cell of the landscape has data.
        """

        def stream(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
            return stream_condition(source, landscape, folder / file, feedback, classes=classes)

        return self._stream_to_grid(name, tr("Reading the conditions"), stream)

    def _stream_to_grid(self, name: str, text: str, stream: Callable[..., NpyFile]) -> NpyFile:
        landscape = self.landscape
        self._feedback.setProgressText(text)
        source = open_band(self.layer(name), 1)
        if not source.grid.same_grid_as(landscape.grid):
            source_cells = source.grid.rows * source.grid.columns
            require_disk_space(source_cells * OPTIONAL_BYTES + landscape.values.size * (OPTIONAL_BYTES + RESULT_BYTES))
        return stream(source, landscape, self._folder, StepFeedback(self._feedback, 50, 100))
