"""Draw maps side by side in one figure, as in a paper: letters, titles, colour bars, a scale bar, a north arrow.

QGIS's own renderer draws each map, so a layer looks as it does in QGIS; only PyQGIS is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsMapLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter, QPen, QPolygonF

INK = QColor("#1c2a33")
QUIET = QColor("#5d6b75")
SEA = QColor("#dfe8ee")

MAP_WIDTH = 840
MARGIN = 56
GUTTER = 64
TITLE_HEIGHT = 92
BAR_HEIGHT = 96
CAPTION_HEIGHT = 72
BAR_TIP = 14
HAIR = 0.01  # a negligible fraction of a colour bar


@dataclass(frozen=True)
class Panel:
    """One map of the figure: a styled raster, layers above it, a title, and the meaning of its colours.

    `value_range` holds the smallest and the largest value of the raster, `unit` stands beside the colour bar, and the
    layers of `overlay` lie above the raster, the first on top.
    """

    raster: QgsRasterLayer
    title: str
    subtitle: str
    unit: str
    value_range: tuple[float, float]
    overlay: tuple[QgsMapLayer, ...] = ()


def draw_figure(panels: list[Panel], caption: str, path: Path, columns: int = 2) -> None:
    """Draw the panels row by row into a PNG.

    All panels show the extent of the first. Raises `OSError` if the picture cannot be written.
    """
    extent = panels[0].raster.extent()
    map_height = round(MAP_WIDTH * extent.height() / extent.width())
    rows = -(-len(panels) // columns)
    cell_width, cell_height = MAP_WIDTH + GUTTER, TITLE_HEIGHT + map_height + BAR_HEIGHT
    width = 2 * MARGIN + columns * cell_width - GUTTER
    height = MARGIN + rows * cell_height + CAPTION_HEIGHT
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    try:
        for index, panel in enumerate(panels):
            left = MARGIN + (index % columns) * cell_width
            top = MARGIN // 2 + (index // columns) * cell_height
            frame = QRectF(left, top + TITLE_HEIGHT, MAP_WIDTH, map_height)
            _draw_title(painter, frame, chr(ord("a") + index), panel)
            _draw_map(painter, frame, panel, extent)
            _draw_colour_bar(painter, frame, panel)
            if index == 0:
                _draw_scale_and_north(painter, frame, extent)
        painter.setPen(QUIET)
        painter.setFont(_font(17))
        place = QRectF(MARGIN, height - CAPTION_HEIGHT - 4, width - 2 * MARGIN, CAPTION_HEIGHT)
        painter.drawText(
            place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, caption
        )
    finally:
        painter.end()
    if not image.save(str(path)):
        raise OSError(f"The picture cannot be written to {path}.")


def _font(pixels: int, bold: bool = False) -> QFont:
    font = QFont("DejaVu Sans")
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font


def _draw_title(painter: QPainter, frame: QRectF, letter: str, panel: Panel) -> None:
    painter.setPen(INK)
    painter.setFont(_font(27, bold=True))
    painter.drawText(QPointF(frame.left(), frame.top() - 46), letter)
    painter.drawText(QPointF(frame.left() + 36, frame.top() - 46), panel.title)
    painter.setPen(QUIET)
    painter.setFont(_font(19))
    painter.drawText(QPointF(frame.left() + 36, frame.top() - 16), panel.subtitle)


def _draw_map(painter: QPainter, frame: QRectF, panel: Panel, extent: QgsRectangle) -> None:
    size = QSize(round(frame.width()), round(frame.height()))
    painter.drawImage(frame, map_image([*panel.overlay, panel.raster], extent, size, 144))
    painter.setPen(QPen(INK, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(frame)


def map_image(layers: list[QgsMapLayer], extent: QgsRectangle, size: QSize, resolution: float) -> QImage:
    """Let QGIS draw layers, the first on top, in the CRS of the last one.

    `size` is in pixels, `resolution` in dots per inch: at a higher resolution symbols have more pixels.
    """
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[-1].crs())
    settings.setExtent(extent)
    settings.setBackgroundColor(SEA)
    settings.setOutputSize(size)
    settings.setOutputDpi(resolution)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def _draw_colour_bar(painter: QPainter, frame: QRectF, panel: Panel) -> None:
    """Draw the colours of the layer's style on a scale of round values; a tip means that values continue there."""
    items = _items_in_use(panel)
    low, high = items[0].value, items[-1].value
    bar = QRectF(frame.left() + BAR_TIP, frame.bottom() + 16, frame.width() * 0.7 - 2 * BAR_TIP, 20)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for item in items:
        gradient.setColorAt((item.value - low) / (high - low), item.color)
    painter.fillRect(bar, gradient)
    painter.setPen(QPen(INK, 1))
    painter.drawRect(bar)
    for edge, colour, goes_on, outwards in (
        (bar.left(), items[0].color, panel.value_range[0] < low - HAIR * (high - low), -BAR_TIP),
        (bar.right(), items[-1].color, panel.value_range[1] > high + HAIR * (high - low), BAR_TIP),
    ):
        if goes_on:
            tip = [QPointF(edge, bar.top()), QPointF(edge + outwards, bar.center().y()), QPointF(edge, bar.bottom())]
            painter.setBrush(colour)
            painter.drawPolygon(QPolygonF(tip))
    painter.setFont(_font(17))
    for value in _round_values(low, high):
        x = bar.left() + bar.width() * (value - low) / (high - low)
        painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + 5))
        place = QRectF(x - 60, bar.bottom() + 7, 120, 24)
        painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, _number(value))
    painter.setPen(QUIET)
    left = frame.left() + frame.width() * 0.7 + 24
    place = QRectF(left, bar.top() - 12, frame.right() - left, 64)
    painter.drawText(
        place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, panel.unit
    )


