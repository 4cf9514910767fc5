"""How QGIS draws Permea's maps, worked out from the values while they are still arrays.

A layer statistic would not do: infinite cells (no way to a source) spoil every stretch that QGIS makes by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
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
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
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
from ..npy_file import NpyFile
from .color_ramps import CATEGORIES, COMPASS, CURRENT, DISTANCE, DIVERGING, HABITAT, LINES, OTHER
from .outputs import format_number

LINE_WIDTH = "0.7"  # millimetres

# A few extreme cells (beside a source, in a bottleneck) would leave the rest of the map in one colour.
UPPER_PERCENTILE = 98.0
# Focal nodes carry most, and are few; corridors are not.
FLOW_PERCENTILE = 99.5
MOST_CELLS_FOR_A_STYLE = 1 << 20
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class Style(ABC):
    """A way to draw a raster, or lines, with the numbers it needs already worked out."""

    @abstractmethod
    def renderer(self, layer: QgsMapLayer) -> QgsRasterRenderer | QgsFeatureRenderer:
        """Make the renderer for a layer, which has been loaded by now."""


@dataclass(frozen=True)
class LinearPseudocolor(Style):
    """Colours running evenly from one value to another; what lies beyond keeps the last colour.

    Parameters
    ----------
    low, high
        The values of the first and of the last colour.
    colours
        From low to high.
    unit
        What stands behind the numbers of the legend.
    """

    low: float
    high: float
    colours: tuple[str, ...]
    unit: str = ""

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        high = self.high if self.high > self.low else self.low + 1.0
        stops = np.linspace(self.low, high, len(self.colours))
        stops[np.abs(stops) < 1e-12 * (high - self.low)] = 0.0
        ramp = QgsColorRampShader(self.low, high)
        ramp.setColorRampType(QgsColorRampShader.Type.Interpolated)
        ramp.setColorRampItemList([_item(stop, colour) for stop, colour in zip(stops, self.colours)])
        ramp.setLegendSettings(_legend(self.unit))
        renderer = _pseudocolour(layer, ramp)
        renderer.setClassificationMin(self.low)
        renderer.setClassificationMax(high)
        return renderer


@dataclass(frozen=True)
class LogPseudocolor(Style):
    """Colours from one value to another, each next one as many times as large as the last.

    What lies beyond keeps the first or the last colour, so 0 has the first.

    The legend has a line for each colour: in a bar, along which values rise evenly, most of them would not be seen.

    Parameters
    ----------
    low, high
        The values of the first and of the last colour, both positive.
    colours
        From low to high.
    unit
        What stands behind the numbers of the legend.
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
        beyond = ["≤ ", *[""] * (len(stops) - 2), "≥ "]
        items = zip(stops, self.colours, beyond)
        ramp.setColorRampItemList([_item(stop, colour, sign + self._label(stop)) for stop, colour, sign in items])
        ramp.setLegendSettings(_legend(self.unit, as_bar=False))
        renderer = _pseudocolour(layer, ramp)
        renderer.setClassificationMin(self.low)
        renderer.setClassificationMax(high)
        return renderer

    def _label(self, value: float) -> str:
        return f"{format_number(float(f'{value:.2g}'))} {self.unit}".strip()


@dataclass(frozen=True)
class ComponentPalette(Style):
    """One colour for each of the first numbers, one for all the others.

    Parameters
    ----------
    sizes
        Number of cells of component 1, 2, …
    has_barriers
        Whether there are cells of none, numbered 0; they are transparent.
    """

    sizes: tuple[int, ...]
    has_barriers: bool = True

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        ramp = QgsColorRampShader(1, max(1, len(self.sizes)))
        ramp.setColorRampType(QgsColorRampShader.Type.Discrete)
        items = [_item(0, "#00000000", tr("barrier"))] if self.has_barriers else []
        for number, (size, colour) in enumerate(zip(self.sizes, CATEGORIES), start=1):
            items.append(_item(number, colour, tr("{number} ({size:,} cells)").format(number=number, size=size)))
        if len(self.sizes) > len(CATEGORIES):
            first, last = len(CATEGORIES) + 1, len(self.sizes)
            label = tr("{first} to {last} (at most {size:,} cells each)")
            size = self.sizes[len(CATEGORIES)]
            items.append(_item(np.inf, OTHER, label.format(first=first, last=last, size=size)))
        ramp.setColorRampItemList(items)
        return _pseudocolour(layer, ramp)


