"""Layers of a GeoPackage, added or replaced in a single transaction that leaves all its other tables as they are."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsLayerMetadata, QgsProcessingException, QgsProviderRegistry

from ...detailed_exception import DetailedException
from ...i18n import tr
from ..gdal_errors import collected_gdal_errors, writing_reason

GEOPACKAGE_SUFFIX = ".gpkg"

# How many seconds to wait for another program that writes to the file.
MAX_SECONDS_LOCKED = 30.0

# SQLite's result codes of a locked file; Python's names for them are newer than QGIS 3.22.
SQLITE_BUSY, SQLITE_LOCKED = 5, 6


def layer_names(path: Path) -> list[str]:
    """Return the names of the vector layers of a file, or of its tables without geometry; empty if it has none."""
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_READONLY)
        return [] if dataset is None else [dataset.GetLayer(i).GetName() for i in range(dataset.GetLayerCount())]
    return []


def count_rows(path: Path, name: str, with_progress: Callable[[Iterable], Iterable] = iter) -> int:
    """Return the number of rows of a layer that can be read; 0 if it cannot be opened.

    Parameters
    ----------
    path
        A file.
    name
        Name of the layer, which formats of a single layer may have changed.
    with_progress
        Passes the rows on, and reports them.
    """
    count = 0
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_READONLY)
        if dataset is not None and dataset.GetLayerCount():
            layer = dataset.GetLayerByName(name) or dataset.GetLayer(0)
            for _ in with_progress(layer):
                count += 1
            layer = None
        dataset = None
    return count


def files_of_dataset(path: Path) -> list[Path]:
    """Return the files of a dataset, such as those of a shapefile; empty if it cannot be opened."""
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_READONLY)
        return [] if dataset is None else [Path(name) for name in dataset.GetFileList() or []]
    return []


def require_layer_replaceable(path: Path, name: str) -> None:
    """Raise an error unless a layer can be added to a GeoPackage, or replaced, without harm to its other tables.

    Raises
    ------
    QgsProcessingException
        The file is no GeoPackage, is write-protected, or has another kind of table of that name.
    """
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_RASTER | gdal.OF_UPDATE, allowed_drivers=["GPKG"])
        if dataset is not None:
            known = {dataset.GetLayer(i).GetName().casefold() for i in range(dataset.GetLayerCount())}
            tables = dataset.ExecuteSQL("SELECT name FROM sqlite_master")
            others = {row.GetField(0).casefold() for row in tables or ()} - known
            is_other_table = name.casefold() in others
            if tables is not None:
                dataset.ReleaseResultSet(tables)
            tables = dataset = None
            if is_other_table:
                text = tr("'{path}' has a table '{name}' that is no vector layer. Choose another layer name.")
                raise QgsProcessingException(text.format(path=path, name=name))
            return
    text = tr(
        "'{path}' exists, but is no GeoPackage that can be written to: it is damaged, write-protected, or locked by "
        "another program. Choose another file."
    )
    raise QgsProcessingException(text.format(path=path))


def can_hold_description(driver: str) -> bool:
    """Return whether a format of GDAL, such as GeoPackage or GeoJSON, holds a text about each layer."""
    options = gdal.GetDriverByName(driver).GetMetadataItem("DS_LAYER_CREATIONOPTIONLIST") or ""
    return "'DESCRIPTION'" in options or '"DESCRIPTION"' in options


def delete_layer(path: Path, name: str) -> None:
    """Delete a layer of a GeoPackage, if it has one of that name in any case."""
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_UPDATE, allowed_drivers=["GPKG"])
        for number in reversed(range(dataset.GetLayerCount())):
            if dataset.GetLayer(number).GetName().casefold() == name.casefold():
                dataset.DeleteLayer(number)
        dataset = None


def save_layer_metadata(path: Path, name: str, metadata: QgsLayerMetadata) -> None:
    """Save the metadata of a layer in its GeoPackage, from which QGIS reads it with the layer."""
    provider = QgsProviderRegistry.instance().providerMetadata("ogr")
    provider.saveLayerMetadata(provider.encodeUri({"path": str(path), "layerName": name}), metadata)


class GeoPackageUpdate:
    """Layers added to an existing GeoPackage, or replaced in it, which become visible with `replace`.

    They are written to a copy, which SQLite writes back in a single transaction: GDAL goes on after an error that has
    ended its transaction, and a file that QGIS has open must not be replaced.

    Parameters
    ----------
    path
        The GeoPackage.
    copy
        Path for the copy, in a folder that exists.
    write_layers
        Writes the layers into the GeoPackage of a given path.
    seconds_locked
        How long to wait for another program that writes to the file.

    Raises
    ------
    QgsProcessingException
        The copy or a layer cannot be written. The GeoPackage is then unchanged.
    """

    def __init__(
        self,
        path: Path,
        copy: Path,
        write_layers: Callable[[Path], None],
        *,
        seconds_locked: float = MAX_SECONDS_LOCKED,
    ) -> None:
        self._path, self._copy, self._write_layers, self._seconds_locked = path, copy, write_layers, seconds_locked
        try:
            self._connection = sqlite3.connect(path, timeout=seconds_locked, isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def replace(self) -> None:
        """Make the new layers visible.

        Raises
        ------
        QgsProcessingException
            The disk is full, or another program locks the file. The GeoPackage is then unchanged.
        """
        try:
            if self._data_version() != self._version:
                self._prepare()  # another program has written to it meanwhile
            with closing(sqlite3.connect(self._copy)) as copy:
                copy.backup(self._connection, pages=-1, progress=_Patience(self._seconds_locked))
        except sqlite3.Error as error:
            raise self._error(error) from error

    def discard(self) -> None:
        """Close the GeoPackage."""
        self._connection.close()

    def _prepare(self) -> None:
        self._version = self._data_version()
        self._copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._copy)) as copy:
            self._connection.backup(copy, pages=-1, progress=_Patience(self._seconds_locked))
        self._write_layers(self._copy)

    def _data_version(self) -> int:
        return self._connection.execute("PRAGMA data_version").fetchone()[0]

    def _error(self, error: sqlite3.Error) -> QgsProcessingException:
        reason = writing_reason([str(error)], self._path.parent)
        text = tr("'{path}' cannot be written to: {reason}. It was not changed.")
        return DetailedException(text.format(path=self._path, reason=reason), [f"SQLite: {error}"])


class _Patience:
    """Progress of a copy by SQLite, which would wait for a locked file without end."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __call__(self, status: int, remaining: int, total: int) -> None:
        if status in (SQLITE_BUSY, SQLITE_LOCKED) and time.monotonic() > self._end:
            raise sqlite3.OperationalError("it is locked")
