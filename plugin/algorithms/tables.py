"""Table and line outputs, written completely or not at all."""

from __future__ import annotations

import math
import os
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
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsLineString,
    QgsPointXY,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from ..detailed_exception import DetailedException
from ..i18n import tr
from ..layers import (
    GeoPackageUpdate,
    StagedFiles,
    can_hold_description,
    count_rows,
    delete_layer,
    files_of_dataset,
    layer_names,
    save_layer_metadata,
    stage_metadata_file,
    writing_reason,
)
from .destinations import Destination, destination_of, destinations_of
from .field_types import FIELD_TYPES
from .lossy_formats import require_unchanged_values
from .renderers import Style
from .results import ResultPresenter
from .row_progress import with_progress

# Rows that a sink takes at once.
ROWS_AT_ONCE = 20_000

# Percentages of the progress at which all rows are written to a file, and counted in it.
WRITTEN, COUNTED = 80, 90


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name
        Field name: short, lower case.
    kind
        ``"integer"``, ``"real"`` or ``"text"``.
    unit
        Unit of the numbers, for the report.
    """

    name: str
    kind: str = "real"
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """A table to write, with a line or a point for each row or without geometry.

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
    points
        Point of each row, (n, 2): x and y in the CRS of the landscape; None for a table without points.
    style
        Style of the lines.
    title
        What it shows, for the name of its layer; by default the label of the output.
    on_top
        Whether its layer lies above all others of the run.
    lists_largest
        Whether the report lists the rows with the largest values.
    """

    output: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    lines: Sequence[np.ndarray | None] | None = None
    style: Style | None = None
    points: np.ndarray | None = None
    title: str = ""
    on_top: bool = False
    lists_largest: bool = True

    @property
    def geometry(self) -> QgsWkbTypes.Type:
        """Geometry type."""
        if self.points is not None:
            return QgsWkbTypes.Type.Point
        return QgsWkbTypes.Type.NoGeometry if self.lines is None else QgsWkbTypes.Type.LineString

    def fields(self) -> QgsFields:
        """Return the columns as QGIS fields."""
        fields = QgsFields()
        for column in self.columns:
            fields.append(QgsField(column.name, FIELD_TYPES[column.kind]))
        return fields

    def features(self) -> Iterator[QgsFeature]:
        """Yield the rows as QGIS features."""
        fields = self.fields()
        lines = repeat(None) if self.lines is None else self.lines
        points = repeat(None) if self.points is None else self.points.tolist()
        for row, line, point in zip(self.rows, lines, points):
            feature = QgsFeature(fields)
            feature.setAttributes([_cell(value, column.kind) for value, column in zip(row, self.columns)])
            if point is not None:
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*point)))
            if line is not None:
                vertices = np.asarray(line, float)
                feature.setGeometry(QgsGeometry(QgsLineString(vertices[:, 0].tolist(), vertices[:, 1].tolist())))
            yield feature


def _cell(value: Any, kind: str) -> Any:
    if value is None or (kind == "real" and not math.isfinite(value)):
        return None
    return {"integer": int, "real": float, "text": str}[kind](value)


@contextmanager
def write_tables(
    algorithm: QgsProcessingAlgorithm,
    tables: Sequence[Table],
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    crs: QgsCoordinateReferenceSystem,
    staged: StagedFiles,
    feedback: QgsProcessingFeedback | None = None,
) -> Iterator[dict[str, str]]:
    """Write tables to temporary files and, if the block succeeds, replace the targets of all files of the run.

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
    staged
        Files of the run. Those that the block adds replace their targets together with the tables.
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
    requested = [
        (table, destination)
        for table in tables
        for destination in [destination_of(algorithm.parameterDefinition(table.output), parameters, context)]
        if destination is not None
    ]
    in_files = [(table, destination) for table, destination in requested if destination.path is not None]
    outputs_of_run = [each.path for each in destinations_of(algorithm, parameters, context) if each.path is not None]
    for path, layers in _by_file(in_files).items():
        _stage_file(path, layers, algorithm.presenter, crs, context, staged, outputs_of_run, feedback)
    outputs: dict[str, str] = {}
    yield outputs
    for table, destination in requested:
        if destination.path is None:
            outputs[table.output] = _into_sink(algorithm, table, parameters, context, crs, feedback)
    staged.replace_targets()
    for table, destination in in_files:
        value = _with_layer_name(parameters[table.output], destination)
        outputs[table.output] = algorithm.parameterAsOutputLayer({table.output: value}, table.output, context)
    for table, _ in requested:
        algorithm.presenter.show(table.output, outputs[table.output], table.style, table.title, on_top=table.on_top)


def write_table(
    table: Table,
    path: Path,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback | None = None,
) -> None:
    """Write a table to a file of its own, completely or not at all.

    Parameters
    ----------
    table
        The table; its output is ignored.
    path
        A file whose suffix determines the format.
    crs
        CRS of the lines.
    context, feedback
        Context of the run; receives progress and can cancel.

    Raises
    ------
    QgsProcessingException
        It cannot be written. An existing file is then unchanged.
    """
    with StagedFiles() as staged:
        feedback = feedback or QgsProcessingFeedback(False)
        _write_layer(table, staged.path(path), path.stem, path, crs, context, feedback)
        staged.replace_targets()


