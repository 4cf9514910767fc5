"""Numbers of things in messages."""

from typing import SupportsInt


def count_of(number: SupportsInt, singular: str, plural: str = "") -> str:
    """Return a number with the word for what is counted.

    Parameters
    ----------
    number
        How many there are.
    singular, plural
        The word for one, and for several; by default the singular with an s.

    Examples
    --------
    >>> count_of(1, "edge"), count_of(1200, "edge"), count_of(2, "edge has", "edges have")
    ('1 edge', '1,200 edges', '2 edges have')
    """
    return f"{int(number):,} {singular if int(number) == 1 else plural or singular + 's'}"
