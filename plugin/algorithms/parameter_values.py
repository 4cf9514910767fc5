"""The parameter values of one run, read as arrays and plain values."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from qgis.core import (
    NULL,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)

from ..i18n import tr
from ..layers import (
    FeatureReader,
    FocalNodes,
    Points,
    QualityValidator,
    Raster,
    RasterGrid,
    align,
    chosen_geometry_check,
    focal_nodes_from_ids,
    point_cells,
    read_focal_nodes,
    read_points,
    read_raster,
    read_short_circuit_regions,
    require_current,
    require_no_nan,
    sum_point_amounts,
    sum_raster_amounts,
    validate_landscape,
)
from ..runner import Task, require_memory_for_features, require_memory_for_landscape
from .input_layers import loaded_vector
from .number_limits import require_theta_below_limit
from .parameters import UNREACHABLE


def is_provided(parameters: dict, name: str) -> bool:
    """Return whether an optional parameter has a value; the dialog passes an unused list as a single empty cell."""
    value = parameters.get(name)
    if isinstance(value, list):
        return any(cell not in (None, NULL, "") for cell in value)
    is_null = getattr(value, "isNull", lambda: False)
    return value is not None and value != "" and not is_null()


def warn_of_degrees(name: str, grid: RasterGrid, feedback: QgsProcessingFeedback) -> None:
    """Warn that distances are in degrees if a raster has a geographic coordinate system."""
    if grid.crs.isGeographic():
        feedback.pushWarning(
            tr(
                "'{name}' is in degrees ({crs}): distances, ranges and radii are in degrees as well, and a degree east "
                "is taken to be as long as a degree north. Reproject the raster to a projected coordinate system to "
                "use metres."
            ).format(name=name, crs=grid.crs.authid())
        )


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


class ParameterValues:
    """The inputs of one run; each is read on first use.

    Parameters
    ----------
    algorithm
        The algorithm that defines the parameters.
    parameters, context, feedback
        As passed to the algorithm by Processing.
    """

    def __init__(
        self,
        algorithm: QgsProcessingAlgorithm,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        self._algorithm = algorithm
        self._parameters = parameters
        self._context = context
        self._feedback = feedback

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as passed by Processing."""
        return self._parameters

    @property
    def feedback(self) -> QgsProcessingFeedback:
        """Receives progress and warnings."""
        return self._feedback

    @cached_property
    def landscape(self) -> Raster:
        """The landscape, read and validated."""
        self._feedback.setProgressText(tr("Reading the landscape"))
        layer = self.layer("INPUT")
        rasters = [each.name() for each in self._algorithm.parameterDefinitions() if each.type() == "raster"]
        require_memory_for_landscape(layer, sum(self.is_provided(name) for name in rasters) - 1)
        raster = read_raster(layer, self.whole_number("BAND"), self._feedback)
        validate_landscape(raster, self.choice("VALUES"))
        warn_of_degrees(raster.name, raster.grid, self._feedback)
        return self._masked(raster) if self.is_provided("MASK") else raster

    def _masked(self, raster: Raster) -> Raster:
        """Set cells outside the mask (nodata, 0 or less) to nodata."""
        mask = align(self.layer("MASK"), 1, raster.grid, self._feedback, nearest=True)
        require_no_nan(mask)
        valid = raster.valid & mask.valid & (mask.values > 0)
        if not valid.any():
            text = tr("The mask '{mask}' excludes all cells of '{layer}': it must be above 0 in the cells to include.")
            raise QgsProcessingException(text.format(mask=mask.name, layer=raster.name))
        return Raster(raster.name, np.where(valid, raster.values, np.nan), valid, raster.grid)

    @property
    def passable(self) -> np.ndarray:
        """Passable cells, bool (rows, columns): neither nodata nor zero permeability."""
        raster = self.landscape
        return raster.valid & (raster.values > 0)

    @cached_property
    def sources(self) -> Points:
        """The cells of the source points, or of the source raster, which have neither ids nor labels."""
        if self.is_provided("SOURCES"):
            return self.points("SOURCES")
        layer = self.layer("SOURCE_RASTER")
        marks = align(layer, 1, self.landscape.grid, self._feedback, labels=True)
        cells = point_cells(marks, self.passable, self._feedback)
        return Points(cells=cells, ids=[], labels=[])

    def points(self, name: str) -> Points:
        """Read the cells of the points of a layer.

        Raises
        ------
        QgsProcessingException
            The layer cannot be loaded, or none of its points falls on a passable cell.
        """
        return read_points(
            self.features(name),
            self.landscape.grid,
            self.landscape.valid,
            self._context,
            self._feedback,
            barrier=self.landscape.valid & ~self.passable,
        )

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
            ids = align(self.layer("FOCAL_RASTER"), 1, self.landscape.grid, self._feedback, labels=True)
            return focal_nodes_from_ids(ids, self.passable, self._feedback, at_least=at_least)
        return read_focal_nodes(
            self.features(name),
            self.landscape.grid,
            self.landscape.valid,
            self._context,
            self._feedback,
            barrier=self.landscape.valid & ~self.passable,
            id_field=self.text(id_field) if self.is_provided(id_field) else "",
            at_least=at_least,
        )

    @cached_property
    def short_circuits(self) -> np.ndarray | None:
        """Numbers of the short-circuit regions, int64 (rows, columns), 0 elsewhere; None if there are none."""
        if not self.is_provided("SHORT_CIRCUITS"):
            return None
        return read_short_circuit_regions(
            self.features("SHORT_CIRCUITS"), self.landscape.grid, self._context, self._feedback
        )

    def amounts(self, points: str, field: str, raster: str, *, default: float, reciprocal: bool = False) -> np.ndarray:
        """Read currents or ground values at points or from a raster, float64 (rows, columns); 0 elsewhere.

        Parameters
        ----------
        points, field, raster
            Names of the parameters: a layer of points, the field with their values, or a raster of values.
        default
            Value of a point if no field is chosen.
        reciprocal
            Whether to convert resistances to conductances.

        Raises
        ------
        QgsProcessingException
            As `sum_point_amounts` and `sum_raster_amounts`.
        """
        if not self.is_provided(points):
            values = sum_raster_amounts(self.layer(raster), self.landscape.grid, self._feedback)
            if reciprocal:
                with np.errstate(divide="ignore"):
                    values = 1 / np.abs(values) * np.where(values < 0, -1.0, 1.0)
            return np.where(np.isnan(values), 0.0, values)
        return sum_point_amounts(
            self.features(points),
            self.landscape.grid,
            self.passable,
            self._context,
            self._feedback,
            field=self.text(field) if self.is_provided(field) else "",
            default=default,
            reciprocal=reciprocal,
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

    def quality(self, name: str) -> np.ndarray:
        """Read habitat quality onto the cells of the landscape, float64 (rows, columns); 0 where it has no data.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or there is no cell with quality above 0.
        """
        raster = align(self.layer(name), 1, self.landscape.grid, self._feedback)
        validator = QualityValidator(raster.name, self.landscape.name)
        values = validator.add(raster.values, raster.valid, self.passable)
        validator.require_valid()
        validator.report(self._feedback)
        return values

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
        # Tasks without a choice of the distance that have θ are about randomized shortest paths.
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

    def is_provided(self, name: str) -> bool:
        """Return whether an optional parameter has a value."""
        return is_provided(self._parameters, name)

    def layer(self, name: str) -> QgsRasterLayer:
        """Return a raster layer.

        Raises
        ------
        QgsProcessingException
            It cannot be loaded.
        """
        layer = self._algorithm.parameterAsRasterLayer(self._parameters, name, self._context)
        if layer is None:
            raise QgsProcessingException(self._algorithm.invalidRasterError(self._parameters, name))
        return layer

    def choice(self, name: str) -> str:
        """Return the value of a choice."""
        return self._algorithm.parameterAsEnumString(self._parameters, name, self._context)

    def number(self, name: str) -> float:
        """Return a number."""
        return self._algorithm.parameterAsDouble(self._parameters, name, self._context)

    def length(self, name: str, *, margin: int = 0, factor: float = 1.0) -> float:
        """Return a length within which cells are included; one beyond the landscape includes all of it.

        Parameters
        ----------
        name
            Name of the parameter.
        margin, factor
            Cells beyond the landscape, and multiple of its diagonal, up to which a longer length makes a difference.
        """
        grid = self.landscape.grid
        height, width = grid.pixel_size
        diagonal = math.hypot((grid.rows + margin) * height, (grid.columns + margin) * width)
        return min(self.number(name), factor * diagonal)

    def whole_number(self, name: str) -> int:
        """Return a whole number."""
        return self._algorithm.parameterAsInt(self._parameters, name, self._context)

    def text(self, name: str) -> str:
        """Return text without leading and trailing spaces."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context).strip()

    def flag(self, name: str) -> bool:
        """Return the value of a check box."""
        return self._algorithm.parameterAsBoolean(self._parameters, name, self._context)
