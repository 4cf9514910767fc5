"""Numbers and lists of names as the log and the legends show them."""

from __future__ import annotations

from collections.abc import Sequence

from ..i18n import tr

# A message with a thousand names is not read.
MAX_NAMES_IN_MESSAGE = 20


def format_number(value: float) -> str:
    """Format a number with four significant digits and thousands separators.

    Very large and very small numbers are written with an exponent.

    Examples
    --------
    >>> format_number(52589.65)
    '52,590'
    >>> format_number(0.000012345)
    '1.234e-05'
    """
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:.4g}"


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
