"""What the user chose for a run on rasters of any size: they go through QGIS block by block."""

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
    stream_weights,
    stream_quality,
    stream_strengths,
)
from ..npy_file import NpyFile
from ..runner import require_disk_space
from .parameter_values import ParameterValues, warn_of_degrees
from .step_feedback import StepFeedback

# Bytes a cell: the values and their mask, and the result.
LANDSCAPE_BYTES, RESULT_BYTES = 9, 8

# Bytes a cell of a GeoTIFF with its overviews, if they cannot be compressed.
GEOTIFF_BYTES = 4 * 4 / 3

# Bytes a cell of each further raster, and of a copy of it while it is resampled.
FURTHER_BYTES = 8

# Rasters that a run may be given besides the landscape, and maps that it may give back besides its first.
FURTHER_RASTERS = ("QUALITY", "SOURCE_STRENGTH", "PLACES", "CONDITION_1", "FUTURE_1", "CONDITION_2", "FUTURE_2")
FURTHER_MAPS = ("FLOW_POTENTIAL", "NORMALIZED_CURRENT")


class StreamedParameterValues(ParameterValues):
    """The inputs of one run, written into its job folder instead of into memory.

    Parameters
    ----------
    algorithm, parameters, context, feedback
        As for `ParameterValues`.
    folder
        The job folder.
    results
        The files that maps will be written into.
    """

    def __init__(
        self,
        algorithm: QgsProcessingAlgorithm,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        folder: Path,
        results: Iterable[str],
    ) -> None:
        super().__init__(algorithm, parameters, context, feedback)
        self._folder, self._results = folder, tuple(results)

    @cached_property
    def landscape(self) -> StreamedRaster:
        """The landscape, brought to the engine and checked on the way."""
        self._feedback.setProgressText(tr("Reading the landscape"))
        source = open_band(self.layer("INPUT"), self.whole_number("BAND"))
        further = sum(FURTHER_BYTES for name in FURTHER_RASTERS if self.is_provided(name))
        further += sum(RESULT_BYTES for name in FURTHER_MAPS if self.is_provided(name))
        bytes_a_cell = LANDSCAPE_BYTES + RESULT_BYTES + further
        cells = source.frame.rows * source.frame.columns
        require_disk_space(cells * bytes_a_cell, dict.fromkeys(self._results, cells * GEOTIFF_BYTES))
        raster = stream_landscape(source, self.choice("VALUES"), self._folder, StepFeedback(self._feedback, 0, 50))
        warn_of_degrees(raster.name, raster.frame, self._feedback)
        return raster

    def quality(self, name: str) -> NpyFile:
        """Bring habitat quality, on the cells of the landscape, to the engine; 0 where it has no data.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or there is no cell with quality above 0.
        """
        return self._on_the_landscape(name, tr("Reading the habitat quality"), stream_quality)

    def strengths(self, name: str) -> NpyFile:
        """Bring how strong a source each cell of the landscape is to the engine; 0 where there is no data.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or no cell is a source.
        """
        return self._on_the_landscape(name, tr("Reading the source strengths"), stream_strengths)

    def places(self, name: str) -> NpyFile:
        """Bring how much each cell of the landscape is of interest to the engine; 0 where there is no data.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or no cell is of interest.
        """
        return self._on_the_landscape(name, tr("Reading the places of interest"), stream_weights)

    def condition(self, name: str, file: str, *, classes: bool) -> NpyFile:
        """Bring a property of the cells of the landscape to the engine; NaN where it is unknown.

        Parameters
        ----------
        name
            The parameter.
        file
            Name of the file in the job folder.
        classes
            Whether its values are classes.

        Raises
        ------
        QgsProcessingException
            A value cannot be compared, or nothing is known of the landscape.
        """

        def stream(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
            return stream_condition(source, landscape, folder / file, feedback, classes=classes)

        return self._on_the_landscape(name, tr("Reading the conditions"), stream)

    def _on_the_landscape(self, name: str, text: str, stream: Callable[..., NpyFile]) -> NpyFile:
        landscape = self.landscape
        self._feedback.setProgressText(text)
        source = open_band(self.layer(name), 1)
        if not source.frame.same_grid_as(landscape.frame):
            copied = source.frame.rows * source.frame.columns
            require_disk_space(copied * FURTHER_BYTES + landscape.values.size * (FURTHER_BYTES + RESULT_BYTES))
        return stream(source, landscape, self._folder, StepFeedback(self._feedback, 50, 100))
