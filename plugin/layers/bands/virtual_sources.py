"""Virtual rasters of GDAL whose sources are not those of which they were made."""

from __future__ import annotations

import os
from collections.abc import Iterator

from osgeo import gdal
from qgis.core import QgsProcessingException
from qgis.PyQt.QtXml import QDomDocument

from ...i18n import tr
from ..gdal_errors import collected_gdal_errors


def require_same_sources(name: str, path: str) -> None:
    """Raise an error if a source of a virtual raster is missing, or has another size than when it was made.

    Such a raster would have the values of other places: it names the rows and columns of its sources.

    Parameters
    ----------
    name
        Name of the layer.
    path
        Its file; others than virtual rasters are left alone.

    Raises
    ------
    QgsProcessingException
        Names the sources.
    """
    changes = list(_changes(path))
    if changes:
        text = tr(
            "'{layer}': the virtual raster no longer fits the rasters that it is made of ({changes}). Restore them, or "
            "make it again (Raster ▸ Miscellaneous ▸ Build Virtual Raster) and add it again."
        )
        raise QgsProcessingException(text.format(layer=name, changes="; ".join(changes)))


def _changes(path: str) -> Iterator[str]:
    for file, shape in _sources(path):
        place = file if os.path.isabs(file) else os.path.join(os.path.dirname(path), file)
        shape_now = None
        with collected_gdal_errors():
            dataset = gdal.OpenEx(place, gdal.OF_RASTER | gdal.OF_READONLY)
            shape_now = None if dataset is None else (dataset.RasterYSize, dataset.RasterXSize)
            dataset = None
        if shape_now is None:
            yield tr("'{file}' cannot be read").format(file=file)
        elif shape_now == shape:
            yield from _changes(place)
        else:
            yield tr("'{file}' has {rows} × {columns} cells instead of {rows_then} × {columns_then}").format(
                file=file, rows=shape_now[0], columns=shape_now[1], rows_then=shape[0], columns_then=shape[1]
            )


def _sources(path: str) -> list[tuple[str, tuple[int, int]]]:
    """Return the sources of a virtual raster with the rows and columns that it knows them by."""
    if not path.lower().endswith(".vrt") or not os.path.isfile(path):
        return []
    with open(path, "rb") as file:
        document = QDomDocument()
        document.setContent(file.read())
    sizes = document.elementsByTagName("SourceProperties")
    found = {}
    for number in range(sizes.count()):
        size = sizes.at(number).toElement()
        name = size.parentNode().firstChildElement("SourceFilename")
        shape = size.attribute("RasterYSize"), size.attribute("RasterXSize")
        if name.text() and all(side.isdecimal() for side in shape):
            found[name.text()] = (int(shape[0]), int(shape[1]))
    return list(found.items())
