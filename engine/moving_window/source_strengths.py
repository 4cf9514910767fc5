"""Source strength of the cells in moving windows, and the conditions that match sources with targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..graph import LARGEST_VALUE, out_of_range
from ..storage import RasterLike, row_strips
from .validation import InvalidCells

COMPARISONS = ("within", "equal")


@dataclass(frozen=True)
class SourceStrengths:
    """Source strength of each cell, as a raster that is read by slices; 0 in cells that are not sources.

    Parameters
    ----------
    permeability
        Permeability of the landscape; 0 or NaN for barriers.
    raster
        Strengths, 0 or more, NaN for none; None to use the permeability, that is, the inverse of the resistance.
    threshold
        Cells with a lower strength in `raster` are not sources.
    cutoff
        Where the permeability is the strength: cells of a higher resistance are not sources.
    include_barriers
        Whether cells on barriers may be sources.

    Examples
    --------
    >>> SourceStrengths(np.array([[0.5, 0.0, 2.0]]), None, cutoff=1.0)[0:1, 0:3]
    array([[0., 0., 2.]])
    """

    permeability: RasterLike
    raster: RasterLike | None
    threshold: float = 0.0
    cutoff: float = np.inf
    include_barriers: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.permeability.shape[0], self.permeability.shape[1]

    def __getitem__(self, slices: tuple[slice, slice]) -> Float[np.ndarray, "rows columns"]:
        permeability = np.asarray(self.permeability[slices], float)
        active = np.isfinite(permeability) & (permeability > 0)
        if self.raster is None:
            return np.where(active & (permeability >= 1 / self.cutoff), permeability, 0.0)
        strengths = np.asarray(self.raster[slices], float)
        # NaN compares as below the threshold.
        return np.where((active | self.include_barriers) & (strengths >= self.threshold), strengths, 0.0)

    def validate(self) -> None:
        """Check the strengths of the whole raster.

        Raises
        ------
        ValueError
            Permeability that is negative or out of range, strengths that are negative or infinite, with their number
            and the first cell; no source.
        """
        invalid, any_source = InvalidCells(), False
        for strip in row_strips(self.shape):
            permeability = np.asarray(self.permeability[strip], float)
            invalid.add("permeability is negative", permeability < 0, permeability, strip[0].start)
            for name, mask in out_of_range(permeability).items():
                invalid.add(f"permeability is {name}", mask, permeability, strip[0].start)
            if self.raster is not None:
                strengths = np.asarray(self.raster[strip], float)
                mask = (strengths < 0) | np.isinf(strengths)
                invalid.add("source strength is negative or infinite", mask, strengths, strip[0].start)
                above = (strengths > LARGEST_VALUE) & (strengths < np.inf)
                invalid.add(f"source strength is above {LARGEST_VALUE:g}", above, strengths, strip[0].start)
            any_source = any_source or bool((self[strip] > 0).any())
        invalid.raise_first()
        if not any_source:
            raise ValueError(f"no cell is a source: {self._reason_for_none()}")

    def _reason_for_none(self) -> str:
        """Return why no cell is a source, for an error message."""
        if self.raster is not None:
            return f"every source strength in the landscape is 0, missing, or below the threshold of {self.threshold:g}"
        if np.isinf(self.cutoff):
            return "the whole landscape is nodata or barriers"
        return f"every resistance is above the cutoff of {self.cutoff:g}"


@dataclass(frozen=True)
class Condition:
    """A condition that matches sources with targets, such as a similar climate.

    Parameters
    ----------
    present
        Value at the sources, NaN where unknown; sources of unknown value match every target.
    future
        Value at the targets, NaN where unknown; the same raster if None. Targets of unknown value match every source.
    comparison
        "within": the difference between a source and its target, the median of its block, lies between `lower` and
        `upper`; "equal": the source has the value of its target, the most frequent one of its block (the smallest of
        several).
    lower, upper
        Limits of the difference, source minus target.

    Raises
    ------
    ValueError
        An unknown comparison, or a lower limit above the upper one.

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
        """Smallest and largest difference between a source and its target."""
        return (0.0, 0.0) if self.comparison == "equal" else (float(self.lower), float(self.upper))

    def validate(self, name: str) -> None:
        """Check the rasters of the condition.

        Parameters
        ----------
        name
            Name of the condition in messages.

        Raises
        ------
        ValueError
            A raster with infinite values, with their number and the first cell; a raster without any known value.
        """
        for raster, raster_name in ((self.present, name), (self.future, f"{name} in the future")):
            if raster is None:
                continue
            invalid, any_known = InvalidCells(), False
            for strip in row_strips((raster.shape[0], raster.shape[1])):
                values = np.asarray(raster[strip], float)
                invalid.add(f"{raster_name} is infinite", np.isinf(values), values, strip[0].start)
                any_known = any_known or not np.isnan(values).all()
            invalid.raise_first()
            if not any_known:
                raise ValueError(f"{raster_name} is known in no cell, so that every source would match every target")

    def at_target(self, block: Float[np.ndarray, "rows columns"]) -> float:
        """Return the value at a target from those of the cells of its block; NaN if all are unknown."""
        known = block[~np.isnan(block)]
        if not known.size:
            return np.nan
        if self.comparison == "within":
            return float(np.median(known))
        values, counts = np.unique(known, return_counts=True)
        return float(values[counts.argmax()])


def validate_shapes(shape: tuple[int, int], sources: RasterLike | None, conditions: Sequence[Condition]) -> None:
    """Check that all rasters have the shape of the landscape.

    Raises
    ------
    ValueError
        Names the first raster of another shape.

    Examples
    --------
    >>> validate_shapes((1, 2), np.ones((1, 2)), [])
    """
    rasters = [("source strengths", sources)]
    for number, condition in enumerate(conditions, start=1):
        rasters += [(f"condition {number}", condition.present), (f"condition {number} in the future", condition.future)]
    for name, raster in rasters:
        if raster is not None and tuple(raster.shape) != shape:
            raise ValueError(f"{name}: {tuple(raster.shape)} cells, but the landscape has {shape}")
