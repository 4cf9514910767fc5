"""The legend of the explorer's map: a bar of colours with numbers and a unit."""

from __future__ import annotations

import math

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QLinearGradient, QPainter, QTextOption
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ...plugin.algorithms.formatting import format_number
from .colours import colour_table

BAR_HEIGHT = 14
STOPS = 32


class Legend(QWidget):
    """A bar from the lowest to the highest colour, with the values at its ends and in its middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: tuple[int, ...] = ()
        self.title = ""
        self.labels: tuple[str, str, str] = ("", "", "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(200, 2 * self.fontMetrics().height() + BAR_HEIGHT + 10)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def clear(self) -> None:
        """Show nothing."""
        self._table, self.title, self.labels = (), "", ("", "", "")
        self.update()

    def show_scale(
        self, title: str, quantity: str, low: float, high: float, *, change: bool = False, logarithmic: bool = False
    ) -> None:
        """Show a scale.

        Parameters
        ----------
        title
            What the numbers are, with their unit.
        quantity, change
            As for `colours.colour_table`.
        low, high
            Values of the first and the last colour; cells beyond them have these colours as well.
        logarithmic
            Whether the middle of the bar is the geometric mean.
        """
        self.title, self._table = title, colour_table(quantity, change)
        middle = math.sqrt(low * high) if logarithmic else (low + high) / 2
        # Values below 0 cannot lie under a scale that begins with 0.
        first = "" if low == 0 and not logarithmic else "≤ "
        low, middle, high = (format_number(float(f"{value:.3g}")) for value in (low, middle, high))
        self.labels = (f"{first}{low}", middle, f"≥ {high}")
        self.setToolTip(title)
        self.update()

    def paintEvent(self, _event) -> None:
        if not self._table:
            return
        painter = QPainter(self)
        line = self.fontMetrics().height()
        title = self.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(0, 0, self.width(), line), title, QTextOption(Qt.AlignmentFlag.AlignLeft))
        bar = QRectF(0.5, line + 2.5, self.width() - 1, BAR_HEIGHT)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for number in range(STOPS + 1):
            byte = 1 + round(254 * number / STOPS)
            gradient.setColorAt(number / STOPS, QColor.fromRgba(self._table[byte]))
        painter.fillRect(bar, gradient)
        painter.drawRect(bar)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for text, side in zip(self.labels, sides):
            below = QRectF(0, line + BAR_HEIGHT + 6, self.width(), line)
            painter.drawText(below, text, QTextOption(side))
