"""The landscape that is chosen in a dialog: its unit of length, and what its bands mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

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
from ...plugin.layers import no_statistics_file
from ..band_meaning import band_meaning


@dataclass(frozen=True)
class RasterFacts:
    """What a dialog needs to know about a raster.

    Parameters
    ----------
    unit
        Unit of the coordinates, one of QGIS's; None if the coordinate system is unknown.
    meanings
        For each band "permeability" or "resistance" if it is called so, else empty.
    """

    unit: Any
    meanings: tuple[str, ...]


def landscape_wrapper(
    wrappers: Sequence[QgsAbstractProcessingParameterWidgetWrapper], name: str = "INPUT"
) -> QgsAbstractProcessingParameterWidgetWrapper | None:
    """Return the widget of the landscape, or of another parameter; None if there is none."""
    return next((each for each in wrappers if each.parameterDefinition().name() == name), None)


def chosen_raster(wrapper: QgsAbstractProcessingParameterWidgetWrapper | None) -> RasterFacts | None:
    """Return the facts about the raster chosen in a widget; None if there is none or it cannot be opened."""
    value = wrapper.parameterValue() if wrapper is not None else None
    if isinstance(value, QgsProperty):
        return None
    if isinstance(value, str) and value:
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        layer = QgsProcessingUtils.mapLayerFromString(value, context, False)
        if layer is None:
            return _facts_of_file(value, _modified(value))
        value = layer
    return _facts(value) if isinstance(value, QgsRasterLayer) and value.isValid() else None


def unit_of_length(raster: RasterFacts | None) -> str:
    """Return the name of the unit of a landscape's coordinates."""
    return tr("map units") if raster is None or raster.unit is None else QgsUnitTypes.toString(raster.unit)


def _facts(layer: QgsRasterLayer) -> RasterFacts:
    unit = layer.crs().mapUnits() if layer.crs().isValid() else None
    meanings = tuple(band_meaning(layer, number) for number in range(1, layer.bandCount() + 1))
    return RasterFacts(unit, meanings)


@lru_cache(maxsize=32)
def _facts_of_file(path: str, modified: float) -> RasterFacts | None:
    """Open a file and close it again."""
    with no_statistics_file(path.split("|")[0]):
        layer = QgsRasterLayer(path, "", "gdal", QgsRasterLayer.LayerOptions(False))
        facts = _facts(layer) if layer.isValid() else None
        del layer
    return facts


def _modified(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except (OSError, ValueError):
        return 0.0
