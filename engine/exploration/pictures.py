"""Maps as pictures: a byte for each cell, on a scale that a few extreme cells do not spoil."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

#: Percentiles at which scales end.
UPPER_PERCENTILE = 98.0
FLOW_PERCENTILE = 99.5

#: Flows span at most this ratio: below, they do not matter.
FLOW_RANGE = 1000.0

#: Where less than this fraction of the cells has an effect, as on least-cost paths, effects span orders of magnitude.
SPARSE, SPARSE_PERCENTILE = 0.1, 75.0

#: Values for which percentiles are computed, about.
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
        Whether it is a difference of two maps.

    Examples
    --------
    >>> picture_of(np.array([[0.0, 1.0, np.nan]]), "distance").pixels
    array([[  1, 255,   0]], dtype=uint8)
    """
    sample = _finite_sample(values)
    if change or quantity in ("sensitivity", "elasticity"):
        magnitude = np.abs(sample)
        magnitude = magnitude[magnitude > 0]
        percentile = SPARSE_PERCENTILE if magnitude.size < SPARSE * sample.size else UPPER_PERCENTILE
        limit = float(np.percentile(magnitude, percentile)) if magnitude.size else 1.0
        return _linear(values, -limit, limit)
    if quantity == "flow":
        positive = sample[sample > 0]
        high = float(np.percentile(positive, FLOW_PERCENTILE)) if positive.size else 1.0
        low = max(float(np.percentile(positive, 100 - UPPER_PERCENTILE)) if positive.size else 0.0, high / FLOW_RANGE)
        low = low if low < high else high / 2
        with np.errstate(divide="ignore"):
            logarithms = np.log(values)
        picture = _linear(
            np.where(values > 0, logarithms, np.where(np.isnan(values), np.nan, np.log(low))), *np.log((low, high))
        )
        return picture._replace(low=low, high=high, scale="logarithmic")
    high = float(np.percentile(sample, UPPER_PERCENTILE)) if sample.size else 1.0
    high = high if high > 0 else float(sample.max(initial=0.0)) or 1.0
    return _linear(values, 0.0, high)


def _linear(values: np.ndarray, low: float, high: float) -> Picture:
    with np.errstate(invalid="ignore"):
        steps = np.clip((values - low) * (254 / (high - low)), 0, 254)
        pixels = np.where(np.isnan(values), 0, steps + 1.5).astype(np.uint8)
    return Picture(pixels, float(low), float(high), "linear")


def _finite_sample(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(-1)
    # A prime step does not follow the columns.
    step = max(1, flat.size // SAMPLE)
    sample = flat[:: step if step == 1 else step | 1]
    sample = sample[np.isfinite(sample)]
    return sample if sample.size or step == 1 else flat[np.isfinite(flat)]
