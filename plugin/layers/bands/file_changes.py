"""Files that were replaced after their layer was loaded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsProviderRegistry,
    QgsRasterDataProvider,
    QgsRasterLayer,
)

from ...i18n import tr
from ..main_thread import in_main_thread
from .virtual_sources import require_same_sources

# Corners may differ by this fraction of a pixel: formats keep them with rounding errors.
TOLERANCE = 0.01


def require_unchanged(layer: QgsRasterLayer, path: str) -> None:
    """Raise an error if a file holds another grid, or no raster any more, than when its layer was loaded.

    Parameters
    ----------
    layer
        The layer, of QGIS's provider for GDAL.
    path
        Its file.

    Raises
    ------
    QgsProcessingException
        The file was replaced; QGIS would go on to show the old data.
    """
    now = opened_again(layer.dataProvider())
    if now is None or not now.isValid():
        text = tr(
            "'{layer}': its file '{path}' can no longer be read as a raster: it was replaced or damaged after the "
            "layer was loaded. Restore the file, or remove the layer from the project."
        )
        raise QgsProcessingException(text.format(layer=layer.name(), path=path))
    if changes := list(_changes(layer, now)):
        raise QgsProcessingException(
            tr(
                "'{layer}': its file was replaced after the layer was loaded ({changes}). Remove the layer from the "
                "project and add it again."
            ).format(layer=layer.name(), changes="; ".join(changes))
        )
    require_same_sources(layer.name(), path)


def missing_file_error(layer: QgsRasterLayer, path: str) -> QgsProcessingException:
    """Return the error about a layer whose file no longer exists."""
    text = tr("'{layer}': its file '{path}' no longer exists. Restore the file, or remove the layer.")
    return QgsProcessingException(text.format(layer=layer.name(), path=path))


def opened_again(provider: QgsRasterDataProvider) -> QgsRasterDataProvider | None:
    """Open the source of a layer as it is now; the main thread first, as always (see `in_main_thread`)."""

    def opened() -> QgsRasterDataProvider | None:
        return QgsProviderRegistry.instance().createProvider(provider.name(), provider.dataSourceUri())

    def open_and_close() -> None:
        now = opened()
        if now is not None:
            now.crs().toWkt()

    in_main_thread(open_and_close)
    return opened()


def _changes(layer: QgsRasterLayer, now: QgsRasterDataProvider) -> Iterator[str]:
    then = layer.dataProvider()
    if (then.xSize(), then.ySize()) != (now.xSize(), now.ySize()):
        yield tr("{rows} × {columns} cells instead of {rows_then} × {columns_then}").format(
            rows=now.ySize(), columns=now.xSize(), rows_then=then.ySize(), columns_then=then.xSize()
        )
    corners = [
        np.array([extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()])
        for extent in (now.extent(), then.extent())
    ]
    pixel = np.array([then.extent().width() / then.xSize(), then.extent().height() / then.ySize()] * 2)
    # From QGIS 3.38 on, extents of rasters that are not north-up have negative widths or heights.
    if (np.abs(corners[0] - corners[1]) > TOLERANCE * np.abs(pixel)).any():
        yield tr("its extent is {extent} instead of {then}").format(
            extent=now.extent().toString(3), then=then.extent().toString(3)
        )
    if then.bandCount() != now.bandCount():
        yield tr("{bands:# band|# bands} instead of {then}").format(bands=now.bandCount(), then=then.bandCount())
    # The CRS in a file of auxiliary data is that of the layer, not of its provider (see `set_auxiliary_crs`).
    crs_then = then.crs() if then.crs().isValid() else layer.crs() if now.crs() == layer.crs() else then.crs()
    if crs_then != now.crs():
        yield tr("its CRS is {crs} instead of {then}").format(crs=_title(now.crs()), then=_title(crs_then))


def _title(crs: QgsCoordinateReferenceSystem) -> str:
    return crs.userFriendlyIdentifier() if crs.isValid() else tr("unknown")
