"""Formats of files in which QGIS can write a table, or a layer of lines or points, and read it again."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from ..i18n import tr
from ..layers import collected_gdal_errors
from ..temporary_folder import temporary_folder
from .field_types import INTEGER, REAL, TEXT
from .formatting import join_alternatives

# Formats that a message proposes, where they are possible.
USUAL_SUFFIXES = (".gpkg", ".csv", ".geojson", ".shp", ".fgb", ".gml", ".kml", ".ods", ".xlsx")

# The row of a trial: an id, a label and a result.
TRIAL = {"from_id": 7, "label": "A", "distance": 0.5}
TRIAL_TYPES = (INTEGER, TEXT, REAL)

# Geometry of a trial, by the type of the output.
TRIAL_GEOMETRIES = {
    QgsProcessing.SourceType.TypeVector: (QgsWkbTypes.Type.NoGeometry, ""),
    QgsProcessing.SourceType.TypeVectorPoint: (QgsWkbTypes.Type.Point, "Point(1 2)"),
    QgsProcessing.SourceType.TypeVectorLine: (QgsWkbTypes.Type.LineString, "LineString(1 2, 3 4)"),
}

# Any projected CRS: some formats are for geographic coordinates only.
TRIAL_CRS = "EPSG:3857"


@lru_cache(maxsize=256)
def is_usable_format(suffix: str, data_type: int) -> bool:
    """Return whether a row written to a file with this suffix can be read back unchanged.

    Which formats QGIS can write depends on its version and on how its GDAL was built, so a small file is written.

    Parameters
    ----------
    suffix
        Ending of the file name, such as ``".csv"``.
    data_type
        Type of the output: a table without geometry, points or lines.
    """
    driver = QgsVectorFileWriter.driverForExtension(suffix)
    if not driver:
        return False
    if data_type not in TRIAL_GEOMETRIES:
        return any(is_usable_format(suffix, known) for known in TRIAL_GEOMETRIES)
    geometry_type, geometry = TRIAL_GEOMETRIES[data_type]
    with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder, collected_gdal_errors():
        path = Path(folder, f"trial{suffix}")
        _write(path, driver, geometry_type, geometry)
        return _holds_trial(path, bool(geometry))
    return False


def usual_formats(data_type: int) -> str:
    """Return the endings of the usual formats that are possible for a type of output, for a message."""
    return join_alternatives([suffix for suffix in USUAL_SUFFIXES if is_usable_format(suffix, data_type)])


def describe_type(data_type: int) -> str:
    """Return what an output of a type is, for a message."""
    return {
        QgsProcessing.SourceType.TypeVectorPoint: tr("a layer of points"),
        QgsProcessing.SourceType.TypeVectorLine: tr("a layer of lines"),
    }.get(data_type, tr("a table without geometry"))


def _write(path: Path, driver: str, geometry_type: QgsWkbTypes.Type, geometry: str) -> None:
    fields = QgsFields()
    for name, kind in zip(TRIAL, TRIAL_TYPES):
        fields.append(QgsField(name, kind))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = driver
    options.layerName = path.stem
    crs, context = QgsCoordinateReferenceSystem(TRIAL_CRS), QgsCoordinateTransformContext()
    writer = QgsVectorFileWriter.create(str(path), fields, geometry_type, crs, context, options)
    feature = QgsFeature(fields)
    feature.setAttributes(list(TRIAL.values()))
    if geometry:
        feature.setGeometry(QgsGeometry.fromWkt(geometry))
    writer.addFeature(feature)
    del writer  # writes the file


def _holds_trial(path: Path, has_geometry: bool) -> bool:
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_READONLY)
    if dataset is None or not dataset.GetLayerCount():
        return False
    rows = list(dataset.GetLayer(0))
    if len(rows) != 1 or (rows[0].GetGeometryRef() is not None) != has_geometry:
        return False
    values = {name.lower(): value for name, value in rows[0].items().items()}
    return all(_is_same(values.get(name), value) for name, value in TRIAL.items())


def _is_same(stored: Any, value: Any) -> bool:
    """Return whether a value came back, as a number or as its text: some formats hold text only."""
    try:
        return float(stored) == value
    except (TypeError, ValueError):
        return stored == value
