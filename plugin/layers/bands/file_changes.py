"""Files that were replaced after their layer was loaded."""

from __future__ import annotations

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from ...i18n import tr

# Corners may differ by this fraction of a pixel: QGIS keeps them as an extent, with rounding errors.
TOLERANCE = 0.01


def require_unchanged(layer: QgsRasterLayer, dataset: gdal.Dataset, geotransform: tuple) -> None:
    """Raise an error if a file has another size or place than when its layer was loaded.

    Parameters
    ----------
    layer
        The layer.
    dataset, geotransform
        The file as it is now.

    Raises
    ------
    QgsProcessingException
        The file was replaced; QGIS would go on to show the old data.
    """
    provider = layer.dataProvider()
    rows, columns = dataset.RasterYSize, dataset.RasterXSize
    left, width, row_shear, top, column_shear, step_down = geotransform
    is_north_up = width > 0 and step_down < 0 and row_shear == column_shear == 0
    # QGIS turns other rasters by itself, into cells that may differ in size and number.
    size_then = (provider.ySize(), provider.xSize())
    changed = []
    if is_north_up and size_then != (rows, columns):
        changed.append(
            tr("{rows} × {columns} cells instead of {rows_then} × {columns_then}").format(
                rows=rows, columns=columns, rows_then=size_then[0], columns_then=size_then[1]
            )
        )
    x, y = sorted((left, left + columns * width)), sorted((top, top + rows * step_down))
    extent = provider.extent()
    then = np.array([extent.xMinimum(), extent.xMaximum(), extent.yMinimum(), extent.yMaximum()])
    pixel = np.array([abs(width)] * 2 + [abs(step_down)] * 2)
    tolerance = TOLERANCE * pixel if is_north_up else 2 * pixel.max()
    if (np.abs(np.array([*x, *y]) - then) > tolerance).any():
        changed.append(
            tr("its north-west corner is x {x:.12g}, y {y:.12g} instead of x {x_then:.12g}, y {y_then:.12g}").format(
                x=x[0], y=y[1], x_then=then[0], y_then=then[3]
            )
        )
    flags = dataset.GetRasterBand(1).GetMaskFlags()
    # QGIS shows a mask as a further band.
    bands, masks = dataset.RasterCount, int(flags == 0 or bool(flags & gdal.GMF_PER_DATASET))
    if not bands <= provider.bandCount() <= bands + masks:
        changed.append(tr("{bands} bands instead of {then}").format(bands=bands, then=provider.bandCount()))
    if changed:
        raise QgsProcessingException(
            tr(
                "'{layer}': its file was replaced after the layer was loaded ({changes}). Remove the layer from the "
                "project and add it again."
            ).format(layer=layer.name(), changes="; ".join(changed))
        )


def missing_file_error(layer: QgsRasterLayer, path: str) -> QgsProcessingException:
    """Return the error about a layer whose file no longer exists."""
    text = tr("'{layer}': its file '{path}' no longer exists. Restore the file, or remove the layer.")
    return QgsProcessingException(text.format(layer=layer.name(), path=path))
