"""A spin box without the zeros that QGIS writes behind the digits of a number."""

from __future__ import annotations

from qgis.gui import QgsDoubleSpinBox
from qgis.PyQt.QtCore import QLocale

# A number of double precision has 15 digits that can be trusted.
DIGITS = 15


class PlainSpinBox(QgsDoubleSpinBox):
    """A spin box that shows a number with the digits that it has."""

    def textFromValue(self, value: float) -> str:
        """Return a number as a user would write it."""
        locale = QLocale(self.locale())
        locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
        return locale.toString(value, "g", DIGITS)
