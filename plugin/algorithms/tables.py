"""Table and line outputs, written atomically."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsLineString,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProperty,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from .renderers import Style, style_when_loaded

KINDS = {"integer": QVariant.Type.LongLong, "real": QVariant.Type.Double, "text": QVariant.Type.String}

# Rows written between two checks of whether the user has cancelled.
ROWS_AT_ONCE = 20_000

# Seconds between two texts about the rows written.
TEXT_SECONDS = 2.0


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name
        Field name: short, lower case.
    kind
        ``"integer"``, ``"real"`` or ``"text"``.
    """

    name: str
    kind: str = "real"


@dataclass(frozen=True, eq=False)
class Table:
    """A table to write, with a line geometry for each row or without geometry.

    Parameters
    ----------
    output
        Name of the output parameter (a feature sink).
    columns
        Its columns.
    rows
        Values in the order of the columns. None, NaN and infinite values (unreachable) become NULL.
    lines
        Vertices of the line of each row, (n, 2): x and y in the CRS of the landscape, or None for a row without a
        line; None for a table without geometry.
    style
        Style of the lines.
    """

    output: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    lines: Sequence[np.ndarray | None] | None = None
    style: Style | None = None

    @property
    def geometry(self) -> QgsWkbTypes.Type:
        """Geometry type."""
        return QgsWkbTypes.Type.NoGeometry if self.lines is None else QgsWkbTypes.Type.LineString

    def fields(self) -> QgsFields:
        """Return the columns as QGIS fields."""
        fields = QgsFields()
        for column in self.columns:
            fields.append(QgsField(column.name, KINDS[column.kind]))
        return fields

    def features(self) -> Iterator[QgsFeature]:
        """Yield the rows as QGIS features."""
        fields = self.fields()
        for row, line in zip(self.rows, repeat(None) if self.lines is None else self.lines):
            feature = QgsFeature(fields)
            feature.setAttributes([_cell(value, column.kind) for value, column in zip(row, self.columns)])
            if line is not None:
                vertices = np.asarray(line, float)
                feature.setGeometry(QgsGeometry(QgsLineString(vertices[:, 0].tolist(), vertices[:, 1].tolist())))
            yield feature


def _cell(value: Any, kind: str) -> Any:
    if value is None or (kind == "real" and not math.isfinite(value)):
        return None
    return {"integer": int, "real": float, "text": str}[kind](value)


def require_writable_tables(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> None:
    """Check the destinations of tables before the run rather than after hours of computing.

    Raises
    ------
    QgsProcessingException
        The folder does not exist, or the format of the file is not supported.
    """
    for definition in algorithm.destinationParameterDefinitions():
        path = _file_of(parameters.get(definition.name()), context)
        if not isinstance(definition, QgsProcessingParameterFeatureSink) or path is None:
            continue
        if not path.parent.is_dir():
            text = tr("{output} cannot be written: there is no folder '{folder}'. Create it or choose another.")
            raise QgsProcessingException(text.format(output=definition.description(), folder=path.parent))
        if not QgsVectorFileWriter.driverForExtension(path.suffix):
            text = tr(
                "{output} cannot be written: '{name}' has no supported format. Choose a file name that ends in .gpkg, "
                ".geojson or .csv, for example."
            )
            raise QgsProcessingException(text.format(output=definition.description(), name=path.name))


@contextmanager
def write_tables(
    algorithm: QgsProcessingAlgorithm,
    tables: Sequence[Table],
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    crs: QgsCoordinateReferenceSystem,
    feedback: QgsProcessingFeedback | None = None,
) -> Iterator[dict[str, str]]:
    """Write tables to temporary files, and rename them at the end of the block if it succeeds.

    Parameters
    ----------
    algorithm
        The algorithm with the outputs.
    tables
        The tables; those without a destination are not written.
    parameters, context
        As passed to the algorithm by Processing.
    crs
        CRS of the lines.
    feedback
        Receives progress; can cancel.

    Yields
    ------
    dict
        Destination of each output by name, filled at the end of the block.

    Raises
    ------
    QgsProcessingException
        A table cannot be written. Existing files are then unchanged.
    """
    feedback = feedback or QgsProcessingFeedback(False)
    requested = [table for table in tables if parameters.get(table.output)]
    destinations: dict[str, str] = {}
    staged: list[tuple[Table, Path, Path]] = []
    try:
        for table in requested:
            path = _file_of(parameters[table.output], context)
            if path is not None:
                staging = _staging_path(path)
                staged.append((table, staging, path))
                _write_file(table, staging, path, crs, context, feedback)
        yield destinations
        for table, staging, path in staged:
            _rename(staging, path)
            destinations[table.output] = algorithm.parameterAsOutputLayer(parameters, table.output, context)
    finally:
        for _, staging, _ in staged:
            for file in _files_of_dataset(staging):
                file.unlink(missing_ok=True)
    for table in requested:
        if table.output not in destinations:
            destinations[table.output] = _into_sink(algorithm, table, parameters, context, crs, feedback)
        if table.style is not None:
            style_when_loaded(destinations[table.output], table.style, context)


def write_table(table: Table, path: Path, crs: QgsCoordinateReferenceSystem, context: QgsProcessingContext) -> None:
    """Write a table to a file, atomically.

    Parameters
    ----------
    table
        The table; its output is ignored.
    path
        A file whose suffix determines the format.
    crs
        CRS of the lines.
    context
        Context of the run.

    Raises
    ------
    QgsProcessingException
        It cannot be written. An existing file is then unchanged.
    """
    staging = _staging_path(path)
    try:
        _write_file(table, staging, path, crs, context, QgsProcessingFeedback(False))
        _rename(staging, path)
    finally:
        for file in _files_of_dataset(staging):
            file.unlink(missing_ok=True)


def _staging_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}-{uuid.uuid4().hex[:8]}-unfinished{path.suffix}")


