"""Maps as pictures: a byte for each cell, on a scale that a few extreme cells do not spoil."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from .session import QUANTITIES

#: Percentiles at which scales end.
UPPER_PERCENTILE = 98.0
FLOW_PERCENTILE = 99.5

#: Largest ratio between the ends of a scale of flows: lower flows do not matter.
FLOW_RANGE = 1000.0

#: Where less than this fraction of the cells has an effect, as on least-cost paths, effects span orders of magnitude.
SPARSE, SPARSE_PERCENTILE = 0.1, 75.0

#: Approximate number of values from which percentiles are computed.
SAMPLE = 1 << 17


class Picture(NamedTuple):
    """A map as bytes.

    Attributes
    ----------
    pixels
        0 where there is no value, else 1 (low) to 255 (high).
    low, high
        Values of the bytes 1 and 255.
    scale
        "linear" or "logarithmic" between them.
    """

    pixels: UInt8[np.ndarray, "rows columns"]
    low: float
    high: float
    scale: str


def picture_of(values: Float[np.ndarray, "rows columns"], quantity: str, *, change: bool = False) -> Picture:
    """Return the picture of a view.

    Parameters
    ----------
    values
        A map; NaN where there is no value.
    quantity
        A name of `QUANTITIES`.
    change
        Whether the map is a difference of two maps.

    Raises
    ------
    ValueError
        An unknown quantity.

    Examples
    --------
    >>> picture_of(np.array([[0.0, 1.0, np.nan]]), "distance").pixels
    array([[  1, 255,   0]], dtype=uint8)
    """
    if quantity not in QUANTITIES:
        raise ValueError(f"the quantity must be one of {', '.join(QUANTITIES)}, not {quantity!r}")
    if change or quantity in ("sensitivity", "elasticity"):
        return _symmetric(values)
    if quantity == "flow":
        return _logarithmic(values)
    sample = _sample(values, np.isfinite)
    high = float(np.percentile(sample, UPPER_PERCENTILE)) if sample.size else 1.0
    high = high if high > 0 else float(sample.max(initial=0.0)) or 1.0
    return _linear(values, 0.0, high)


def _symmetric(values: np.ndarray) -> Picture:
    """Return the picture of effects of both signs: 0 is in the middle of the scale."""
    magnitudes = np.abs(_sample(values, lambda flat: np.isfinite(flat) & (flat != 0)))
    is_sparse = magnitudes.size < SPARSE * _sample(values, np.isfinite).size
    percentile = SPARSE_PERCENTILE if is_sparse else UPPER_PERCENTILE
    limit = float(np.percentile(magnitudes, percentile)) if magnitudes.size else 1.0
    return _linear(values, -limit, limit)


def _logarithmic(values: np.ndarray) -> Picture:
    """Return the picture of flows: 0 has the colour of the lowest flow on the scale."""
    positive = _sample(values, lambda flat: np.isfinite(flat) & (flat > 0))
    high = float(np.percentile(positive, FLOW_PERCENTILE)) if positive.size else 1.0
    low = max(float(np.percentile(positive, 100 - UPPER_PERCENTILE)) if positive.size else 0.0, high / FLOW_RANGE)
    low = low if low < high else high / 2
    with np.errstate(divide="ignore"):
        logarithms = np.log(values)
    picture = _linear(
        np.where(values > 0, logarithms, np.where(np.isnan(values), np.nan, np.log(low))), *np.log((low, high))
    )
    return picture._replace(low=low, high=high, scale="logarithmic")


def _linear(values: np.ndarray, low: float, high: float) -> Picture:
    with np.errstate(invalid="ignore"):
        steps = np.clip((values - low) * (254 / (high - low)), 0, 254)
        pixels = np.where(np.isnan(values), 0, steps + 1.5).astype(np.uint8)
    return Picture(pixels, float(low), float(high), "linear")


def _sample(
    values: np.ndarray, condition: Callable[[np.ndarray], Bool[np.ndarray, " n"]]
) -> Float[np.ndarray, " samples"]:
    """Return those of about `SAMPLE` values that meet a condition; if none does, all values of the map that do."""
    flat = values.reshape(-1)
    step = max(1, flat.size // SAMPLE)
    # A divisor of the number of columns would take the same few columns from every row.
    while math.gcd(step, values.shape[1]) > 1:
        step += 1
    sample = flat[::step]
    sample = sample[condition(sample)]
    return sample if sample.size or step == 1 else flat[condition(flat)]
