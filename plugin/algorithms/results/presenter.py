"""The names, tags and layer styles of the results of one run."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsLayerMetadata,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSink,
)

from ...i18n import tr
from ..renderers import Style
from .layer_names import subject_of
from .loading import Presentation, group_name, show_when_loaded
from .provenance import provenance_of

# Points and lines are shown above rasters, and tables come last.
VECTORS, RASTERS, TABLES = 0, 100, 200


class ResultPresenter:
    """What the results of a run are called, how they were made, and how QGIS shows them.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it.
    group
        Name of the group of its layers; by default the algorithm, the layer that the run is about, and the time.

    Attributes
    ----------
    provenance
        How the results are made.
    group
        Name of the group of its layers.
    """

    def __init__(
        self,
        algorithm: QgsProcessingAlgorithm,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        group: str = "",
    ) -> None:
        self._algorithm, self._context = algorithm, context
        self._subject = subject_of(algorithm, parameters, context)
        self.provenance = provenance_of(algorithm, parameters, context)
        self.group = group or group_name(self._with_subject(algorithm.displayName()), self.provenance.date)

    def name(self, output: str, title: str = "") -> str:
        """Return the name of an output's layer: what it shows, and for which places or landscape.

        Parameters
        ----------
        output
            Name of the output parameter.
        title
            What it shows; by default the label of the parameter.
        """
        return self._with_subject(title or self._algorithm.parameterDefinition(output).description())

    def tags(self, output: str, title: str = "") -> dict[str, str]:
        """Return the tags of an output's file; see `name`."""
        return self.provenance.tags(self.name(output, title))

    def metadata(self, output: str, title: str = "") -> QgsLayerMetadata:
        """Return the metadata of an output's layer; see `name`."""
        return self.provenance.metadata(self.name(output, title))

    def show(self, output: str, path: str, style: Style | None, title: str = "", *, on_top: bool = False) -> None:
        """Have QGIS show an output, if it loads it, with its name, group, style and metadata.

        Parameters
        ----------
        output
            Name of the output parameter.
        path
            The output as the algorithm returns it.
        style
            Layer style; None for QGIS's own.
        title
            What it shows; by default the label of the parameter.
        on_top
            Whether its layer lies above all others of the run.
        """
        position = VECTORS if on_top else self._position(output)
        label = self._algorithm.parameterDefinition(output).description()
        name, metadata = self.name(output, title), self.metadata(output, title)
        presentation = Presentation(name, label, self.group, position, style, metadata)
        show_when_loaded(path, presentation, self._context)

    def _with_subject(self, title: str) -> str:
        return tr("{title}, {subject}").format(title=title, subject=self._subject) if self._subject else title

    def _position(self, output: str) -> int:
        definition = self._algorithm.parameterDefinition(output)
        kind = RASTERS
        if isinstance(definition, QgsProcessingParameterFeatureSink):
            kind = TABLES if definition.dataType() == QgsProcessing.SourceType.TypeVector else VECTORS
        outputs = [each.name() for each in self._algorithm.destinationParameterDefinitions()]
        return kind + 1 + outputs.index(output)
