"""Translation of the texts that users read."""

from __future__ import annotations

import string
from typing import Any

from qgis.PyQt.QtCore import QCoreApplication


class Text(str):
    """A text for users, whose words may depend on the numbers that are inserted.

    Examples
    --------
    >>> text = Text("{count:# pair has|# pairs have} no path")
    >>> text.format(count=1), text.format(count=1200)
    ('1 pair has no path', '1,200 pairs have no path')
    """

    __slots__ = ()

    def format(self, *args: Any, **values: Any) -> str:
        """Insert values; ``{count:# cell|# cells}`` takes the first form for 1, with the number in place of #."""
        return _FORMATTER.vformat(self, args, values)


class _PluralFormatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        if bar:
            return (one if value == 1 else many).replace("#", value if isinstance(value, str) else f"{value:,}")
        return super().format_field(value, format_spec)


_FORMATTER = _PluralFormatter()


def tr(text: str) -> Text:
    """Translate a text into the language that QGIS is set to.

    Insert values after translating, and give both forms of words that depend on a number:
    ``tr("{count:# cell|# cells}").format(count=3)``.
    """
    return Text(QCoreApplication.translate("Permea", text))
