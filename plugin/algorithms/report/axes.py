"""Ticks of the axes of plots, at round numbers."""

from __future__ import annotations

import math

from ..formatting import format_number, typeset

# Intervals on an axis, at most.
MAX_INTERVALS = 5

# Multiples of a power of ten between which a logarithmic axis of few decades has ticks.
MULTIPLES = (1, 2, 5)

# A logarithmic axis with fewer ticks than this has evenly spaced ones instead.
FEWEST_TICKS = 2

# Fixed decimals are legible for numbers of these sizes.
SMALLEST, LARGEST = 1e-3, 1e9


def linear_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return the ticks of a linear axis with their labels: multiples of 1, 2 or 5 times a power of ten.

    Parameters
    ----------
    low, high
        Ends of the axis.

    Examples
    --------
    >>> linear_ticks(-0.3455, 0.0)
    [(-0.3, '−0.3'), (-0.2, '−0.2'), (-0.1, '−0.1'), (0.0, '0')]
    """
    smallest_step = (high - low) / MAX_INTERVALS
    exponent = math.floor(math.log10(smallest_step))
    step = next(m for m in (1, 2, 5, 10) if m * 10.0**exponent >= smallest_step * (1 - 1e-9))
    exponent, step = (exponent + 1, 1) if step == 10 else (exponent, step)
    unit = 10.0**exponent
    first, last = math.ceil(low / (step * unit) - 1e-9), math.floor(high / (step * unit) + 1e-9)
    # Divided by a power of ten rather than multiplied by its inverse, so that 0.3 is 0.3.
    multiples = [number * step for number in range(first, last + 1)]
    values = [multiple * unit if exponent >= 0 else multiple / 10.0**-exponent for multiple in multiples]
    largest = max((abs(value) for value in values), default=0.0)
    decimals = max(0, -exponent)
    if not SMALLEST <= largest < LARGEST:
        return [(value, format_number(value)) for value in values]
    return [(value, typeset(f"{value:,.{decimals}f}") if value else "0") for value in values]


def logarithmic_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return the ticks of a logarithmic axis with their labels: powers of ten, or also 2 and 5 times these.

    Parameters
    ----------
    low, high
        Ends of the axis, both positive.

    Examples
    --------
    >>> logarithmic_ticks(3.456e-5, 0.02)
    [(0.0001, '0.0001'), (0.001, '0.001'), (0.01, '0.01')]
    >>> [label for _, label in logarithmic_ticks(3e-8, 1e-5)]
    ['10⁻⁷', '10⁻⁶', '10⁻⁵']
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    tolerance = 1 + 1e-9

    def within(value: float) -> bool:
        return low <= value * tolerance and value <= high * tolerance

    decades = [exponent for exponent in exponents if within(10.0**exponent)]
    if len(decades) > FEWEST_TICKS:
        interval = math.ceil((len(decades) - 1) / MAX_INTERVALS) or 1
        values = [float(f"1e{exponent}") for exponent in decades if exponent % interval == 0]
    else:
        values = [float(f"{m}e{exponent}") for exponent in exponents for m in MULTIPLES]
        values = [value for value in values if within(value)]
    if len(values) < FEWEST_TICKS:
        return linear_ticks(low, high)
    return [(value, format_number(value)) for value in values]
