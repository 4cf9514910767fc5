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

from ..array_file import ArrayFile
from ..translation import tr

# Perceptually even, so that equal steps of cost look equal: pale where a source is near, dark where it is far.
NEAR_TO_FAR = (
    "#fcfdbf", "#feca8d", "#fd9668", "#f1605d", "#cd4071", "#9e2f7f", "#721f81", "#440f76", "#180f3d",
)  # fmt: skip
# As above, without what is too pale for a thin line.
LINES = ("#fd9668", "#f1605d", "#cd4071", "#9e2f7f", "#440f76")
LINE_WIDTH = "0.7"  # millimetres
# Blue where raising the value lowers the connectivity scalar, red where it raises it, pale around none.
BELOW_TO_ABOVE_ZERO = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7",
    "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip
# Bare ground to closed forest.
LITTLE_TO_MUCH = (
    "#f7f4e3", "#dfe8b8", "#b8d68c", "#86bf6b", "#54a353", "#2d8344", "#146338", "#06452b",
)  # fmt: skip
# Dark where hardly anything flows, glowing where much does.
TRICKLE_TO_STREAM = (
    "#0b0724", "#2a0b53", "#560f6d", "#7f1e6c", "#a82e5f", "#cf4446", "#ea6428", "#f98e09", "#f6c93c", "#fdf7b2",
)  # fmt: skip
# Told apart also by most people who do not see red and green as different.
CATEGORIES = (
    "#1b7f5c", "#e08e2b", "#4b7fb5", "#a8577e", "#8fb339", "#7a5ea8", "#d6c13a", "#3fb3b0", "#c4553b", "#5f6f7a",
)  # fmt: skip
# Neighbouring directions look alike, opposite ones do not.
COMPASS = (
    "#222222", "#e41a1c", "#ff7f00", "#ffd92f", "#a6d854", "#1b9e77", "#41b6c4", "#386cb0", "#984ea3",
)  # fmt: skip
THE_REST = "#c9c9c4"

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
class Stretched(Style):
    """Colours running evenly from one value to another; what lies beyond keeps the last colour.

    Parameters
    ----------
    low, high
        The values of the first and of the last colour.
    colours
        From low to high.
    """

    low: float
    high: float
    colours: tuple[str, ...]

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        high = self.high if self.high > self.low else self.low + 1.0
        stops = np.linspace(self.low, high, len(self.colours))
        stops[np.abs(stops) < 1e-12 * (high - self.low)] = 0.0
        ramp = QgsColorRampShader(self.low, high)
        ramp.setColorRampType(QgsColorRampShader.Type.Interpolated)
        ramp.setColorRampItemList([_item(stop, colour) for stop, colour in zip(stops, self.colours)])
        renderer = _pseudocolour(layer, ramp)
        renderer.setClassificationMin(self.low)
        renderer.setClassificationMax(high)
        return renderer


@dataclass(frozen=True)
class Multiplied(Style):
    """Colours from one value to another, each next one as many times as large as the last; 0 has the first colour.

    Parameters
    ----------
    low, high
        The values of the first and of the last colour, both positive.
    colours
        From low to high.
    """

    low: float
    high: float
    colours: tuple[str, ...]

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        high = self.high if self.high > self.low else 2 * self.low
        stops = np.geomspace(self.low, high, len(self.colours))
        ramp = QgsColorRampShader(0.0, high)
        ramp.setColorRampType(QgsColorRampShader.Type.Interpolated)
        items = [_item(stop, colour, f"{stop:.3g}") for stop, colour in zip(stops, self.colours)]
        ramp.setColorRampItemList([_item(0.0, self.colours[0]), *items])
        # A bar would run evenly from 0 to the highest value, and all but a tenth of it would have the last colours.
        listed = QgsColorRampLegendNodeSettings()
        listed.setUseContinuousLegend(False)
        ramp.setLegendSettings(listed)
        renderer = _pseudocolour(layer, ramp)
        renderer.setClassificationMin(0.0)
        renderer.setClassificationMax(high)
        return renderer


@dataclass(frozen=True)
class Numbered(Style):
    """One colour for each of the first numbers, one for all the others.

    Parameters
    ----------
    sizes
        Number of cells of component 1, 2, …
    """

    sizes: tuple[int, ...]

    def renderer(self, layer: QgsRasterLayer) -> QgsRasterRenderer:
        ramp = QgsColorRampShader(1, max(1, len(self.sizes)))
        ramp.setColorRampType(QgsColorRampShader.Type.Discrete)
        items = [_item(0, "#00000000", tr("barrier"))]
        for number, (size, colour) in enumerate(zip(self.sizes, CATEGORIES), start=1):
            items.append(_item(number, colour, tr("{number} ({size:,} cells)").format(number=number, size=size)))
        if len(self.sizes) > len(CATEGORIES):
            first, last = len(CATEGORIES) + 1, len(self.sizes)
            label = tr("{first} to {last} (at most {size:,} cells each)")
            size = self.sizes[len(CATEGORIES)]
            items.append(_item(np.inf, THE_REST, label.format(first=first, last=last, size=size)))
        ramp.setColorRampItemList(items)
        return _pseudocolour(layer, ramp)


@dataclass(frozen=True)
class Graded(Style):
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
            ranges.append(QgsRendererRange(low, high, symbol, f"{low:.4g} – {high:.4g}"))
        return QgsGraduatedSymbolRenderer(self.column, ranges)


