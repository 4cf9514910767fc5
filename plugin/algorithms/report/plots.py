"""Plots as SVG, inside the page."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from ...i18n import tr
from ..formatting import format_number
from .axes import linear_ticks, logarithmic_ticks
from .legend import Legend

BINS = 40
WIDTH, HEIGHT, MARGIN = 640, 150, 26

# Width of a digit in the labels of an axis, about.
LETTER_WIDTH = 8.5

# Percentiles between which a histogram shows the values: a few extreme cells would leave it with a single bar.
SHOWN_PERCENTILES = (0.5, 99.5)

# A histogram of fewer values shows all of them.
MANY = 1000

# Fraction of zeros above which they are left out.
MOSTLY = 0.5

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
        What the values are, with their unit.
    counted
        What is counted, such as cells.
    legend
        Legend of the map; without one the bars have one colour.
    """
    values = values[np.isfinite(values)]
    count, is_zero = values.size, values == 0
    is_logarithmic = legend is not None and legend.is_logarithmic and legend.entries[0].value / 10 < values.max()
    # Where most cells have no effect, their bar would leave the others invisible; a logarithmic axis has no 0.
    leaves_out_zeros = is_logarithmic or MOSTLY * count < np.count_nonzero(is_zero) < count
    if leaves_out_zeros:
        values = values[~is_zero]
    if values.size < 2 or values.min() == values.max():
        return ""
    low, high = _shown_range(values, legend)
    if is_logarithmic:
        low = max(low, legend.entries[0].value / 10)
    bins = min(BINS, math.ceil(2 * math.sqrt(values.size)))
    edges = np.geomspace(low, high, bins + 1) if is_logarithmic else np.linspace(low, high, bins + 1)
    counts = np.histogram(values, edges)[0]
    middles = np.sqrt(edges[1:] * edges[:-1]) if is_logarithmic else (edges[1:] + edges[:-1]) / 2
    colours = legend.colours_of(middles) if legend is not None else [ONE_COLOUR] * bins
    zeros = 100 * np.count_nonzero(is_zero) / count if leaves_out_zeros else 0.0
    outside = 100 * (values.size - counts.sum()) / count
    notes = [tr("{percent} % in the tallest bar").format(percent=_percent(100 * counts.max() / count))]
    if zeros > 0.05:
        notes.append(tr("{percent} % are 0 and not shown").format(percent=_percent(zeros)))
    if outside > 0.05:
        notes.append(tr("{percent} % beyond the axis").format(percent=_percent(outside)))
    if is_logarithmic:
        notes.append(tr("logarithmic axis"))
    description = tr("Histogram of {quantity}: {counted} by value").format(quantity=quantity, counted=counted)
    ticks = (logarithmic_ticks if is_logarithmic else linear_ticks)(float(low), float(high))
    scale = np.log if is_logarithmic else (lambda value: value)
    left, right = scale(low), scale(high)
    places = [(WIDTH * float((scale(value) - left) / (right - left)), label) for value, label in ticks]
    return _bars(counts, colours, places, description, "; ".join(notes))


def _shown_range(values: np.ndarray, legend: Legend | None) -> tuple[float, float]:
    """Return the ends of the axis of a histogram: the range of the colours, or all but a few extreme values."""
    low, high = float(values.min()), float(values.max())
    if legend is not None and legend.is_continuous:
        ends = max(low, legend.entries[0].value), min(high, legend.entries[-1].value)
    else:
        ends = np.percentile(values, SHOWN_PERCENTILES).tolist() if values.size >= MANY else (low, high)
    return (ends[0], ends[1]) if ends[0] < ends[1] else (low, high)


def _percent(percent: float) -> str:
    return f"{percent:.0f}" if percent >= 10 else f"{percent:.1f}"


def _bars(counts: np.ndarray, colours: list[str], ticks: list[tuple[float, str]], description: str, notes: str) -> str:
    width, tallest = WIDTH / len(counts), max(1, int(counts.max()))
    parts = []
    for number, (count, colour) in enumerate(zip(counts.tolist(), colours)):
        height = (HEIGHT - 2) * count / tallest
        parts.append(
            f'<rect x="{number * width:.1f}" y="{HEIGHT - height:.1f}" width="{width - 1:.1f}" '
            f'height="{height:.1f}" fill="{colour}" stroke="#999" stroke-width="0.5"/>'
        )
    axis, labels = f"M0 {HEIGHT}H{WIDTH}", []
    for place, label in ticks:
        axis += f"M{place:.1f} {HEIGHT}v5"
        # A label at the end of the axis would be cut off.
        half = LETTER_WIDTH * len(label) / 2
        middle = min(max(place, half), WIDTH - half)
        labels.append(f'<text x="{middle:.1f}" y="{HEIGHT + 20}" text-anchor="middle">{escape(label)}</text>')
    picture = (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT + MARGIN}" role="img" aria-label="{escape(description)}">'
        f'{"".join(parts)}<path d="{axis}" stroke="#222" fill="none"/>{"".join(labels)}</svg>'
    )
    caption = f"{description} ({notes})."
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
