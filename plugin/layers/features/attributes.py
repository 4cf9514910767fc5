"""Attributes of features: ids, labels and numbers."""

from __future__ import annotations

import math
from typing import Any

from qgis.core import QgsFeature
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime

LABEL_FIELDS = ("name", "label")

# Ids of the engine are 64-bit integers.
MAX_INTEGER = 2**63 - 1

# Beyond this, neighbouring whole numbers are the same decimal number.
MAX_EXACT_DECIMAL = 2.0**53


def id_of(value: Any) -> int | str | None:
    """Return the id that an attribute holds: an integer or a text; None if it is empty.

    Whole decimal numbers are integers. Integers beyond 64 bits, other decimal numbers, dates and times are texts, the
    latter in ISO format.

    Raises
    ------
    TypeError
        The attribute is a list, a map or binary data, which identify nothing.

    Examples
    --------
    >>> id_of(3.0), id_of(2**64), id_of(1e20), id_of(" north "), id_of(" ")
    (3, '18446744073709551616', '1e+20', 'north', None)
    """
    if is_empty(value):
        return None
    if isinstance(value, (QDate, QDateTime, QTime)):
        time = value.time() if isinstance(value, QDateTime) else value
        has_milliseconds = isinstance(time, QTime) and time.msec() != 0
        return value.toString(Qt.DateFormat.ISODateWithMs if has_milliseconds else Qt.DateFormat.ISODate)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT_DECIMAL:
        return int(value)
    if isinstance(value, int):
        return value if abs(value) <= MAX_INTEGER else str(value)
    if isinstance(value, (float, str)):
        return str(value).strip()
    raise TypeError(type(value).__name__)


def is_empty(value: Any) -> bool:
    """Return whether an attribute is NULL, a blank text or NaN."""
    if value is None or (hasattr(value, "isNull") and value.isNull()):
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def number_of(value: Any) -> float | None:
    """Return the finite number that an attribute holds; None if it holds none.

    Examples
    --------
    >>> number_of(2), number_of("2"), number_of(float("inf"))
    (2.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def label_of(feature: QgsFeature) -> str:
    """Return the name or label of a feature, else its id."""
    fields = {field.name().lower(): index for index, field in enumerate(feature.fields())}
    for name in LABEL_FIELDS:
        if name in fields and isinstance(feature.attribute(fields[name]), str):
            text = feature.attribute(fields[name]).strip()
            if text:
                return text
    return str(feature.id())
