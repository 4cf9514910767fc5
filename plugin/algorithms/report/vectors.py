"""Points, polygons and lines over the pictures of maps, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

import numpy as np
from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsGraduatedSymbolRenderer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsWkbTypes,
)

from ...i18n import tr
from ...layers import RasterGrid
from ..plain_values import is_provided
from ..tables import Table
from .settings import short_caption

# More features than this would only darken a picture.
MAX_FEATURES, MAX_LINES = 500, 2000

# Parameters with the ends of movement, which are drawn filled.
ENDS = ("TARGETS", "GROUNDS")

# Size of the drawing, along the longer side of the map.
EXTENT = 1000.0

ONE_COLOUR = "#1b4f8f"
OTHER_COLOUR = "#777777"


@dataclass(frozen=True)
class Overlay:
    """Features over a map.

    Parameters
    ----------
    shapes
        SVG elements in the coordinates of `view_box`.
    legend
        HTML of the legend.
    """

    shapes: str
    legend: str


def view_box(grid: RasterGrid) -> str:
    """Return the view box of drawings over the map of a raster."""
    width, height = _size(grid)
    return f"0 0 {width:.1f} {height:.1f}"


def _size(grid: RasterGrid) -> tuple[float, float]:
    (left, top), (right, bottom) = grid.corners()
    factor = EXTENT / max(right - left, top - bottom)
    return (right - left) * factor, (top - bottom) * factor


def _to_drawing(points: np.ndarray, grid: RasterGrid) -> np.ndarray:
    """Convert map coordinates (n, 2) to those of the drawing."""
    (left, top), (right, bottom) = grid.corners()
    factor = EXTENT / max(right - left, top - bottom)
    return np.stack([(points[:, 0] - left) * factor, (top - points[:, 1]) * factor], axis=1)


def input_features(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext, grid: RasterGrid
) -> Overlay:
    """Return the points and polygons that a run was started with, over the map of the landscape.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it.
    grid
        Grid of the landscape.
    """
    shapes, entries, notes = [], [], []
    for definition in algorithm.parameterDefinitions():
        if definition.type() != "source" or not is_provided(parameters, definition.name()):
            continue
        source = algorithm.parameterAsSource(parameters, definition.name(), context)
        if source is None or source.wkbType() == QgsWkbTypes.Type.NoGeometry:
            continue
        drawn = "".join(_feature_shapes(source, context, grid))
        if drawn:
            kind = "targets" if definition.name() in ENDS else "sources"
            shapes.append(f'<g class="{kind}">{drawn}</g>')
            entries.append(_feature_entry(short_caption(definition.description()), source.sourceName(), kind))
            if (count := source.featureCount()) > MAX_FEATURES:
                text = tr("{layer}: the first {shown:,} of {count:# feature|# features} are drawn.")
                notes.append(text.format(layer=source.sourceName(), shown=MAX_FEATURES, count=count))
    legend = f'<ul class="legend">{"".join(entries)}</ul>' if entries else ""
    legend += "".join(f"<p>{escape(note)}</p>" for note in notes)
    return Overlay("".join(shapes), legend)


def _feature_entry(title: str, layer: str, kind: str) -> str:
    symbol = (
        f'<svg width="14" height="14" viewBox="-12 -12 24 24" aria-hidden="true"><g class="{kind}">'
        '<circle r="8"/></g></svg>'
    )
    return f"<li>{symbol} {escape(title)} ({escape(layer)})</li>"


def _feature_shapes(source, context: QgsProcessingContext, grid: RasterGrid) -> Iterable[str]:
    transform = None
    if source.sourceCrs().isValid() and grid.crs.isValid() and source.sourceCrs() != grid.crs:
        transform = QgsCoordinateTransform(source.sourceCrs(), grid.crs, context.transformContext())
    request = QgsFeatureRequest().setNoAttributes()
    request.setInvalidGeometryCheck(QgsFeatureRequest.InvalidGeometryCheck.GeometryNoCheck)
    for feature in islice(source.getFeatures(request), MAX_FEATURES):
        geometry = QgsGeometry(feature.geometry())
        if geometry.isEmpty():
            continue
        if transform is not None:
            try:
                geometry.transform(transform)
            except QgsCsException:
                continue
        yield from _geometry_shapes(geometry, grid)


def _geometry_shapes(geometry: QgsGeometry, grid: RasterGrid) -> Iterable[str]:
    if geometry.type() == QgsWkbTypes.GeometryType.PointGeometry:
        points = np.array([[point.x(), point.y()] for point in geometry.vertices()])
        for x, y in _to_drawing(points, grid).tolist():
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
        return
    kind = "line" if geometry.type() == QgsWkbTypes.GeometryType.LineGeometry else "area"
    for part in geometry.asGeometryCollection():
        rings = part.convertToType(QgsWkbTypes.GeometryType.LineGeometry, True).asGeometryCollection()
        lines = (np.array([[point.x(), point.y()] for point in ring.vertices()]) for ring in rings)
        if path := "".join(_path(_to_drawing(line, grid)) for line in lines if len(line) > 1):
            yield f'<path class="{kind}" fill-rule="evenodd" d="{path}"/>'


def _path(points: np.ndarray) -> str:
    """Return the data of an SVG path; vertices closer together than the drawing shows are left out."""
    rounded = np.round(points, 0).astype(int)
    moves = np.any(rounded[1:] != rounded[:-1], axis=1)
    chosen = rounded[np.concatenate([[True], moves])]
    if len(chosen) == 1:
        chosen = np.concatenate([chosen, chosen])
    return "M" + "L".join(f"{x} {y}" for x, y in chosen.tolist())


def table_lines(table: Table, grid: RasterGrid) -> Overlay:
    """Return the lines of a table, in the colours of its style.

    Parameters
    ----------
    table
        A table with lines.
    grid
        Grid of the landscape.
    """
    renderer = table.style.renderer(None) if table.style is not None else None
    ranges: Sequence[tuple[float, float, str, str]] = ()
    column = None
    names = [column.name for column in table.columns]
    if isinstance(renderer, QgsGraduatedSymbolRenderer) and renderer.classAttribute() in names:
        column = names.index(renderer.classAttribute())
        ranges = [(r.lowerValue(), r.upperValue(), r.symbol().color().name(), r.label()) for r in renderer.ranges()]
    shapes = []
    for row, line in islice(zip(table.rows, table.lines), MAX_LINES):
        if line is None or len(line) < 2:
            continue
        colour = _colour(row[column], ranges) if column is not None else ONE_COLOUR
        shapes.append(f'<path d="{_path(_to_drawing(np.asarray(line, float), grid))}" stroke="{colour}"/>')
    entries = "".join(_line_entry(colour, label) for _, _, colour, label in ranges)
    title = f"<li>{escape(names[column].replace('_', ' '))}:</li>" if column is not None else ""
    legend = f'<ul class="legend">{title}{entries}</ul>' if entries else ""
    if len(table.rows) > MAX_LINES:
        text = tr("The first {shown:,} of {all:# line|# lines} are drawn.").format(shown=MAX_LINES, all=len(table.rows))
        legend += f"<p>{escape(text)}</p>"
    return Overlay(f'<g class="lines">{"".join(shapes)}</g>', legend)


def _colour(value: Any, ranges: Sequence[tuple[float, float, str, str]]) -> str:
    if not isinstance(value, (int, float, np.number)):
        return OTHER_COLOUR
    return next((colour for low, high, colour, _ in ranges if low <= value <= high), OTHER_COLOUR)


def _line_entry(colour: str, label: str) -> str:
    picture = (
        '<svg width="22" height="14" viewBox="0 0 22 14" aria-hidden="true">'
        f'<path d="M1 7H21" stroke="{colour}" stroke-width="3"/></svg>'
    )
    return f"<li>{picture} {escape(label)}</li>"
