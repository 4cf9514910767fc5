"""The parameter values of one run, read as arrays and plain values."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)

from ..i18n import tr
from ..layers import (
    AlignedBand,
    Band,
    CellMask,
    ComputedRaster,
    FeatureReader,
    FocalNodes,
    Points,
    RasterGrid,
    StreamedRaster,
    chosen_geometry_check,
    focal_nodes_from_ids,
    mask_landscape,
    open_band,
    point_cells,
    read_focal_nodes,
    read_points,
    read_short_circuit_regions,
    read_sources,
    require_current,
    save_rows,
    stream_landscape,
    stream_point_amounts,
    stream_quality,
    stream_raster_amounts,
)
from ..npy_file import NpyFile
from ..runner import Task, require_disk_space, require_memory_for_features, require_memory_for_landscape
from .input_crs import warn_of_degrees
from .input_layers import loaded_vector
from .number_limits import require_theta_below_limit
from .parameters import UNREACHABLE
from .plain_values import PlainValues
from .step_feedback import StepFeedback

# Bytes per cell on disk: of the landscape and its mask, of each further raster, and of each result.
LANDSCAPE_BYTES, RASTER_BYTES, RESULT_BYTES = 9, 8, 8


def feature_reader(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> FeatureReader:
    """Return the features of a layer, or the rows of a table.

    Parameters
    ----------
    algorithm, parameters, context, feedback
        The algorithm, and what Processing passes to it.
    name
        Name of the parameter.

    Raises
    ------
    QgsProcessingException
        It cannot be loaded, or its file was changed after it was loaded.
    """
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        raise QgsProcessingException(algorithm.invalidSourceError(parameters, name))
    layer = loaded_vector(algorithm, parameters, name, context)
    if layer is not None:
        require_current(layer, feedback)
    return FeatureReader(source, feedback, chosen_geometry_check(parameters.get(name)))


class ParameterValues(PlainValues):
    """The inputs of one run; each is read on first use. Rasters are written to its job folder, block by block.

    Parameters
    ----------
    algorithm, parameters, context, feedback
        As for `PlainValues`.
    folder
        The job folder.
    """

    def __init__(
        self,
        algorithm: QgsProcessingAlgorithm,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        folder: Path,
    ) -> None:
        super().__init__(algorithm, parameters, context, feedback)
        self._folder = folder

    @cached_property
    def landscape(self) -> StreamedRaster:
        """The landscape, copied to the job folder and validated."""
        self._feedback.setProgressText(tr("Reading the landscape"))
        layer = self.layer("INPUT")
        self.require_memory(layer)
        source = open_band(layer, self.whole_number("BAND"))
        self.require_disk_space(source.grid.rows * source.grid.columns)
        progress = StepFeedback(self._feedback, 0, 50)
        raster = stream_landscape(source, self.choice("VALUES"), self._folder, progress)
        warn_of_degrees(raster.name, raster.grid, self._feedback)
        if self.is_provided("MASK"):
            return mask_landscape(raster, open_band(self.layer("MASK"), 1), self._folder, self._after_landscape)
        return raster

    #: Whether the run is about a landscape.
    has_landscape = True

    @property
    def grid(self) -> RasterGrid:
        """The grid of the results: that of the landscape."""
        return self.landscape.grid

    def require_memory(self, layer: QgsRasterLayer) -> None:
        """Raise an error if a landscape is too large for the free memory."""
        require_memory_for_landscape(layer)

    def require_disk_space(self, cells: int) -> None:
        """Raise an error if the disk is too full for the copy of a landscape and for a result."""
        require_disk_space(cells * (LANDSCAPE_BYTES + RESULT_BYTES))

    @property
    def _after_landscape(self) -> StepFeedback:
        """Feedback for the inputs that are read after the landscape."""
        return StepFeedback(self._feedback, 50, 100)

    @property
    def passable(self) -> ComputedRaster:
        """Passable cells, bool (rows, columns), read by rows: neither nodata nor zero permeability."""
        return self.landscape.passable

    def _cells_for_points(self) -> dict[str, Any]:
        """Return the grid, the cells with data and the barriers, which decide whether a point is on a passable cell."""
        landscape = self.landscape
        return {
            "grid": landscape.grid,
            "valid": CellMask(landscape.valid),
            "barrier": CellMask(landscape.barriers),
        }

    def _aligned_labels(self, name: str) -> AlignedBand:
        """Return the first band of a raster of labels, to be read on the grid of the landscape."""
        return AlignedBand(open_band(self.layer(name), 1), self.landscape.grid, self._folder, labels=True)

    @cached_property
    def sources(self) -> Points:
        """The cells of the source features, or of the source raster, which have neither ids nor labels."""
        if self.is_provided("SOURCES"):
            reader, regions = self.features("SOURCES"), self._algorithm.source_regions
            cells = self._cells_for_points()
            return read_sources(reader, context=self._context, feedback=self._feedback, regions=regions, **cells)
        cells = point_cells(self._aligned_labels("SOURCE_RASTER"), self.passable, self._after_landscape)
        return Points(cells=cells, ids=[], labels=[])

    def points(self, name: str) -> Points:
        """Read the cells of the points of a layer.

        Raises
        ------
        QgsProcessingException
            The layer cannot be loaded, or none of its points falls on a passable cell.
        """
        features = self.features(name)
        return read_points(features, context=self._context, feedback=self._feedback, **self._cells_for_points())

    @cached_property
    def focal(self) -> FocalNodes:
        """The focal nodes, at least two."""
        return self.focal_nodes(at_least=2)

    @cached_property
    def focal_to_targets(self) -> FocalNodes:
        """The focal nodes of paths to targets, at least one."""
        return self.focal_nodes(at_least=1)

    @cached_property
    def targets(self) -> FocalNodes:
        """The targets, at least one."""
        return self.focal_nodes(at_least=1, name="TARGETS", id_field="TARGET_ID_FIELD")

    def focal_nodes(self, *, at_least: int, name: str = "FOCAL", id_field: str = "ID_FIELD") -> FocalNodes:
        """Read focal nodes from a layer or a raster.

        Parameters
        ----------
        at_least
            Smallest allowed number of focal nodes.
        name, id_field
            Parameters of the layer and of its ID field.

        Raises
        ------
        QgsProcessingException
            As `read_focal_nodes` and `focal_nodes_from_ids`.
        """
        if name == "FOCAL" and not self.is_provided(name):
            ids = self._aligned_labels("FOCAL_RASTER")
            return focal_nodes_from_ids(ids, self.passable, self._after_landscape, at_least=at_least)
        return read_focal_nodes(
            self.features(name),
            context=self._context,
            feedback=self._feedback,
            id_field=self.field(id_field),
            at_least=at_least,
            **self._cells_for_points(),
        )

    @cached_property
    def short_circuits(self) -> NpyFile | None:
        """Numbers of the short-circuit regions, int64 (rows, columns), 0 elsewhere; None if there are none."""
        if not self.is_provided("SHORT_CIRCUITS"):
            return None
        regions = read_short_circuit_regions(
            self.features("SHORT_CIRCUITS"), self.landscape.grid, self._context, self._feedback
        )
        return save_rows(regions, self._folder / "short_circuits.npy")

    def amounts(
        self,
        points: str,
        field: str,
        raster: str,
        file: str,
        *,
        default: float,
        reciprocal: bool = False,
        shared: bool = False,
    ) -> NpyFile:
        """Write currents or ground values of features or from a raster, float64 (rows, columns), 0 elsewhere.

        Parameters
        ----------
        points, field, raster
            Names of the parameters: a layer of features, the field with their values, or a raster of values.
        file
            Name of the file in the job folder.
        default
            Value of a feature if no field is chosen.
        reciprocal
            Whether to convert resistances to conductances.
        shared
            Whether the cells of a line or polygon share its value.

        Raises
        ------
        QgsProcessingException
            As `stream_point_amounts` and `stream_raster_amounts`.
        """
        if not self.is_provided(points):
            source = open_band(self.layer(raster), 1)
            self._require_disk_space_for(source)
            return stream_raster_amounts(
                source, self.landscape, self._folder / file, self._after_landscape, reciprocal=reciprocal
            )
        return stream_point_amounts(
            self.features(points),
            self.landscape,
            self._folder / file,
            self._context,
            self._feedback,
            field=self.field(field),
            default=default,
            reciprocal=reciprocal,
            shared=shared,
        )

    def features(self, name: str) -> FeatureReader:
        """Return the features of a layer.

        Raises
        ------
        QgsProcessingException
            It cannot be loaded.
        """
        reader = feature_reader(self._algorithm, self._parameters, name, self._context, self._feedback)
        require_memory_for_features(reader.source)
        return reader

    def quality(self, name: str) -> NpyFile:
        """Copy habitat quality, on the grid of the landscape, to the job folder; 0 for nodata.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or there is no cell with quality above 0.
        """
        return self.stream_to_grid(name, tr("Reading the habitat quality"), stream_quality)

    def stream_to_grid(self, name: str, text: str, stream: Callable[..., NpyFile]) -> NpyFile:
        """Copy the first band of a raster, on the grid of the landscape, to the job folder.

        Parameters
        ----------
        name
            Name of the parameter.
        text
            Progress text for the user.
        stream
            Copies a band, given the landscape, the folder and the feedback.
        """
        landscape = self.landscape
        self._feedback.setProgressText(text)
        source = open_band(self.layer(name), 1)
        self._require_disk_space_for(source)
        return stream(source, landscape, self._folder, self._after_landscape)

    def _require_disk_space_for(self, source: Band) -> None:
        """Raise an error if the disk is too full for a raster and, if it must be resampled, for its copy."""
        grid, needed = self.landscape.grid, 0
        if not source.grid.same_grid_as(grid):
            needed = source.grid.rows * source.grid.columns * RASTER_BYTES
        require_disk_space(needed + grid.rows * grid.columns * (RASTER_BYTES + RESULT_BYTES))

    @property
    def keeps_infinity(self) -> bool:
        """Whether cells without a finite value are written as infinity rather than nodata."""
        defined = self._algorithm.parameterDefinition(UNREACHABLE) is not None
        return defined and self.choice(UNREACHABLE) == "infinity"

    def task(
        self,
        name: str,
        arrays: dict[str, np.ndarray] | None = None,
        *,
        rasters: tuple[str, ...] | None = None,
        **parameters: Any,
    ) -> Task:
        """Make a task on the landscape.

        Parameters
        ----------
        name
            Name of the engine's task, see the developer guide.
        arrays, parameters
            Input arrays and parameters besides those of the landscape.
        rasters
            Outputs on the grid of the landscape; None means all of them.
        """
        raster = self.landscape
        # A task with θ but without a choice of the distance is about randomized shortest paths.
        if parameters.get("distance", "rsp") == "rsp" and "theta" in parameters and parameters.get("cost") == "inverse":
            require_theta_below_limit(parameters["theta"], raster, self.choice("VALUES"))
        return Task(
            name,
            {
                "values": self.choice("VALUES"),
                "neighbors": self.choice("NEIGHBORS"),
                "edge_rule": self.choice("EDGE_RULE"),
                "pixel_size": list(raster.grid.pixel_size),
                **parameters,
            },
            {"landscape": raster.values, "valid": raster.valid, **(arrays or {})},
            rasters,
            raster.name,
        )

    def length(self, name: str, *, margin: int = 0, factor: float = 1.0) -> float:
        """Return a length, at most the diagonal of the landscape: a longer one includes no more cells.

        Parameters
        ----------
        name
            Name of the parameter.
        margin
            Rows and columns by which the landscape is extended.
        factor
            Multiple of the diagonal to which the length is limited.
        """
        grid = self.landscape.grid
        height, width = grid.pixel_size
        diagonal = math.hypot((grid.rows + margin) * height, (grid.columns + margin) * width)
        return min(self.number(name), factor * diagonal)
