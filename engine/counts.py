"""Counts in messages, with the noun and the verb in the right number."""

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
    return f"{int(number):,} {agreeing(number, singular, plural or singular + 's')}"


def agreeing(number: SupportsInt, singular: str, plural: str) -> str:
    """Return the form of a word that agrees with a number.

    Examples
    --------
    >>> [f"{number} of 5 edges {agreeing(number, 'is', 'are')} missing" for number in (1, 2)]
    ['1 of 5 edges is missing', '2 of 5 edges are missing']
    """
    return singular if int(number) == 1 else plural
