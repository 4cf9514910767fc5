"""Numbers in text, with a decimal point or a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .i18n import tr

_EXPONENT = r"([eE][+-]?\d+)?"
_NUMBERS = {
    ".": re.compile(rf"[+-]?((\d+\.?\d*|\.\d+){_EXPONENT}|inf(inity)?)", re.IGNORECASE),
    ",": re.compile(rf"[+-]?((\d+(,\d+)?|,\d+){_EXPONENT}|inf(inity)?)", re.IGNORECASE),
}

#: A comma in such a number may as well separate the thousands.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


def parse_number(text: str, mark: str) -> float | None:
    """Return the number in a text; None if it holds anything else.

    Parameters
    ----------
    text
        The text; spaces around the number are ignored.
    mark
        Decimal mark: ``"."`` or ``","``.

    Examples
    --------
    >>> parse_number("2,5", ","), parse_number("2,5", ".")
    (2.5, None)
    """
    stripped = text.strip()
    return float(stripped.replace(",", ".")) if _NUMBERS[mark].fullmatch(stripped) else None


def may_separate_thousands(text: str) -> bool:
    """Return whether the commas in a number may as well separate the thousands.

    Examples
    --------
    >>> may_separate_thousands("1,000"), may_separate_thousands("0,125"), may_separate_thousands("2,5")
    (True, False, False)
    """
    return _THOUSANDS.fullmatch(text.strip()) is not None


def decimal_mark(texts: Iterable[str]) -> str:
    """Return the decimal mark of a column or table of numbers: ``"."`` or ``","``.

    Parameters
    ----------
    texts
        The numbers as they are written; texts that are no numbers are ignored.

    Raises
    ------
    ValueError
        Some numbers have a decimal point and others a decimal comma, or the commas may separate thousands.

    Examples
    --------
    >>> decimal_mark(["1", "2,5"]), decimal_mark(["1", "2.5"])
    (',', '.')
    """
    stripped = [text.strip() for text in texts]
    with_comma = [text for text in stripped if "," in text and parse_number(text, ",") is not None]
    if not with_comma:
        return "."
    with_point = next((text for text in stripped if "." in text and parse_number(text, ".") is not None), None)
    if with_point is not None:
        raise ValueError(
            tr("'{comma}' has a decimal comma, but '{point}' a decimal point; use the same for all numbers").format(
                comma=with_comma[0], point=with_point
            )
        )
    if all(map(may_separate_thousands, with_comma)):
        raise ValueError(
            tr(
                "the comma in '{number}' may be a decimal comma or separate the thousands; write numbers with a "
                "decimal point and without separators of thousands"
            ).format(number=with_comma[0])
        )
    return ","