def line_style(column: str, values: Sequence[float]) -> Style:
    """Return the style of lines by a value: from pale for cheap to dark for costly, all of one width."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    high = high if high > low else low + (abs(low) or 1.0)
    return Graded(column, tuple(np.linspace(low, high, len(LINES) + 1).tolist()), LINES)


@dataclass(frozen=True)
class Named(Style):
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


def ground_style(ids: Sequence[int], names: Sequence[str]) -> Style:
    """Return the style of a map of whose ground each cell is: colours that come again after ten places."""
    pairs = zip(ids, names)
    return Named(tuple((id, CATEGORIES[n % len(CATEGORIES)], name) for n, (id, name) in enumerate(pairs)))


def direction_style() -> Style:
    """Return the style of a map of directions, 1 for east and clockwise on to 8, 0 for none: a ring of colours."""
    names = [
        tr("here"), tr("east"), tr("south-east"), tr("south"), tr("south-west"),
        tr("west"), tr("north-west"), tr("north"), tr("north-east"),
    ]  # fmt: skip
    return Named(tuple(zip(range(9), COMPASS, names)))


def corridor_style(excess: np.ndarray) -> Style:
    """Return the style of corridors: dark along the cheapest way, pale where the detour is as long as half of all."""
    finite = excess[np.isfinite(excess)]
    high = float(np.median(finite)) if finite.size else 1.0
    high = high if high > 0 else float(finite.max(initial=0.0)) or 1.0
    return Stretched(0.0, _rounded_up(high), tuple(reversed(NEAR_TO_FAR)))


def distance_style(distance: np.ndarray) -> Style:
    """Return the style of a distance map: pale near the sources, dark far away, from 0 to the 98th percentile."""
    finite = distance[np.isfinite(distance)]
    if finite.size == 0:
        return Stretched(0.0, 1.0, NEAR_TO_FAR)
    low = min(0.0, float(finite.min()))
    high = float(np.percentile(finite, UPPER_PERCENTILE))
    return Stretched(low, _rounded_up(high if high > low else float(finite.max())), NEAR_TO_FAR)


def _rounded_up(value: float) -> float:
    """Three digits for the legend, which writes out every digit that there is."""
    if value <= 0:
        return value
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(f"{np.ceil(value / unit) * unit:.3g}")


def current_style(currents: np.ndarray) -> Style:
    """Return the style of a current map: equal steps of colour for equal ratios of current, over at most a thousandth.

    Beside a source currents are many times larger than in the corridors that the map is looked at for.
    """
    flowing = currents[np.isfinite(currents) & (currents > 0)]
    if flowing.size == 0:
        return Multiplied(1e-3, 1.0, TRICKLE_TO_STREAM)
    high = float(np.percentile(flowing, FLOW_PERCENTILE))
    low = max(float(np.percentile(flowing, 100.0 - UPPER_PERCENTILE)), high / 1000)
    return Multiplied(low, _rounded_up(high), TRICKLE_TO_STREAM)


def survival_style(survival: np.ndarray) -> Style:
    """Return the style of a map of chances to arrive: pale where a source is near, dark where nobody arrives."""
    finite = survival[np.isfinite(survival)]
    high = float(np.percentile(finite, UPPER_PERCENTILE)) if finite.size else 1.0
    return Stretched(0.0, high, tuple(reversed(NEAR_TO_FAR)))


def sensitivity_style(sensitivity: np.ndarray) -> Style:
    """Return the style of a gradient: as far below zero as above, clipped at the 98th percentile of its size."""
    size = np.abs(sensitivity[np.isfinite(sensitivity)])
    size = size[size > 0]
    reach = _rounded_up(float(np.percentile(size, UPPER_PERCENTILE))) if size.size else 1.0
    return Stretched(-reach, reach, BELOW_TO_ABOVE_ZERO)


def habitat_style(habitat: np.ndarray) -> Style:
    """Return the style of a map of habitat within reach: pale where there is none, green where there is much."""
    finite = habitat[np.isfinite(habitat)]
    high = float(np.percentile(finite, UPPER_PERCENTILE)) if finite.size else 1.0
    return Stretched(0.0, _rounded_up(high if high > 0 else float(finite.max(initial=0.0))), LITTLE_TO_MUCH)


def ratio_style() -> Style:
    """Return the style of a ratio: pale where it is 1, blue below, red above, the same for all maps to compare them."""
    return Stretched(0.0, 2.0, BELOW_TO_ABOVE_ZERO)


def sampled(raster: ArrayFile) -> np.ndarray:
    """Return enough rows of a raster on disk, evenly spread, for the numbers of a style; all rows of a small one."""
    step = max(1, raster.size // MOST_CELLS_FOR_A_STYLE)
    if step == 1:
        return raster[:]
    return np.concatenate([raster[row : row + 1] for row in range(step // 2, len(raster), step)])


def component_style(labels: np.ndarray) -> Style:
    """Return the style of a map of components, numbered from 1, the largest, on."""
    sizes = np.bincount(labels[labels > 0].astype(np.int64))[1:]
    return Numbered(tuple(int(size) for size in sizes))


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
        _styled_outputs[path] = _Styler(style)
        context.layerToLoadOnCompletionDetails(path).setPostProcessor(_styled_outputs[path])


class _Styler(QgsProcessingLayerPostProcessorInterface):
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
    return QgsColorRampShader.ColorRampItem(float(value), QColor(colour), label or f"{value:.4g}")


def _pseudocolour(layer: QgsRasterLayer, ramp: QgsColorRampShader) -> QgsSingleBandPseudoColorRenderer:
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    return QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
