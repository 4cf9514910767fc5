"""The parameter values of a run with moving windows, on rasters of any size."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..layers import Band, StreamedRaster, stream_condition, stream_strengths, stream_weights
from ..npy_file import NpyFile
from ..runner import require_disk_space
from .parameter_values import LANDSCAPE_BYTES, RASTER_BYTES, RESULT_BYTES, ParameterValues

# Bytes per cell of a GeoTIFF with overviews, if it cannot be compressed.
GEOTIFF_BYTES = 4 * 4 / 3

# Optional input rasters besides the landscape, and optional output rasters besides the main one.
OPTIONAL_INPUTS = ("QUALITY", "SOURCE_STRENGTH", "PLACES", "CONDITION_1", "FUTURE_1", "CONDITION_2", "FUTURE_2")
OPTIONAL_OUTPUTS = ("FLOW_POTENTIAL", "NORMALIZED_CURRENT")


class StreamedParameterValues(ParameterValues):
    """The inputs of one run on a raster of any size, which the engine reads in blocks as well.

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
        super().__init__(algorithm, parameters, context, feedback, folder)
        self._output_paths = tuple(output_paths)

    def require_memory(self, layer: QgsRasterLayer) -> None:
        """Accept any landscape: it is never held in memory as a whole."""

    def require_disk_space(self, cells: int) -> None:
        """Raise an error if the disk is too full for the copies of all rasters and for all results."""
        optional = sum(RASTER_BYTES for name in OPTIONAL_INPUTS if self.is_provided(name))
        optional += sum(RESULT_BYTES for name in OPTIONAL_OUTPUTS if self.is_provided(name))
        bytes_per_cell = LANDSCAPE_BYTES + RESULT_BYTES + optional
        require_disk_space(cells * bytes_per_cell, dict.fromkeys(self._output_paths, cells * GEOTIFF_BYTES))

    def strengths(self, name: str) -> NpyFile:
        """Copy the source strength of each cell to the job folder; 0 for nodata.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or no cell is a source.
        """
        return self.stream_to_grid(name, tr("Reading the source strengths"), stream_strengths)

    def weights(self, name: str) -> NpyFile:
        """Copy the weight of each cell as a place of interest to the job folder; 0 for nodata.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or all are 0.
        """
        return self.stream_to_grid(name, tr("Reading the places of interest"), stream_weights)

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

        return self.stream_to_grid(name, tr("Reading the conditions"), stream)