def _round_values(low: float, high: float) -> list[float]:
    """Return three to six round values between two numbers."""
    step = 10.0 ** math.floor(math.log10(high - low))
    step *= next(factor for factor in (0.2, 0.25, 0.5, 1, 2) if (high - low) / (step * factor) < 6)
    return [step * number for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _items_in_use(panel: Panel) -> list:
    """Return the classes of the layer's style that contain values: a gradient may lie on one side of zero."""
    items = panel.raster.renderer().shader().rasterShaderFunction().colorRampItemList()
    # Slightly less than a whole step: values that rounding has put just above zero do not count as the next class.
    step = (1 - HAIR) * (items[1].value - items[0].value)
    low, high = panel.value_range
    return [item for item in items if low - step < item.value < high + step]


def _number(value: float) -> str:
    """Format a number for a map: three digits, grouped thousands, an exponent only if needed."""
    if value == 0 or 0.001 <= abs(value) < 1e7:
        text = f"{float(f'{value:.3g}'):,.6f}".rstrip("0").rstrip(".").replace(",", "\u202f")
        return text.replace("-", "\u2212")
    return f"{value:.1e}".replace("-", "\u2212")


def _draw_scale_and_north(painter: QPainter, frame: QRectF, extent: QgsRectangle) -> None:
    kilometre = 1000 * frame.width() / extent.width()
    length = 2 * kilometre
    right, y = frame.right() - 40, frame.bottom() - 40
    painter.setPen(QPen(INK, 3))
    painter.drawLine(QPointF(right - length, y), QPointF(right, y))
    for x in (right - length, right):
        painter.drawLine(QPointF(x, y - 7), QPointF(x, y + 1))
    painter.setFont(_font(18))
    painter.drawText(QRectF(right - length, y - 34, length, 26), Qt.AlignmentFlag.AlignCenter, "2 km")
    north = QPointF(right - length / 2, y - 92)
    painter.drawLine(QPointF(north.x(), north.y() + 44), QPointF(north.x(), north.y()))
    painter.drawLine(QPointF(north.x() - 8, north.y() + 12), north)
    painter.drawLine(QPointF(north.x() + 8, north.y() + 12), north)
    painter.drawText(QRectF(north.x() - 20, north.y() - 30, 40, 26), Qt.AlignmentFlag.AlignCenter, "N")
