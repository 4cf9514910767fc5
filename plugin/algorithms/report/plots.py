"""Plots as SVG, inside the page."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from ...i18n import tr
from ..formatting import format_number
from .legend import Legend

BINS = 40
WIDTH, HEIGHT, MARGIN = 640, 150, 22

# Percentiles between which a histogram shows the values: a few extreme cells would leave it with a single bar.
SHOWN_PERCENTILES = (0.5, 99.5)

# A histogram of fewer values shows all of them.
MANY = 1000

ONE_COLOUR = "#4b7fb5"

# Numbers this much smaller than the range of the values are 0 but for rounding.
NEGLIGIBLE = 1e-9


def rounded_number(value: float, span: float) -> str:
    """Format a number; one that is negligible relative to the range of the values is 0.

    Parameters
    ----------
    value
        The number.
    span
        The range of the values.
    """
    return format_number(0.0 if abs(value) < NEGLIGIBLE * span else float(value))


def histogram_svg(values: np.ndarray, quantity: str, counted: str, legend: Legend | None = None) -> str:
    """Return a histogram with bars in the colours of the map; empty if all values are equal.

    Parameters
    ----------
    values
        The values.
    quantity
        What the values are.
    counted
        What is counted, such as cells.
    legend
        Legend of the map; without one the bars have one colour.
    """
    values = values[np.isfinite(values)]
    if values.size < 2 or values.min() == values.max():
        return ""
    low, high = np.percentile(values, SHOWN_PERCENTILES) if values.size >= MANY else (0.0, 0.0)
    if not low < high:
        low, high = float(values.min()), float(values.max())
    is_logarithmic = legend is not None and legend.is_logarithmic and legend.entries[0].value / 10 < high
    if is_logarithmic:
        low = max(float(low), legend.entries[0].value / 10)
    bins = min(BINS, math.ceil(2 * math.sqrt(values.size)))
    edges = np.geomspace(low, high, bins + 1) if is_logarithmic else np.linspace(low, high, bins + 1)
    counts = np.histogram(values, edges)[0]
    middles = np.sqrt(edges[1:] * edges[:-1]) if is_logarithmic else (edges[1:] + edges[:-1]) / 2
    colours = legend.colours_of(middles) if legend is not None else [ONE_COLOUR] * bins
    outside = 1.0 - counts.sum() / values.size
    description = tr("Histogram of {quantity}: {counted} by value, from {low} to {high}").format(
        quantity=quantity, counted=counted, low=rounded_number(low, high - low), high=rounded_number(high, high - low)
    )
    note = tr("logarithmic axis") if is_logarithmic else ""
    if outside > 0.0005:
        note = "; ".join(
            filter(None, [note, tr("{percent:.1f} % of the values are outside").format(percent=100 * outside)])
        )
    return _bars(counts, colours, edges, description, note)


def _bars(counts: np.ndarray, colours: list[str], edges: np.ndarray, description: str, note: str) -> str:
    width, tallest = WIDTH / len(counts), max(1, int(counts.max()))
    parts = []
    for number, (count, colour) in enumerate(zip(counts.tolist(), colours)):
        height = (HEIGHT - 2) * count / tallest
        parts.append(
            f'<rect x="{number * width:.1f}" y="{HEIGHT - height:.1f}" width="{width - 1:.1f}" '
            f'height="{height:.1f}" fill="{colour}" stroke="#999" stroke-width="0.5"/>'
        )
    labels = []
    for position, anchor in ((0, "start"), (len(counts) // 2, "middle"), (len(counts), "end")):
        text = escape(rounded_number(edges[position], edges[-1] - edges[0]))
        labels.append(f'<text x="{position * width:.1f}" y="{HEIGHT + 16}" text-anchor="{anchor}">{text}</text>')
    picture = (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT + MARGIN}" role="img" aria-label="{escape(description)}">'
        f'{"".join(parts)}<path d="M0 {HEIGHT}H{WIDTH}" stroke="#222"/>{"".join(labels)}</svg>'
    )
    caption = f"{description} ({note})." if note else f"{description}."
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def class_bars_html(classes: list[tuple[str, str, int]]) -> str:
    """Return a table with a bar for the number of cells of each class.

    Parameters
    ----------
    classes
        Colour, label and number of cells of each class.
    """
    most = max((count for _, _, count in classes), default=1) or 1
    rows = []
    for colour, label, count in classes:
        bar = (
            f'<svg class="count" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{100 * count / most:.1f}" height="10" fill="{colour}" stroke="#777" '
            'stroke-width="0.5"/></svg>'
        )
        rows.append(f'<tr><td>{escape(label)}</td><td class="number">{count:,}</td><td>{bar}</td></tr>')
    titles = (escape(tr("Class")), escape(tr("Cells")), escape(tr("Share")))
    head = f'<tr><th>{titles[0]}</th><th class="number">{titles[1]}</th><th>{titles[2]}</th></tr>'
    return f"<table>{head}{''.join(rows)}</table>"
