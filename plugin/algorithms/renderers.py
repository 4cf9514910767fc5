"""Layer styles as plain values, and the QGIS renderers made from them.

A style is computed from the values while they are still arrays and turned into a renderer when QGIS has loaded the
layer. QGIS's own statistics would not do: a few extreme cells, or infinite ones if they are kept, spoil the stretch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from qgis.core import (
    QgsColorRampLegendNodeSettings,
    QgsColorRampShader,
    QgsFeatureRenderer,
    QgsGraduatedSymbolRenderer,
    QgsLineSymbol,
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsRasterRange,
    QgsRasterRenderer,
    QgsRasterShader,
    QgsRendererRange,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from ..i18n import tr
from .color_ramps import CATEGORIES, OTHER
from .formatting import format_number

LINE_WIDTH_MM = 0.7
# White, because the legend of a print layout draws colours without their transparency.
TRANSPARENT = "#00ffffff"
MAX_FLOAT64 = float(np.finfo(np.float64).max)


class Style(ABC):
    """A layer style with all its numbers computed.

    Attributes
    ----------
    unit
        Unit of the values; empty if they have none, or if the style does not know it.
    """

    unit: str = ""

    @abstractmethod
    def renderer(self, layer: QgsMapLayer) -> QgsRasterRenderer | QgsFeatureRenderer:
        """Return the renderer for a loaded layer."""


@dataclass(frozen=True)
class LinearPseudocolor(Style):
    """Singleband pseudocolour with equally spaced stops; values outside the range keep the outermost colours.

    Parameters
    ----------
    low, high
        Values of the first and last colour.
    colours
        From low to high.
    unit
        Suffix of the numbers in the legend.
    beyond
        Whether there are values below and above the range, which the legend then marks by ≤ and ≥.
    notes
        What the lowest and the highest values mean, for the legend; empty for nothing.
    transparent_beyond
        Whether values outside the range are transparent instead.
    """

    low: float
    high: float
    colours: tuple[str, ...]
    unit: str = ""
    beyond: tuple[bool, bool] = (False, False)
    notes: tuple[str, str] = ("", "")
    transparent_beyond: bool = False

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        high = self.high if self.high > self.low else self.low + 1.0
        stops = np.linspace(self.low, high, len(self.colours))
        stops[np.abs(stops) < 1e-12 * (high - self.low)] = 0.0
        ramp = QgsColorRampShader(self.low, high)
        ramp.setColorRampType(QgsColorRampShader.Type.Interpolated)
        ramp.setColorRampItemList([_ramp_item(stop, colour) for stop, colour in zip(stops, self.colours)])
        ramp.setClip(self.transparent_beyond)
        settings = _legend_settings(continuous=True)
        settings.setMinimumLabel(self._label(self.low, "≤", 0))
        settings.setMaximumLabel(self._label(high, "≥", 1))
        ramp.setLegendSettings(settings)
        renderer = _pseudocolor_renderer(layer, ramp)
        renderer.setClassificationMin(self.low)
        renderer.setClassificationMax(high)
        return renderer

    def _label(self, value: float, sign: str, end: int) -> str:
        number = f"{sign} {format_number(value)}" if self.beyond[end] else format_number(value)
        label = f"{number} {self.unit}".rstrip()
        return f"{label} ({self.notes[end]})" if self.notes[end] else label


@dataclass(frozen=True)
class LogPseudocolor(Style):
    """Singleband pseudocolour with logarithmically spaced stops.

    Values outside the range, 0 included, keep the outermost colours. The legend has one entry per colour: in a
    continuous legend, whose scale is linear, most colours would be invisible.

    Parameters
    ----------
    low, high
        Values of the first and last colour, both positive.
    colours
        From low to high.
    unit
        Suffix of the numbers in the legend.
    """

    low: float
    high: float
    colours: tuple[str, ...]
    unit: str = ""

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        high = self.high if self.high > self.low else 2 * self.low
        stops = np.geomspace(self.low, high, len(self.colours))
        ramp = QgsColorRampShader(self.low, high)
        ramp.setColorRampType(QgsColorRampShader.Type.Interpolated)
        signs = ["≤ ", *[""] * (len(stops) - 2), "≥ "]
        items = zip(stops, self.colours, signs)
        ramp.setColorRampItemList([_ramp_item(stop, colour, sign + self._label(stop)) for stop, colour, sign in items])
        ramp.setLegendSettings(_legend_settings(continuous=False))
        renderer = _pseudocolor_renderer(layer, ramp)
        renderer.setClassificationMin(self.low)
        renderer.setClassificationMax(high)
        return renderer

    def _label(self, value: float) -> str:
        return f"{format_number(float(f'{value:.2g}'))} {self.unit}".strip()


@dataclass(frozen=True)
class ComponentPalette(Style):
    """One colour for each of the largest components, one colour for all others.

    Parameters
    ----------
    sizes
        Number of cells of component 1, 2, …
    has_barriers
        Whether the raster has barrier cells, numbered 0; they are transparent.
    """

    sizes: tuple[int, ...]
    has_barriers: bool = True

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        ramp = QgsColorRampShader(1, max(1, len(self.sizes)))
        ramp.setColorRampType(QgsColorRampShader.Type.Discrete)
        items = [_ramp_item(0, TRANSPARENT, tr("barrier"))] if self.has_barriers else []
        for number, (size, colour) in enumerate(zip(self.sizes, CATEGORIES), start=1):
            items.append(
                _ramp_item(number, colour, tr("{number} ({size:# cell|# cells})").format(number=number, size=size))
            )
        if len(self.sizes) > len(CATEGORIES):
            first, last = len(CATEGORIES) + 1, len(self.sizes)
            label = tr("{first} to {last} (at most {size:# cell|# cells} each)")
            size = self.sizes[len(CATEGORIES)]
            items.append(_ramp_item(np.inf, OTHER, label.format(first=first, last=last, size=size)))
        ramp.setColorRampItemList(items)
        return _pseudocolor_renderer(layer, ramp)


@dataclass(frozen=True)
class GraduatedLines(Style):
    """Graduated lines.

    Parameters
    ----------
    column
        Field with the value.
    bounds
        Class boundaries in ascending order, one more than there are colours.
    colours
        From low to high.
    unit
        Suffix of the numbers in the legend.
    labels
        Label of each class; by default its bounds with the unit.
    widths
        Width of the lines of each class, in millimetres; by default the same for all.
    """

    column: str
    bounds: tuple[float, ...]
    colours: tuple[str, ...]
    unit: str = ""
    labels: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()

    def renderer(self, layer: QgsVectorLayer) -> QgsFeatureRenderer:
        ranges = []
        for number, (low, high, colour) in enumerate(zip(self.bounds, self.bounds[1:], self.colours)):
            width = self.widths[number] if self.widths else LINE_WIDTH_MM
            properties = {"line_color": colour, "line_width": str(width), "capstyle": "round"}
            symbol = QgsLineSymbol.createSimple(properties)
            label = f"{format_number(low)} – {format_number(high)} {self.unit}".rstrip()
            ranges.append(QgsRendererRange(low, high, symbol, self.labels[number] if self.labels else label))
        return QgsGraduatedSymbolRenderer(self.column, ranges)


@dataclass(frozen=True)
class PalettedClasses(Style):
    """Paletted classes; all other values are transparent.

    Parameters
    ----------
    classes
        Value, colour and label of each class.
    """

    classes: tuple[tuple[int, str, str], ...]

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        items = [QgsPalettedRasterRenderer.Class(value, QColor(colour), label) for value, colour, label in self.classes]
        return QgsPalettedRasterRenderer(layer.dataProvider(), 1, items)


@dataclass(frozen=True)
class QmlStyle(Style):
    """A style saved from QGIS, with labels.

    Parameters
    ----------
    path
        A `.qml` file.
    """

    path: str

    def renderer(self, layer: QgsMapLayer) -> QgsRasterRenderer | QgsFeatureRenderer:
        layer.loadNamedStyle(self.path)
        # The layer owns its renderer and deletes it when it receives another one.
        return layer.renderer().clone()


def hide_infinite_cells(layer: QgsRasterLayer) -> None:
    """Declare infinite cells as additional nodata values of a layer."""
    # NaN leaves the range open above; infinity as its upper end would be excluded.
    above_all_numbers = QgsRasterRange(MAX_FLOAT64, np.nan)
    for band in range(1, layer.bandCount() + 1):
        layer.dataProvider().setUserNoDataValue(band, [above_all_numbers])


def _ramp_item(value: float, colour: str, label: str = "") -> QgsColorRampShader.ColorRampItem:
    return QgsColorRampShader.ColorRampItem(float(value), QColor(colour), label or format_number(value))


def _legend_settings(*, continuous: bool) -> QgsColorRampLegendNodeSettings:
    settings = QgsColorRampLegendNodeSettings()
    settings.setUseContinuousLegend(continuous)
    return settings


def _pseudocolor_renderer(layer: QgsRasterLayer, ramp: QgsColorRampShader) -> QgsSingleBandPseudoColorRenderer:
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    return QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