@dataclass(frozen=True)
class GraduatedLines(Style):
    """Lines in classes of equal width of a value, each in a colour of its own.

    Parameters
    ----------
    column
        The column that holds the value.
    bounds
        Of the classes, ascending: one more than there are colours.
    colours
        From low to high.
    """

    column: str
    bounds: tuple[float, ...]
    colours: tuple[str, ...]

    def renderer(self, layer: QgsVectorLayer) -> QgsFeatureRenderer:
        ranges = []
        for low, high, colour in zip(self.bounds, self.bounds[1:], self.colours):
            symbol = QgsLineSymbol.createSimple({"line_color": colour, "line_width": LINE_WIDTH, "capstyle": "round"})
            ranges.append(QgsRendererRange(low, high, symbol, f"{format_number(low)} – {format_number(high)}"))
        return QgsGraduatedSymbolRenderer(self.column, ranges)


def line_style(column: str, values: Sequence[float]) -> Style:
    """Return the style of lines by a value: from pale for cheap to dark for costly, all of one width."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    high = high if high > low else low + (abs(low) or 1.0)
    return GraduatedLines(column, tuple(np.linspace(low, high, len(LINES) + 1).tolist()), LINES)


@dataclass(frozen=True)
class PalettedClasses(Style):
    """One colour and one name for each of some values; nothing for any other.

    Parameters
    ----------
    classes
        Value, colour and name.
    """

    classes: tuple[tuple[int, str, str], ...]

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        classes = [QgsPalettedRasterRenderer.Class(value, QColor(colour), name) for value, colour, name in self.classes]
        return QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes)


@dataclass(frozen=True)
class QmlStyle(Style):
    """A style that somebody saved from QGIS, labels of points included.

    Parameters
    ----------
    path
        A `.qml` file.
    """

    path: str

    def renderer(self, layer: QgsMapLayer) -> QgsRasterRenderer | QgsFeatureRenderer:
        layer.loadNamedStyle(self.path)
        # The layer owns its renderer, and deletes it when it is given one.
        return layer.renderer().clone()


def allocation_style(ids: Sequence[int], names: Sequence[str]) -> Style:
    """Return the style of a map of whose ground each cell is: colours that come again after ten places."""
    pairs = zip(ids, names)
    return PalettedClasses(tuple((id, CATEGORIES[n % len(CATEGORIES)], name) for n, (id, name) in enumerate(pairs)))


def direction_style() -> Style:
    """Return the style of a map of directions, 1 for east and clockwise on to 8, 0 for none: a ring of colours."""
    names = [
        tr("here"), tr("east"), tr("south-east"), tr("south"), tr("south-west"),
        tr("west"), tr("north-west"), tr("north"), tr("north-east"),
    ]  # fmt: skip
    return PalettedClasses(tuple(zip(range(9), COMPASS, names)))


def corridor_style(excess: np.ndarray) -> Style:
    """Return the style of corridors: dark along the cheapest way, pale where the detour is as long as half of all."""
    finite = excess[np.isfinite(excess)]
    high = float(np.median(finite)) if finite.size else 1.0
    high = high if high > 0 else float(finite.max(initial=0.0)) or 1.0
    return LinearPseudocolor(0.0, _rounded_up(high), tuple(reversed(DISTANCE)))


def distance_style(distance: np.ndarray, unit: str = "") -> Style:
    """Return the style of a distance map: pale near the sources, dark far away, from 0 to the 98th percentile."""
    finite = distance[np.isfinite(distance)]
    if finite.size == 0:
        return LinearPseudocolor(0.0, 1.0, DISTANCE, unit)
    low = min(0.0, float(finite.min()))
    high = float(np.percentile(finite, UPPER_PERCENTILE))
    return LinearPseudocolor(low, _rounded_up(high if high > low else float(finite.max())), DISTANCE, unit)


def _rounded_up(value: float) -> float:
    """Three digits for the legend, which writes out every digit that there is."""
    if value <= 0:
        return value
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(f"{np.ceil(value / unit) * unit:.3g}")


def current_style(currents: np.ndarray, unit: str = "") -> Style:
    """Return the style of a current map: equal steps of colour for equal ratios of current, over at most a thousandth.

    Beside a source currents are many times larger than in the corridors that the map is looked at for.
    """
    flowing = currents[np.isfinite(currents) & (currents > 0)]
    if flowing.size == 0:
        return LogPseudocolor(1e-3, 1.0, CURRENT, unit)
    high = float(np.percentile(flowing, FLOW_PERCENTILE))
    low = max(float(np.percentile(flowing, 100.0 - UPPER_PERCENTILE)), high / 1000)
    return LogPseudocolor(low, _rounded_up(high), CURRENT, unit)


def survival_style(survival: np.ndarray) -> Style:
    """Return the style of a map of chances to arrive: pale where a source is near, dark where nobody arrives."""
    finite = survival[np.isfinite(survival)]
    high = float(np.percentile(finite, UPPER_PERCENTILE)) if finite.size else 1.0
    return LinearPseudocolor(0.0, high, tuple(reversed(DISTANCE)))


def sensitivity_style(sensitivity: np.ndarray) -> Style:
    """Return the style of a gradient: as far below zero as above, clipped at the 98th percentile of its size."""
    size = np.abs(sensitivity[np.isfinite(sensitivity)])
    size = size[size > 0]
    reach = _rounded_up(float(np.percentile(size, UPPER_PERCENTILE))) if size.size else 1.0
    return LinearPseudocolor(-reach, reach, DIVERGING)


def ratio_style() -> Style:
    """Return the style of what is beside what is to be expected: pale at 1, blue below, red above, from 0 to 2."""
    return LinearPseudocolor(0.0, 2.0, DIVERGING)


def habitat_style(habitat: np.ndarray) -> Style:
    """Return the style of a map of habitat within reach: pale where there is none, green where there is much."""
    finite = habitat[np.isfinite(habitat)]
    high = float(np.percentile(finite, UPPER_PERCENTILE)) if finite.size else 1.0
    return LinearPseudocolor(0.0, _rounded_up(high if high > 0 else float(finite.max(initial=0.0))), HABITAT)


def sampled(raster: NpyFile) -> np.ndarray:
    """Return enough rows of a raster on disk, evenly spread, for the numbers of a style; all rows of a small one."""
    step = max(1, raster.size // MOST_CELLS_FOR_A_STYLE)
    if step == 1:
        return raster[:]
    return np.concatenate([raster[row : row + 1] for row in range(step // 2, len(raster), step)])


def component_style(labels: np.ndarray) -> Style:
    """Return the style of a map of components, numbered from 1, the largest, on; 0 for barriers, NaN for nodata."""
    sizes = np.bincount(labels[labels > 0].astype(np.int64))[1:]
    return ComponentPalette(tuple(int(size) for size in sizes), has_barriers=bool((labels == 0).any()))


# QGIS keeps only a bare pointer to a post-processor and calls it after the algorithm is gone, so somebody has to
# keep it alive: one for each output written in this session.
_styled_outputs: dict[str, QgsProcessingLayerPostProcessorInterface] = {}


def hide_infinite_cells(layer: QgsRasterLayer) -> None:
    """Have QGIS take infinite cells for nodata."""
    # NaN leaves the range open above; infinity as its end would not be part of it.
    beyond_all_numbers = QgsRasterRange(LARGEST_FLOAT32, np.nan)
    for band in range(1, layer.bandCount() + 1):
        layer.dataProvider().setUserNoDataValue(band, [beyond_all_numbers])


def style_when_loaded(path: str, style: Style, context: QgsProcessingContext) -> None:
    """Ask QGIS to draw an output in this style if it is going to load it.

    Parameters
    ----------
    path
        The output as the algorithm returns it.
    style
        How to draw it.
    context
        Knows which outputs will be loaded.
    """
    if context.willLoadLayerOnCompletion(path):
        _styled_outputs[path] = _PostProcessor(style)
        context.layerToLoadOnCompletionDetails(path).setPostProcessor(_styled_outputs[path])


class _PostProcessor(QgsProcessingLayerPostProcessorInterface):
    """Gives a layer its renderer once QGIS has loaded it; runs in the main thread."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self._style = style

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        if not isinstance(layer, (QgsRasterLayer, QgsVectorLayer)) or layer.dataProvider() is None:
            return
        if isinstance(layer, QgsRasterLayer):
            # The file keeps its infinite cells; to QGIS they are nodata, so that they are transparent and a later
            # stretch or histogram by the user is not spoilt by them.
            hide_infinite_cells(layer)
        layer.setRenderer(self._style.renderer(layer))
        layer.triggerRepaint()


def _item(value: float, colour: str, label: str = "") -> QgsColorRampShader.ColorRampItem:
    return QgsColorRampShader.ColorRampItem(float(value), QColor(colour), label or format_number(value))


def _legend(unit: str, *, as_bar: bool = True) -> QgsColorRampLegendNodeSettings:
    settings = QgsColorRampLegendNodeSettings()
    settings.setUseContinuousLegend(as_bar)
    settings.setSuffix(f" {unit}" if unit else "")
    return settings


def _pseudocolour(layer: QgsRasterLayer, ramp: QgsColorRampShader) -> QgsSingleBandPseudoColorRenderer:
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    return QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
