"""Virtual rasters of GDAL whose sources have changed since they were made."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from osgeo import gdal
from qgis.core import QgsProcessingException
from qgis.PyQt.QtXml import QDomDocument

from ...i18n import tr
from ..gdal_errors import collected_gdal_errors

#: Part of a file, by the driver that reads it: "NETCDF:rain.nc:days".
PART_OF_FILE = re.compile(r"[A-Za-z]\w+:")


def require_same_sources(name: str, path: str) -> None:
    """Raise an error if a source of a virtual raster is missing, or has another size than when it was made.

    Such a raster would show the values of other places, because it refers to rows and columns of its sources.

    Parameters
    ----------
    name
        Name of the layer.
    path
        Its file; only virtual rasters are checked.

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
    for name, source, shape in _sources(path):
        shape_now = None
        with collected_gdal_errors():
            dataset = gdal.OpenEx(source, gdal.OF_RASTER | gdal.OF_READONLY)
            shape_now = None if dataset is None else (dataset.RasterYSize, dataset.RasterXSize)
            dataset = None
        if shape_now is None:
            yield tr("'{file}' cannot be read").format(file=name)
        elif shape_now == shape:
            yield from _changes(source)
        else:
            yield tr("'{file}' has {rows} × {columns} cells instead of {rows_then} × {columns_then}").format(
                file=name, rows=shape_now[0], columns=shape_now[1], rows_then=shape[0], columns_then=shape[1]
            )


def _sources(path: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield each source of a virtual raster: as it is named, as GDAL opens it, and the rows and columns it had."""
    if not path.lower().endswith(".vrt") or not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        document = QDomDocument()
        document.setContent(file.read())
    sizes, names = document.elementsByTagName("SourceProperties"), set()
    for number in range(sizes.count()):
        size = sizes.at(number).toElement()
        element = size.parentNode().firstChildElement("SourceFilename")
        name, shape = element.text(), (size.attribute("RasterYSize"), size.attribute("RasterXSize"))
        is_relative = element.attribute("relativeToVRT") == "1"
        if name in names or not name or not all(length.isdecimal() for length in shape):
            continue
        if is_relative and PART_OF_FILE.match(name):
            continue  # only GDAL knows which part of such a name is the path
        names.add(name)
        source = os.path.join(os.path.dirname(path), name) if is_relative else name
        yield name, source, (int(shape[0]), int(shape[1]))
