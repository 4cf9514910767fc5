"""The legend of a map, read from the renderer that QGIS draws it with."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
from qgis.core import (
    QgsColorRampShader,
    QgsPalettedRasterRenderer,
    QgsRasterRenderer,
    QgsSingleBandPseudoColorRenderer,
)

from ...i18n import tr
from ..formatting import format_number

#: Colour of cells without a value.
NODATA_COLOUR = "#dcdcd8"

# Most entries of a legend of classes.
MAX_ENTRIES = 14

# Ratios of the stops of a logarithmic scale agree to this, as stops are rounded.
SAME_RATIO = 1e-3


@dataclass(frozen=True)
class Entry:
    """An entry of a legend.

    Parameters
    ----------
    value
        The value, or the largest one of a class.
    colour
        As ``#rrggbb``.
    label
        What the user reads.
    """

    value: float
    colour: str
    label: str


@dataclass(frozen=True)
class Legend:
    """The legend of a map.

    Parameters
    ----------
    entries
        From low to high.
    is_continuous
        Whether the entries are the ends of a colour bar rather than single colours.
    are_classes
        Whether the values are classes.
    """

    entries: tuple[Entry, ...]
    is_continuous: bool = False
    are_classes: bool = False

    @property
    def is_diverging(self) -> bool:
        """Whether the colours diverge around 0."""
        values = [entry.value for entry in self.entries]
        return not self.are_classes and bool(values) and min(values) < 0 < max(values)

    @property
    def is_logarithmic(self) -> bool:
        """Whether the colours are spaced logarithmically."""
        values = np.array([entry.value for entry in self.entries])
        if self.are_classes or len(values) < 3 or not (np.isfinite(values).all() and values.min() > 0):
            return False
        ratios = values[1:] / values[:-1]
        return bool(np.ptp(ratios) < SAME_RATIO * ratios[0] and ratios[0] > 1.05)

    def colours_of(self, values: np.ndarray) -> list[str]:
        """Return the colours of some values of a map that has no classes."""
        if not self.entries:
            return ["#666666"] * len(values)
        stops = np.array([entry.value for entry in self.entries])
        channels = np.array([[int(entry.colour[i : i + 2], 16) for i in (1, 3, 5)] for entry in self.entries])
        mixed = np.stack([np.interp(values, stops, channel) for channel in channels.T], axis=1).round().astype(int)
        return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed.tolist()]


def legend_of(renderer: QgsRasterRenderer) -> Legend:
    """Return the legend of a renderer."""
    if isinstance(renderer, QgsPalettedRasterRenderer):
        entries = [Entry(float(each.value), each.color.name(), each.label) for each in renderer.classes()]
        return Legend(tuple(entries), are_classes=True)
    ramp = renderer.shader().rasterShaderFunction() if isinstance(renderer, QgsSingleBandPseudoColorRenderer) else None
    if not isinstance(ramp, QgsColorRampShader):
        return Legend(())
    items = ramp.colorRampItemList()
    if ramp.colorRampType() != QgsColorRampShader.Type.Interpolated:
        visible = [item for item in items if item.color.alpha()]
        return Legend(tuple(Entry(item.value, item.color.name(), item.label) for item in visible), are_classes=True)
    entries = tuple(Entry(item.value, item.color.name(), item.label) for item in items)
    settings = ramp.legendSettings()
    if settings is None or not settings.useContinuousLegend() or not entries:
        return Legend(entries)
    return Legend(_with_ends(entries, settings), is_continuous=True)


def _with_ends(entries: tuple[Entry, ...], settings) -> tuple[Entry, ...]:
    """Label the entries of a colour bar as QGIS labels its ends."""

    def label(value: float, set_by_style: str = "") -> str:
        return set_by_style or f"{settings.prefix()}{format_number(value)}{settings.suffix()}"

    first, *middle, last = entries if len(entries) > 1 else (entries[0], entries[0])
    return (
        Entry(first.value, first.colour, label(first.value, settings.minimumLabel())),
        *(Entry(entry.value, entry.colour, label(entry.value)) for entry in middle),
        Entry(last.value, last.colour, label(last.value, settings.maximumLabel())),
    )


def legend_html(legend: Legend, name: str, *, has_nodata: bool) -> str:
    """Return a legend as HTML.

    Parameters
    ----------
    legend
        The legend.
    name
        A name that is unique in the page.
    has_nodata
        Whether the map has cells without a value, which are grey.
    """
    parts = [_bar(legend, name)] if legend.is_continuous else []
    entries = [] if legend.is_continuous else list(legend.entries[:MAX_ENTRIES])
    items = [_swatch(entry.colour, entry.label) for entry in entries]
    if not legend.is_continuous and len(legend.entries) > MAX_ENTRIES:
        more = tr("{count:,} more").format(count=len(legend.entries) - MAX_ENTRIES)
        items.append(f"<li>{escape(more)}</li>")
    if has_nodata:
        items.append(_swatch(NODATA_COLOUR, tr("no data or no value")))
    if items:
        parts.append(f'<ul class="legend">{"".join(items)}</ul>')
    return "".join(parts)


def _swatch(colour: str, label: str) -> str:
    picture = (
        '<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">'
        f'<rect width="14" height="14" fill="{colour}" stroke="#777"/></svg>'
    )
    return f"<li>{picture} {escape(label)}</li>"


def _bar(legend: Legend, name: str) -> str:
    low, high = legend.entries[0].value, legend.entries[-1].value
    span = high - low or 1.0
    stops = "".join(
        f'<stop offset="{100 * (entry.value - low) / span:.1f}%" stop-color="{entry.colour}"/>'
        for entry in legend.entries
    )
    ends = (legend.entries[0].label, legend.entries[-1].label)
    description = tr("Colours from {low} to {high}").format(low=ends[0], high=ends[1])
    middle = escape(format_number(0.0)) if legend.is_diverging else ""
    return (
        f'<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(description)}"><defs><linearGradient id="{name}">{stops}</linearGradient></defs>'
        f'<rect width="100" height="4" fill="url(#{name})"/></svg>'
        f'<div class="ends"><span>{escape(ends[0])}</span><span>{middle}</span><span>{escape(ends[1])}</span></div>'
    )
