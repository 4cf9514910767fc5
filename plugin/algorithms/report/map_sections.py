"""The sections of a report that show maps and tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

import numpy as np

from ...i18n import tr
from ..formatting import format_column, format_number, typeset
from ..results import with_unit, without_unit
from ..styles import distance_style, habitat_style
from ..tables import Table
from .contents import Contents, MapFile
from .largest_rows import largest_rows, rows_html
from .legend import NODATA_COLOUR, Legend, legend_html
from .pictures import Picture, draw, legend_of_style
from .plots import class_bars_html, histogram_svg, rounded_number
from .reduced_band import ReducedBand, band_count, read_reduced, reduced_array
from .scale_bar import scale_bar_html
from .summary import BandSummary, summarize
from .vectors import Overlay, input_features, table_lines, view_box

# A map with one band for each of hundreds of sources does not fit into an e-mail.
MAX_BANDS = 4

# Classes in the table of their cells.
MAX_CLASSES = 12

EMPTY = Overlay("", "")


def landscape_section(contents: Contents) -> str:
    """Return the picture of the landscape with the features that the run was started with."""
    landscape = contents.landscape
    if landscape is None:
        return ""
    reduced = reduced_array(landscape.values)
    style = (distance_style if contents.quantity == "resistance" else habitat_style)(reduced.values)
    picture, legend = draw(reduced.values, style, _aspect(contents))
    features = _features(contents)
    name = contents.quantity or tr("landscape")
    alt = tr("Map of the {quantity}: {layer}").format(quantity=name, layer=landscape.name)
    caption = tr("{quantity} from “{layer}”: {grid}.").format(
        quantity=_capitalized(name), layer=landscape.name, grid=landscape.grid
    )
    figure = _figure(contents, picture, legend, "legend-landscape", alt, caption, reduced, features)
    return f'<section class="landscape"><h2>{escape(tr("Landscape"))}</h2>{figure}</section>'


def map_sections(contents: Contents) -> Iterator[str]:
    """Yield a section for each map: its picture, its histogram and the cells with the largest values."""
    features = _features(contents)
    for position, result in enumerate(contents.maps):
        legend = legend_of_style(result.style)
        count = band_count(result.path)
        # The page has the title of the first map.
        parts = [f"<h2>{escape(result.title if position else tr('Map'))}</h2>"]
        for number in range(1, min(count, MAX_BANDS) + 1):
            parts += _band(contents, result, number, legend, f"{position + 1}-{number}", features)
        if count > MAX_BANDS:
            text = tr("The file has {count:# band|# bands}, of which the first {shown} are shown.")
            parts.append(f'<p class="note">{escape(text.format(count=count, shown=MAX_BANDS))}</p>')
        yield f"<section>{''.join(parts)}</section>"


def _band(
    contents: Contents, result: MapFile, number: int, legend: Legend, name: str, features: Overlay
) -> Iterator[str]:
    reduced = read_reduced(result.path, number, classes=legend.are_classes)
    picture, legend = draw(reduced.values, result.style, _aspect(contents))
    summary = summarize(result.path, number, contents.log, classes=legend.are_classes, by_magnitude=legend.is_diverging)
    band_name, unit = reduced.name or result.quantity or result.title, result.style.unit
    quantity = without_unit(band_name, unit)
    if band_count(result.path) > 1:
        # The names of several bands are those of the sources, for example.
        yield f"<h3>{escape(band_name)}</h3>"
        quantity = tr("values for “{band}”").format(band=band_name)
    alt = tr("Map: {title} ({quantity})").format(title=result.title, quantity=band_name)
    caption = _range(quantity, unit, summary, classes=legend.are_classes)
    yield _figure(contents, picture, legend, f"legend-{name}", alt, caption, reduced, features)
    if legend.are_classes:
        yield _class_table(legend, summary)
        return
    yield histogram_svg(summary.sample, with_unit(quantity, unit), tr("cells"), legend)
    if result.lists_largest:
        yield _peaks(contents, summary, unit, by_magnitude=legend.is_diverging)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _range(quantity: str, unit: str, summary: BandSummary, *, classes: bool) -> str:
    if not summary.cells:
        return tr("{quantity}: no cell has a value.").format(quantity=quantity)
    if classes:
        text = tr("{quantity}, in {cells:# cell|# cells}.")
        return text.format(quantity=_capitalized(quantity), cells=summary.cells)
    span = summary.maximum - summary.minimum
    return tr("{quantity}: {minimum} to {maximum}, mean {mean}, in {cells:# cell|# cells}.").format(
        quantity=_capitalized(quantity),
        minimum=rounded_number(summary.minimum, span),
        maximum=f"{rounded_number(summary.maximum, span)} {unit}".rstrip(),
        mean=f"{rounded_number(summary.mean, span)} {unit}".rstrip(),
        cells=summary.cells,
    )


def _figure(
    contents: Contents,
    picture: Picture,
    legend: Legend,
    name: str,
    alt: str,
    caption: str,
    reduced: ReducedBand,
    overlay: Overlay,
) -> str:
    drawing = ""
    if overlay.shapes:
        box = view_box(contents.grid)
        drawing = f'<svg viewBox="{box}" preserveAspectRatio="none" aria-hidden="true">{overlay.shapes}</svg>'
    if reduced.cells_per_pixel >= 1.5:
        text = tr("Each pixel of the picture stands for about {count} × {count} cells.")
        caption += " " + text.format(count=format_number(float(f"{reduced.cells_per_pixel:.2g}")))
    has_nodata = bool(np.isnan(reduced.values).any())
    return (
        f'<figure><div class="map"><img src="{picture.uri}" width="{picture.width}" height="{picture.height}" '
        f'alt="{escape(alt)}">{drawing}</div>{scale_bar_html(contents.grid)}'
        f"{legend_html(legend, name, has_nodata=has_nodata)}{overlay.legend}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _class_table(legend: Legend, summary: BandSummary) -> str:
    labels = {entry.value: (entry.colour, entry.label) for entry in legend.entries}
    # The smaller components share a colour.
    others = labels.get(math.inf, (NODATA_COLOUR, ""))[0]
    classes = []
    for value, cells in summary.class_cells.most_common(MAX_CLASSES):
        colour, label = labels.get(value, (others, typeset(f"{value:.10g}")))
        # The labels of components give their size, as the table does.
        label = label.removesuffix(tr(" ({size:# cell|# cells})").format(size=cells))
        classes.append((colour, label, cells))
    table = class_bars_html(classes)
    if len(summary.class_cells) > MAX_CLASSES:
        text = tr("The {shown} largest of {count:# class|# classes}.")
        table += f"<p>{escape(text.format(shown=MAX_CLASSES, count=len(summary.class_cells)))}</p>"
    return table


def _peaks(contents: Contents, summary: BandSummary, unit: str, *, by_magnitude: bool) -> str:
    """Return the table of the cells with the largest values."""
    if not summary.peaks:
        return ""
    if by_magnitude:
        title = tr("Cells with the largest effect in either direction, at some distance from each other")
    else:
        title = tr("Cells with the largest values, at some distance from each other")
    heads = ("", "x", "y", tr("Row"), tr("Column"), with_unit(tr("Value"), unit))
    centres = contents.grid.centres(np.array([[peak.row, peak.column] for peak in summary.peaks]))
    xs, ys = (_coordinates(column) for column in centres.T.tolist())
    values = format_column([peak.value for peak in summary.peaks])
    rows = []
    for number, (peak, x, y, value) in enumerate(zip(summary.peaks, xs, ys, values), 1):
        cells = (number, x, y, peak.row + 1, peak.column + 1, value)
        rows.append("<tr>" + "".join(f'<td class="number">{cell}</td>' for cell in cells) + "</tr>")
    head = "".join(f'<th class="number">{escape(text)}</th>' for text in heads)
    table = f"<table><tr>{head}</tr>{''.join(rows)}</table>"
    return f'<p class="note">{escape(title)}:</p><div class="wide">{table}</div>'


def _coordinates(values: list[float]) -> list[str]:
    """Format the coordinates of a column with the same number of decimals."""
    decimals = max(len(f"{value:.10g}".partition(".")[2]) for value in values)
    return [typeset(f"{value:.{decimals}f}") for value in values]


def table_sections(contents: Contents) -> Iterator[str]:
    """Yield a section for each table: its lines on the map, the rows with the largest values and their histogram.

    Two layers of the same rows, one of them with lines, have one section.
    """
    tables = list(contents.tables)
    while tables:
        first = tables[0]
        same = [table for table in tables if table.rows is first.rows and table.columns == first.columns]
        tables = [table for table in tables if table not in same]
        title = contents.algorithm.presenter.name(first.output, first.title)
        parts = []
        for table in same:
            if table.lines is not None and contents.landscape is not None:
                parts.append(_lines(contents, table, f"legend-lines-{len(tables)}"))
        if (largest := largest_rows(first)) is not None:
            parts += [rows_html(first, largest), histogram_svg(largest.values, largest.column, tr("rows"))]
        if parts:
            yield f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _lines(contents: Contents, table: Table, name: str) -> str:
    """Return the lines of a table over a pale picture of the landscape."""
    title = contents.algorithm.presenter.name(table.output, table.title)
    reduced = reduced_array(contents.landscape.values)
    style = (distance_style if contents.quantity == "resistance" else habitat_style)(reduced.values)
    picture, _ = draw(reduced.values, style, _aspect(contents), pale=True)
    lines, features = table_lines(table, contents.grid), _features(contents)
    overlay = Overlay(lines.shapes + features.shapes, lines.legend + features.legend)
    alt = tr("Map: {title} over the landscape").format(title=title)
    caption = tr("{title} over the landscape (pale).").format(title=title)
    return _figure(contents, picture, Legend(()), name, alt, caption, reduced, overlay)


def _features(contents: Contents) -> Overlay:
    if contents.landscape is None:
        return EMPTY
    return input_features(contents.algorithm, contents.parameters, contents.context, contents.grid)


def _aspect(contents: Contents) -> float:
    height, width = contents.grid.pixel_size
    return height / width