def _file_of(value: Any, context: QgsProcessingContext) -> Path | None:
    """Return the file of an output; None for a memory layer, a database, or no output."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value = value.valueAsString(context.expressionContext(), "")[0]
    if not isinstance(value, str) or value in ("", QgsProcessing.TEMPORARY_OUTPUT):
        return None
    # Other destinations begin with the name of a provider: memory:, ogr:dbname=…, postgres://….
    scheme, colon, _ = value.partition(":")
    if colon and len(scheme) > 1:
        return None
    return Path(value)


def _write_file(
    table: Table,
    staging: Path,
    path: Path,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> None:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = QgsVectorFileWriter.driverForExtension(path.suffix)
    options.layerName = path.stem
    writer = QgsVectorFileWriter.create(
        str(staging), table.fields(), table.geometry, crs, context.transformContext(), options
    )
    count = 0
    try:
        for feature in _with_progress(table, feedback):
            if writer.hasError() or not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                break
            count += 1
    finally:
        reason = writer.errorMessage()
        del writer  # Flushes the last features, which may fail on a full disk.
    # Read back, because a full disk may go unreported.
    count_in_file = _count_features(staging, count, feedback)
    if count < len(table.rows) or count_in_file != count:
        raise QgsProcessingException(
            tr("'{name}' cannot be written to '{folder}': {reason}. Is the disk full or write-protected?").format(
                name=path.name,
                folder=path.parent,
                reason=reason
                or tr("only {count} of {rows} rows were written").format(count=count_in_file, rows=len(table.rows)),
            )
        )


def _with_progress(table: Table, feedback: QgsProcessingFeedback) -> Iterator[QgsFeature]:
    """Yield the rows as QGIS features; report progress, and stop if the user cancels."""
    text, count, shown = tr("Writing {number:,} of {count:,} rows"), len(table.rows), time.monotonic()
    for number, feature in enumerate(table.features(), 1):
        yield feature
        if number % ROWS_AT_ONCE == 0:
            stop_if_cancelled(feedback)
            feedback.setProgress(80 * number / count)
            if time.monotonic() - shown > TEXT_SECONDS:
                feedback.setProgressText(text.format(number=number, count=count))
                shown = time.monotonic()


def _count_features(path: Path, expected: int, feedback: QgsProcessingFeedback) -> int:
    layer = QgsVectorLayer(str(path), path.stem, "ogr")
    if not layer.isValid():
        return 0
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry).setSubsetOfAttributes([])
    count = 0
    for _ in layer.getFeatures(request):
        count += 1
        if count % ROWS_AT_ONCE == 0:
            stop_if_cancelled(feedback)
            feedback.setProgress(80 + 20 * min(count / expected, 1.0))
    return count


def _rename(staging: Path, path: Path) -> None:
    """Rename a file together with its sidecar files, such as those of a shapefile."""
    files = _files_of_dataset(staging)
    try:
        for file in files:
            os.replace(file, path.with_name(path.stem + file.name[len(staging.stem) :]))
    except OSError as error:
        raise QgsProcessingException(
            tr("'{path}' cannot be replaced ({reason}). Is it open in another program or layer?").format(
                path=path, reason=error.strerror
            )
        ) from error


def _files_of_dataset(staging: Path) -> list[Path]:
    return sorted(file for file in staging.parent.iterdir() if file.name.startswith(staging.stem + "."))


def _into_sink(
    algorithm: QgsProcessingAlgorithm,
    table: Table,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    crs: QgsCoordinateReferenceSystem,
    feedback: QgsProcessingFeedback,
) -> str:
    """Write all rows to a memory layer or a database table."""
    sink, destination = algorithm.parameterAsSink(
        parameters, table.output, context, table.fields(), table.geometry, crs
    )
    if sink is None:
        raise QgsProcessingException(algorithm.invalidSinkError(parameters, table.output))
    features, written = _with_progress(table, feedback), True
    while written and (part := list(islice(features, ROWS_AT_ONCE))):
        written = sink.addFeatures(part, QgsFeatureSink.Flag.FastInsert)
    written = written and sink.flushBuffer()
    reason = sink.lastError()
    del sink
    if not written:
        text = tr("{output} cannot be written to {destination}: {reason}.")
        raise QgsProcessingException(
            text.format(output=table.output, destination=destination, reason=reason or tr("unknown error"))
        )
    return destination
