"""The parameter values of one run that need no reading: numbers, choices, texts and layers."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    NULL,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)

from ..layers import warn_about_other_bands
from .input_layers import rasters_with_bands


def is_provided(parameters: dict, name: str) -> bool:
    """Return whether an optional parameter has a value; the dialog passes an unused list as a single empty cell."""
    value = parameters.get(name)
    if isinstance(value, list):
        return any(cell not in (None, NULL, "") for cell in value)
    is_null = getattr(value, "isNull", lambda: False)
    return value is not None and not (isinstance(value, str) and not value) and not is_null()


class PlainValues:
    """The parameter values of one run, as plain values and layers.

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
        self._opened: set[str] = set()

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as passed by Processing."""
        return self._parameters

    @property
    def feedback(self) -> QgsProcessingFeedback:
        """Receives progress and warnings."""
        return self._feedback

    def is_provided(self, name: str) -> bool:
        """Return whether an optional parameter has a value."""
        return is_provided(self._parameters, name)

    def has_parameter(self, name: str) -> bool:
        """Return whether the algorithm has a parameter."""
        return self._algorithm.parameterDefinition(name) is not None

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
        if name not in self._opened and name not in rasters_with_bands(self._algorithm):
            warn_about_other_bands(layer, self._feedback)
        self._opened.add(name)
        return layer

    def choice(self, name: str) -> str:
        """Return the value of a choice."""
        return self._algorithm.parameterAsEnumString(self._parameters, name, self._context)

    def number(self, name: str) -> float:
        """Return a number."""
        return self._algorithm.parameterAsDouble(self._parameters, name, self._context)

    def whole_number(self, name: str) -> int:
        """Return a whole number."""
        return self._algorithm.parameterAsInt(self._parameters, name, self._context)

    def text(self, name: str) -> str:
        """Return text without leading and trailing spaces."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context).strip()

    def field(self, name: str) -> str:
        """Return the name of a field, which may begin or end with spaces; empty if none is chosen."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context)

    def flag(self, name: str) -> bool:
        """Return the value of a check box."""
        return self._algorithm.parameterAsBoolean(self._parameters, name, self._context)
