"""Whether coordinates can be transformed from one coordinate reference system to another."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsProcessingException,
)

from ..i18n import tr


def require_transformation(
    name: str, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> None:
    """Raise an error if no transformation leads from one CRS to another, such as from a local system of a surveyor.

    QGIS and GDAL would leave the coordinates as they are. A layer without a CRS is assumed to have that of the other.

    Parameters
    ----------
    name
        Name of the layer, for the message.
    source, target
        CRS of the layer, and that of the landscape.

    Raises
    ------
    QgsProcessingException
        Both systems are known and differ, and there is no transformation.
    """
    if not source.isValid() or not target.isValid() or source == target:
        return
    transform = QgsCoordinateTransform(source, target, QgsCoordinateTransformContext())
    if transform.isValid() and not transform.isShortCircuited():
        return
    raise QgsProcessingException(
        tr(
            "'{layer}' has the coordinate reference system {source}, from which no transformation to that of the "
            "landscape, {target}, is known. If the coordinates are in fact those of the landscape, assign its CRS with "
            "Layer ▸ Set CRS of Layer(s); otherwise georeference the layer."
        ).format(layer=name, source=_title(source), target=_title(target))
    )


def _title(crs: QgsCoordinateReferenceSystem) -> str:
    return crs.userFriendlyIdentifier()
