"""What the user chose for one run, read as arrays and plain values."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)

from ..layers import (
    FocalNodes,
    Frame,
    Points,
    QualityCheck,
    Raster,
    align,
    cells_of,
    check_landscape,
    focal_nodes_of,
    read_focal_nodes,
    read_points,
    read_raster,
)
from ..runner import Task
from ..translation import tr


def is_given(parameters: dict, name: str) -> bool:
    """Return whether an optional parameter was filled in."""
    value = parameters.get(name)
    is_null = getattr(value, "isNull", lambda: False)
    return value is not None and value != "" and not is_null()


def warn_of_degrees(name: str, frame: Frame, feedback: QgsProcessingFeedback) -> None:
    """Say what follows for the distances where a raster is not in a projected coordinate system."""
    if frame.crs.isGeographic():
        feedback.pushWarning(
            tr(
                "'{name}' is in degrees ({crs}), so distances are in degrees too, and a degree east is taken to be "
                "as long as a degree north. Reproject the raster to a projected coordinate system for metres."
            ).format(name=name, crs=frame.crs.authid())
        )


class Inputs:
    """The inputs of one run; each is read when it is first asked for.

    Parameters
    ----------
    algorithm
        Whose parameters they are.
    parameters, context, feedback
        As Processing hands them to an algorithm.
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
        """The parameters as Processing handed them over."""
        return self._parameters

    @cached_property
    def landscape(self) -> Raster:
        """The landscape, read and checked."""
        self._feedback.setProgressText(tr("Reading the landscape"))
        raster = read_raster(self.layer("INPUT"), self.whole_number("BAND"), self._feedback)
        check_landscape(raster, self.choice("VALUES"))
        warn_of_degrees(raster.name, raster.frame, self._feedback)
        return raster

    @property
    def crossable(self) -> np.ndarray:
        """Where the landscape can be crossed, bool (rows, columns): neither nodata nor zero permeability."""
        raster = self.landscape
        return raster.valid & (raster.values > 0)

    @cached_property
    def sources(self) -> Points:
        """The cells of the source points, or of the source raster."""
        if self.is_given("SOURCES"):
            return self.points("SOURCES")
        layer = self.layer("SOURCE_RASTER")
        marks = align(layer, 1, self.landscape.frame, self._feedback)
        cells = cells_of(marks, self.crossable, self._feedback)
        # A cell has no feature id; it is named by where it is, counted from 1 as in every message.
        labels = [tr("row {}, column {}").format(row + 1, column + 1) for row, column in cells.tolist()]
        return Points(cells=cells, ids=[], labels=labels)

    def points(self, name: str) -> Points:
        """Read the cells of the points of a layer.

        Raises
        ------
        QgsProcessingException
            The layer cannot be loaded, or none of its points falls on a cell that can be crossed.
        """
        source = self._algorithm.parameterAsSource(self._parameters, name, self._context)
        if source is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, name))
        return read_points(
            source,
            self.landscape.frame,
            self.landscape.valid,
            self._context,
            self._feedback,
            source.sourceName(),
            barrier=self.landscape.valid & ~self.crossable,
        )

    @cached_property
    def focal(self) -> FocalNodes:
        """The focal nodes: points or polygons, or a raster of ids; two or more."""
        return self.focal_nodes(at_least=2)

    def focal_nodes(self, *, at_least: int) -> FocalNodes:
        """Read focal nodes from the layer or the raster that was given.

        Parameters
        ----------
        at_least
            How many are needed.

        Raises
        ------
        QgsProcessingException
            As `read_focal_nodes` and `focal_nodes_of`.
        """
        if not self.is_given("FOCAL"):
            ids = align(self.layer("FOCAL_RASTER"), 1, self.landscape.frame, self._feedback)
            return focal_nodes_of(ids, self.crossable, self._feedback, at_least=at_least)
        source = self._algorithm.parameterAsSource(self._parameters, "FOCAL", self._context)
        if source is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, "FOCAL"))
        return read_focal_nodes(
            source,
            self.landscape.frame,
            self.landscape.valid,
            self._context,
            self._feedback,
            source.sourceName(),
            barrier=self.landscape.valid & ~self.crossable,
            id_field=self.text("ID_FIELD") if self.is_given("ID_FIELD") else "",
            at_least=at_least,
        )

    def quality(self, name: str) -> np.ndarray:
        """Read habitat quality onto the cells of the landscape, float64 (rows, columns); 0 where it has no data.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or there is no cell with quality above 0.
        """
        raster = align(self.layer(name), 1, self.landscape.frame, self._feedback)
        check = QualityCheck(raster.name, self.landscape.name)
        values = check.add(raster.values, raster.valid, self.crossable)
        check.refuse()
        check.report(self._feedback)
        return values

    def task(self, name: str, arrays: dict[str, np.ndarray] | None = None, **parameters: Any) -> Task:
        """Make a task about the landscape, with what every such task has.

        Parameters
        ----------
        name
            As in the developer guide.
        arrays, parameters
            What the task has besides.
        """
        raster = self.landscape
        return Task(
            name,
            {
                "values": self.choice("VALUES"),
                "neighbors": self.choice("NEIGHBORS"),
                "edge_rule": self.choice("EDGE_RULE"),
                "pixel_size": list(raster.frame.pixel_size),
                **parameters,
            },
            {"landscape": raster.values, "valid": raster.valid, **(arrays or {})},
        )

    def is_given(self, name: str) -> bool:
        """Return whether an optional parameter was filled in."""
        return is_given(self._parameters, name)

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
        """Return the word chosen."""
        return self._algorithm.parameterAsEnumString(self._parameters, name, self._context)

    def number(self, name: str) -> float:
        """Return a number."""
        return self._algorithm.parameterAsDouble(self._parameters, name, self._context)

    def whole_number(self, name: str) -> int:
        """Return a whole number."""
        return self._algorithm.parameterAsInt(self._parameters, name, self._context)

    def text(self, name: str) -> str:
        """Return words as they were typed, without spaces around them."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context).strip()

    def flag(self, name: str) -> bool:
        """Return a yes or no."""
        return self._algorithm.parameterAsBoolean(self._parameters, name, self._context)
