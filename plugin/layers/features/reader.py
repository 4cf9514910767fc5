"""Features of a layer, or rows of a table, as an algorithm reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsWkbTypes,
)

from ...cancelled import stop_if_cancelled
from ...i18n import tr
from .attributes import id_of
from .lists import listed


class FeatureReader:
    """Reads the features of a layer or the rows of a table.

    Geometries are returned as they are. QGIS would check them on the way and, at the first polygon that crosses itself,
    stop; in algorithms written in Python its second stop in a session is a segmentation fault.

    Parameters
    ----------
    source
        The layer or table as passed by Processing.
    feedback
        Can cancel the reading.
    geometry_check
        What the user has chosen to do with invalid geometries, see `chosen_geometry_check`.

    Attributes
    ----------
    source
        The layer or table.
    name
        Its name, for messages.
    geometry_check
        As above.
    """

    def __init__(
        self, source: QgsProcessingFeatureSource, feedback: QgsProcessingFeedback, geometry_check: str = "repair"
    ) -> None:
        self.source, self.name, self._feedback = source, source.sourceName(), feedback
        self.geometry_check = geometry_check

    @property
    def geometry_type(self) -> QgsWkbTypes.GeometryType:
        """Type of the geometries: points, lines or polygons."""
        return QgsWkbTypes.geometryType(self.source.wkbType())

    @property
    def is_empty(self) -> bool:
        """Whether the layer has no features, or none is selected."""
        return self.source.featureCount() == 0

    def features(self, *, geometry: bool = True) -> Iterator[QgsFeature]:
        """Yield the features, without their geometry if an algorithm does not need it.

        Raises
        ------
        QgsProcessingException
            The layer should have features, but none can be read.
        Cancelled
            If the user cancelled.
        """
        request = QgsFeatureRequest()
        if not geometry:
            request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
        count = 0
        without_check = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        for feature in self.source.getFeatures(request, without_check):
            stop_if_cancelled(self._feedback)
            count += 1
            yield feature
        if not count and self.source.featureCount() > 0:
            raise QgsProcessingException(
                tr(
                    "None of the {count:# feature|# features} of '{layer}' can be read. Was its file deleted, moved or "
                    "replaced after the layer was loaded? Load the layer again."
                ).format(layer=self.name, count=self.source.featureCount())
            )

    def field_index(self, name: str) -> int:
        """Return the index of a field.

        Raises
        ------
        QgsProcessingException
            There is no such field; the message lists those that there are.
        """
        index = self.source.fields().lookupField(name)
        if index < 0:
            names = ", ".join(self.source.fields().names()) or tr("none")
            raise QgsProcessingException(
                tr("'{layer}' has no field '{field}'. Its fields are: {names}. Choose one of them.").format(
                    layer=self.name, field=name, names=names
                )
            )
        return index

    def ids(self, field: str) -> dict[int, int | str]:
        """Return the id of each feature by its feature id: the value of a field, or the feature id without a field.

        Raises
        ------
        QgsProcessingException
            There is no such field, or a feature has no id in it; the message lists the features.
        """
        if not field:
            return {feature.id(): feature.id() for feature in self.features(geometry=False)}
        index = self.field_index(field)
        ids: dict[int, Any] = {}
        unsuitable: list[int] = []
        for feature in self.features(geometry=False):
            try:
                ids[feature.id()] = id_of(feature.attribute(index))
            except TypeError:
                unsuitable.append(feature.id())
        empty = [feature_id for feature_id, value in ids.items() if value is None]
        for message, features in (
            (tr("holds no number, text or date in"), unsuitable),
            (tr("is empty in"), empty),
        ):
            if features:
                text = tr("'{layer}': the id field '{field}' {problem} {features}. {advice}")
                raise QgsProcessingException(
                    text.format(
                        layer=self.name,
                        field=field,
                        problem=message,
                        features=listed(tr("the following"), features),
                        advice=tr("Fill it in, or choose another field."),
                    )
                )
        return ids


def chosen_geometry_check(value: Any) -> str:
    """Return what the user has chosen to do with the invalid geometries of a layer in its advanced options.

    Parameters
    ----------
    value
        The parameter as passed by Processing.

    Returns
    -------
    str
        ``"skip"`` or ``"stop"``; ``"repair"`` if nothing, or no check, is chosen.
    """
    definition = QgsProcessingFeatureSourceDefinition
    if not isinstance(value, definition) or not value.flags & definition.Flag.FlagOverrideDefaultGeometryCheck:
        return "repair"
    checks = QgsFeatureRequest.InvalidGeometryCheck
    chosen = {checks.GeometrySkipInvalid: "skip", checks.GeometryAbortOnInvalid: "stop"}
    return chosen.get(value.geometryCheck, "repair")