def _by_file(in_files: Sequence[tuple[Table, Destination]]) -> dict[Path, list[tuple[Table, Destination]]]:
    """Return the tables of each file: a GeoPackage may take several."""
    files: dict[Path, list[tuple[Table, Destination]]] = {}
    for table, destination in in_files:
        files.setdefault(Path(os.path.realpath(destination.path)), []).append((table, destination))
    return files


def _stage_file(
    path: Path,
    layers: Sequence[tuple[Table, Destination]],
    presenter: ResultPresenter,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    staged: StagedFiles,
    outputs: Sequence[Path],
    feedback: QgsProcessingFeedback,
) -> None:
    """Write the tables of a file to a temporary file; an existing GeoPackage only gains or replaces these layers."""

    def write_layers(file: Path) -> None:
        for table, destination in layers:
            if file.exists():
                delete_layer(file, destination.layer_name)
            history = presenter.provenance.history()
            _write_layer(table, file, destination.layer_name, path, crs, context, feedback, "\n".join(history))
            if destination.is_geopackage:
                metadata = presenter.metadata(table.output, table.title)
                save_layer_metadata(file, destination.layer_name, metadata)

    if layers[0][1].is_geopackage and path.exists() and path.stat().st_size:
        staged.add(GeoPackageUpdate(path, staged.scratch_path(path), write_layers))
        return
    unfinished = staged.path(path, files_of_dataset(path))
    write_layers(unfinished)
    if not layers[0][1].is_geopackage:
        table, of_that_name = layers[0][0], [each for each in outputs if each.with_suffix("") == path.with_suffix("")]
        # QGIS reads the same file for all of them: it then names the algorithm.
        title = presenter.provenance.title if len(of_that_name) > 1 else table.title
        stage_metadata_file(path, unfinished, presenter.metadata(table.output, title), of_that_name, feedback)


def _with_layer_name(value: Any, destination: Destination) -> Any:
    """Return the value of an output with the name of its layer, where the file alone does not identify it."""
    holds_others = destination.is_geopackage and len(layer_names(destination.path)) > 1
    if not destination.layer and not holds_others:
        return value
    text = f"{destination.path}|layername={destination.layer_name}"
    if not isinstance(value, QgsProcessingOutputLayerDefinition):
        return text
    changed = QgsProcessingOutputLayerDefinition(value)
    changed.sink = QgsProperty.fromValue(text)
    return changed


def _write_layer(
    table: Table,
    temporary: Path,
    layer: str,
    path: Path,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    description: str = "",
) -> None:
    """Write a table to a temporary file, or into it if it exists, and read it back."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = QgsVectorFileWriter.driverForExtension(path.suffix)
    if description and can_hold_description(options.driverName):
        options.layerOptions = [f"DESCRIPTION={description}"]
    options.layerName = layer
    if temporary.exists():
        options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    writer = QgsVectorFileWriter.create(
        str(temporary), table.fields(), table.geometry, crs, context.transformContext(), options
    )
    count = 0
    try:
        for feature in _features(table, path.name, feedback):
            if writer.hasError() or not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                break
            count += 1
    finally:
        reason = writer.errorMessage()
        _show_saving(count, path.name, feedback)
        del writer  # Flushes the last features, which may fail on a full disk.
    # Read back, because a full disk may go unreported.
    step = tr("Checking '{name}'").format(name=path.name)
    count_in_file = count_rows(
        temporary, layer, lambda rows: with_progress(rows, count, step, feedback, WRITTEN, COUNTED)
    )
    if count < len(table.rows) or count_in_file != count:
        text = tr(
            "'{name}' cannot be written to '{folder}': {reason}. Of {rows:# row|# rows} {count:,} could be written. "
            "Free disk space, or choose another folder."
        )
        causes = [reason] if reason else []
        raise DetailedException(
            text.format(
                name=path.name,
                folder=path.parent,
                reason=writing_reason(causes, path.parent),
                rows=len(table.rows),
                count=count_in_file,
            ),
            causes,
        )
    step = tr("Checking the values of '{name}'").format(name=path.name)
    rows = with_progress(table.rows, count, step, feedback, COUNTED, 100)
    require_unchanged_values([column.name for column in table.columns], rows, temporary, path)


def _features(table: Table, name: str, feedback: QgsProcessingFeedback) -> Iterator[QgsFeature]:
    """Yield the rows as QGIS features, with progress."""
    return with_progress(
        table.features(), len(table.rows), tr("Writing '{name}'").format(name=name), feedback, 0, WRITTEN
    )


def _show_saving(count: int, name: str, feedback: QgsProcessingFeedback) -> None:
    """Show that a long table is being saved: its format may write indexes and the last rows at the end."""
    if count >= ROWS_AT_ONCE:
        feedback.setProgressText(tr("Saving '{name}' ({count:# row|# rows})").format(name=name, count=count))


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
    output = algorithm.parameterDefinition(table.output).description()
    features, written = _features(table, output, feedback), True
    while written and (part := list(islice(features, ROWS_AT_ONCE))):
        written = sink.addFeatures(part, QgsFeatureSink.Flag.FastInsert)
    _show_saving(len(table.rows), output, feedback)
    written = written and sink.flushBuffer()
    reason = sink.lastError()
    del sink
    if not written:
        text = tr(
            "{output} cannot be written to {destination}: the rows were not accepted. Check that the database can be "
            "reached and that you may create tables in it, or choose a file."
        )
        raise DetailedException(text.format(output=output, destination=destination), [reason] if reason else [])
    return destination
