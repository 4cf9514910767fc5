"""Numbers and lists of names as the log and the legends show them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ..i18n import tr

# A message with a thousand names is not read.
MAX_NAMES_IN_MESSAGE = 20

# Significant digits of a number, and the ratio of two numbers in a column up to which both get as many decimals.
DIGITS, WIDEST_RATIO = 4, 100

MINUS = "−"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_number(value: float) -> str:
    """Format a number with four significant digits, thousands separators and a minus sign.

    Very large and very small numbers are written with a power of ten.

    Examples
    --------
    >>> format_number(52589.65)
    '52,590'
    >>> format_number(-0.000012345)
    '−1.234 × 10⁻⁵'
    """
    rounded = float(f"{value:.{DIGITS}g}") + 0.0  # Never −0.
    return typeset(f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:.{DIGITS}g}")


def format_column(values: Sequence[float]) -> list[str]:
    """Format the finite numbers of a column with the same number of decimals, four significant digits for the largest.

    Numbers of very different sizes are formatted one by one.

    Examples
    --------
    >>> format_column([-3.2771, 1.1, 0.0])
    ['−3.277', '1.100', '0']
    >>> format_column([52589.65, 0.5])
    ['52,590', '0.5']
    """
    sizes = [abs(value) for value in values if value]
    if not sizes or max(sizes) > WIDEST_RATIO * min(sizes) or not 1e-3 <= max(sizes) < 1e9:
        return [format_number(value) for value in values]
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(max(sizes))))
    if decimals == 0:
        return [format_number(value) if abs(value) >= 1000 else typeset(f"{value:.0f}") for value in values]
    return [typeset(f"{value:.{decimals}f}") if value else "0" for value in values]


def typeset(number: str) -> str:
    """Return a number as it is printed: with a minus sign and a power of ten.

    Parameters
    ----------
    number
        A number as Python formats it.

    Examples
    --------
    >>> typeset("-1e-05"), typeset("2.5e+10")
    ('−10⁻⁵', '2.5 × 10¹⁰')
    """
    parts = re.fullmatch(r"(-?)([\d.,]+)e([+-]\d+)", number)
    if parts is None:
        return number.replace("-", MINUS)
    sign, mantissa, exponent = parts.groups()
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return sign.replace("-", MINUS) + (power if mantissa == "1" else f"{mantissa} × {power}")


def join_names(
    names: Sequence[str], limit: int = MAX_NAMES_IN_MESSAGE, separator: str = ", ", *, count: int | None = None
) -> str:
    """Join names into one string; of a long list only the first names and the number of the others.

    Parameters
    ----------
    names
        The names, or the first `limit` of them if their `count` is given.
    limit
        Largest number of names in the string.
    separator
        Between names.
    count
        Number of all names.

    Examples
    --------
    >>> join_names(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    >>> join_names(["a", "b"], limit=2, count=1_000_000)
    'a, b and 999,998 more'
    """
    shown, count = separator.join(names[:limit]), len(names) if count is None else count
    if count <= limit:
        return shown
    return tr("{shown} and {more:,} more").format(shown=shown, more=count - limit)


def join_alternatives(names: Sequence[str]) -> str:
    """Join names of which one is to be chosen.

    Examples
    --------
    >>> join_alternatives([".gpkg", ".csv", ".geojson"])
    '.gpkg, .csv or .geojson'
    """
    *others, last = names
    return tr("{others} or {last}").format(others=", ".join(others), last=last) if others else last
