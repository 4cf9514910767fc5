"""The landscape that is chosen in a dialog: its unit of length, its number of bands, what its bands are called."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingUtils,
    QgsProject,
    QgsProperty,
    QgsRasterLayer,
    QgsUnitTypes,
)
from qgis.gui import QgsAbstractProcessingParameterWidgetWrapper

from ...plugin.i18n import tr


def landscape_wrapper(
    wrappers: Sequence[QgsAbstractProcessingParameterWidgetWrapper], name: str = "INPUT"
) -> QgsAbstractProcessingParameterWidgetWrapper | None:
    """Return the widget of the landscape, or of another parameter; None if there is none."""
    return next((each for each in wrappers if each.parameterDefinition().name() == name), None)


def chosen_raster(wrapper: QgsAbstractProcessingParameterWidgetWrapper | None) -> QgsRasterLayer | None:
    """Return the raster that is chosen in a widget; None if there is none or it cannot be opened."""
    value = wrapper.parameterValue() if wrapper is not None else None
    if isinstance(value, QgsProperty):
        return None
    if isinstance(value, QgsRasterLayer):
        return value
    if not isinstance(value, str) or not value:
        return None
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    layer = QgsProcessingUtils.mapLayerFromString(value, context, False) or _opened(value)
    return layer if isinstance(layer, QgsRasterLayer) and layer.isValid() else None


def unit_of_length(wrapper: QgsAbstractProcessingParameterWidgetWrapper | None) -> str:
    """Return the name of the unit of the chosen landscape's coordinates."""
    layer = chosen_raster(wrapper)
    if layer is None or not layer.crs().isValid():
        return tr("map units")
    return QgsUnitTypes.toString(layer.crs().mapUnits())


@lru_cache(maxsize=8)
def _opened(path: str) -> QgsRasterLayer:
    """Open a file without its style, for which QGIS would compute statistics and write them beside the file."""
    return QgsRasterLayer(path, "", "gdal", QgsRasterLayer.LayerOptions(False))
