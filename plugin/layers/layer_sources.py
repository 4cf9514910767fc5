"""The files that a layer is read from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from osgeo import gdal
from qgis.core import QgsDataSourceUri, QgsProviderRegistry, QgsRasterDataProvider, QgsVirtualLayerDefinition
from qgis.PyQt.QtCore import QUrl

from .gdal_errors import collected_gdal_errors

# Beginnings by which GDAL reads part of a file, or a file in an archive: "/vsisubfile/0_100,", "/vsizip/{".
VIRTUAL_PREFIX = re.compile(r"/vsi\w+/(\d+_\d+,)?\{?|\{")


class SourceFile(NamedTuple):
    """A file that a layer is read from.

    Attributes
    ----------
    path
        An existing file or folder.
    layer
        Name of the vector layer in it; empty if the layer is the whole file.
    """

    path: Path
    layer: str = ""


def source_files(provider: str, source: str) -> set[SourceFile]:
    """Return all files that a layer is read from, with the files that virtual rasters and layers refer to.

    Parameters
    ----------
    provider
        Key of the data provider, such as ``"gdal"`` or ``"ogr"``.
    source
        Data source of the layer.
    """
    files: set[SourceFile] = set()
    _collect(provider, source, files, set())
    return files


def file_on_disk(name: str) -> Path | None:
    """Return the existing file or folder that a name of GDAL stands for; None if there is none.

    Parameters
    ----------
    name
        A path, or the name of a part of a file or of a file in an archive, such as ``/vsizip//data/a.zip/b.tif``.
    """
    prefix = ""
    while found := VIRTUAL_PREFIX.match(name, len(prefix)):
        prefix = name[: found.end()]
    path = Path(name[len(prefix) :].replace("}", "") if prefix else name)
    for part in (path, *(path.parents if prefix else ())):
        if _exists(part) and (part == path or part.is_file()):
            return part
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False  # no path, but the text of a dataset


def _collect(provider: str, source: str, files: set[SourceFile], visited: set[tuple[str, str]]) -> None:
    if (provider, source) in visited:
        return
    visited.add((provider, source))
    if provider == "virtualraster":
        parameters, _ = QgsRasterDataProvider.decodeVirtualRasterProviderUri(source)
        for layer in parameters.rInputLayers:
            _collect(layer.provider, layer.uri, files, visited)
        return
    if provider == "virtual":
        definition = QgsVirtualLayerDefinition.fromUrl(QUrl.fromEncoded(source.encode()))
        for layer in definition.sourceLayers():
            _collect(layer.provider(), layer.source(), files, visited)
        return
    decoded = QgsProviderRegistry.instance().decodeUri(provider, source)
    path = decoded.get("path") or QgsDataSourceUri(source).database() or source.split("|")[0]
    if provider in ("gdal", "ogr"):
        path = f"{decoded.get('vsiPrefix') or ''}{path}{decoded.get('vsiSuffix') or ''}"
        _collect_dataset(provider, path, str(decoded.get("layerName") or ""), files, visited)
    elif (file := file_on_disk(path)) is not None:
        files.add(SourceFile(file))


def _collect_dataset(
    provider: str, path: str, layer: str, files: set[SourceFile], visited: set[tuple[str, str]]
) -> None:
    """Add the files of a GDAL dataset: the file itself, files beside it, and what a virtual raster refers to."""
    kind = gdal.OF_RASTER if provider == "gdal" else gdal.OF_VECTOR
    listed: list[str] = []
    with collected_gdal_errors():
        dataset = gdal.OpenEx(path, kind | gdal.OF_READONLY)
        if dataset is not None:
            listed = dataset.GetFileList() or []
            if provider == "ogr" and not layer and dataset.GetLayerCount():
                layer = dataset.GetLayer(0).GetName()
    for name in {path, *listed}:
        file = file_on_disk(name)
        if file is None:
            continue
        files.add(SourceFile(file, layer if provider == "ogr" else ""))
        if file.suffix.lower() == ".vrt" or file != Path(path):
            _collect(provider, name, files, visited)
