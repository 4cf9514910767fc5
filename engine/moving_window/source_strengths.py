"""What moves in moving windows: how strong a source each cell is, and which sources suit a target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..storage.fingerprint import row_strips
from ..storage.raster_like import RasterLike
from .validation import InvalidCells

COMPARISONS = ("within", "equal")


@dataclass(frozen=True)
class SourceStrengths:
    """How strong a source each cell is, as a raster that is read part by part; 0 where there is none.

    Parameters
    ----------
    permeability
        Of the landscape; 0 or NaN for barriers.
    given
        Strengths, 0 or more, NaN for none; None for the permeability itself, that is the inverse of the resistance.
    threshold
        Strengths given that are lower are none.
    cutoff
        Where permeability is the strength, cells of a higher resistance than this are no sources.
    anywhere
        Whether sources outside the landscape count, too.

    Examples
    --------
    >>> SourceStrengths(np.array([[0.5, 0.0, 2.0]]), None, cutoff=1.0)[0:1, 0:3]
    array([[0., 0., 2.]])
    """

    permeability: RasterLike
    given: RasterLike | None
    threshold: float = 0.0
    cutoff: float = np.inf
    anywhere: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.permeability.shape[0], self.permeability.shape[1]

    def __getitem__(self, place: tuple[slice, slice]) -> Float[np.ndarray, "rows columns"]:
        passing = np.asarray(self.permeability[place], float)
        there = np.isfinite(passing) & (passing > 0)
        if self.given is None:
            return np.where(there & (passing >= 1 / self.cutoff), passing, 0.0)
        strengths = np.asarray(self.given[place], float)
        # What is no number is not as strong as the threshold either.
        return np.where((there | self.anywhere) & (strengths >= self.threshold), strengths, 0.0)

    def check(self) -> None:
        """Refuse what is no strength, and a landscape without any source.

        Raises
        ------
        ValueError
            Strengths negative or infinite, in how many cells and where the first is; no source at all.
        """
        faults, any_source = InvalidCells(), False
        for place in row_strips(self.shape):
            if self.given is not None:
                strengths = np.asarray(self.given[place], float)
                wrong = (strengths < 0) | np.isinf(strengths)
                faults.add("source strength is negative or infinite", wrong, strengths, place[0].start)
            any_source = any_source or bool((self[place] > 0).any())
        faults.refuse()
        if not any_source:
            why = (
                f"every resistance is above the cutoff of {self.cutoff:g}"
                if self.given is None
                else f"every source strength in the landscape is 0, missing, or below the threshold of "
                f"{self.threshold:g}"
            )
            raise ValueError(f"no cell is a source: {why}")


@dataclass(frozen=True)
class Condition:
    """A property that a source must share with its target, such as the climate.

    Parameters
    ----------
    present
        The property of the sources, NaN where unknown: such sources suit any target.
    future
        The property of the targets; the same raster if left out.
    comparison
        "within": a source may differ from its target, the median of its block, by `lower` to `upper`; "equal": it must
        be equal to it, the most frequent value of its block (the least of several).
    lower, upper
        Limits of the difference, source minus target.

    Raises
    ------
    ValueError
        Another comparison, or limits the wrong way round.

    Examples
    --------
    >>> forest = Condition(np.array([[1.0, 1.0, 2.0]]), comparison="equal")
    >>> forest.at_target(np.array([[1.0, 1.0, 2.0]])), forest.limits
    (1.0, (0.0, 0.0))
    """

    present: RasterLike
    future: RasterLike | None = None
    comparison: str = "within"
    lower: float = 0.0
    upper: float = 0.0

    def __post_init__(self):
        if self.comparison not in COMPARISONS:
            raise ValueError(f"comparison must be one of {', '.join(COMPARISONS)}, not {self.comparison!r}")
        if not self.lower <= self.upper:
            raise ValueError(f"lower ({self.lower}) must not be above upper ({self.upper})")

    @property
    def limits(self) -> tuple[float, float]:
        """By how much a source may differ from its target."""
        return (0.0, 0.0) if self.comparison == "equal" else (float(self.lower), float(self.upper))

    def check(self, name: str) -> None:
        """Refuse a property that is infinite somewhere, or known nowhere.

        Parameters
        ----------
        name
            Of the condition, for messages.

        Raises
        ------
        ValueError
            Says which raster, in how many cells, and where the first is.
        """
        for raster, what in ((self.present, name), (self.future, f"{name} in the future")):
            if raster is None:
                continue
            faults, known = InvalidCells(), False
            for place in row_strips((raster.shape[0], raster.shape[1])):
                values = np.asarray(raster[place], float)
                faults.add(f"{what} is infinite", np.isinf(values), values, place[0].start)
                known = known or not np.isnan(values).all()
            faults.refuse()
            if not known:
                raise ValueError(f"{what} is known in no cell, so that every source would suit every target")

    def at_target(self, block: Float[np.ndarray, "rows columns"]) -> float:
        """Return the property of a target from that of the cells of its block; NaN if none is known."""
        known = block[~np.isnan(block)]
        if not known.size:
            return np.nan
        if self.comparison == "within":
            return float(np.median(known))
        values, counts = np.unique(known, return_counts=True)
        return float(values[counts.argmax()])


def check_shapes(shape: tuple[int, int], sources: RasterLike | None, conditions: Sequence[Condition]) -> None:
    """Refuse rasters of another size than the landscape.

    Raises
    ------
    ValueError
        Says which.

    Examples
    --------
    >>> check_shapes((1, 2), np.ones((1, 2)), [])
    """
    named = [("source strengths", sources)]
    for number, condition in enumerate(conditions, start=1):
        named += [(f"condition {number}", condition.present), (f"condition {number} in the future", condition.future)]
    for name, raster in named:
        if raster is not None and tuple(raster.shape) != shape:
            raise ValueError(f"{name}: {tuple(raster.shape)} cells, where the landscape has {shape}")
