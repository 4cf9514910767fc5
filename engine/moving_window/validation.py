"""Validation of the rasters of a landscape and of outputs, strip by strip."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..connectivity import ExponentialKernel
from ..counts import count_of
from ..distances import AbstractDistance, LCPDistance
from ..graph import LARGEST_VALUE, out_of_range
from ..storage import NpyRaster, RasterLike, row_strips

#: Permeability as a function of an array of qualities; None where permeability is a raster.
PermeabilityOfQuality = Callable[[np.ndarray], np.ndarray] | None


def validate_starts(
    starts: str, distance: AbstractDistance, proximity: Callable, *, from_blocks: bool, within_blocks: bool
) -> None:
    """Raise a `ValueError` where starts are unknown, or not possible with a distance, kernel or direction."""
    if starts not in ("centre", "cells"):
        raise ValueError(f'starts must be "centre" or "cells", not {starts!r}')
    if starts == "centre":
        return
    if not isinstance(distance, LCPDistance) or not isinstance(proximity, ExponentialKernel):
        raise ValueError(
            'starts="cells" is for LCPDistance and ExponentialKernel, not '
            f'{type(distance).__name__} and {type(proximity).__name__}: use starts="centre"'
        )
    if not from_blocks or not within_blocks:
        raise ValueError(
            'starts="cells" is for movement from the blocks to all cells around them: '
            'with from_blocks=False or within_blocks=False use starts="centre"'
        )


class InvalidCells:
    """Invalid cells of rasters by kind of error: their number, and the first of them.

    Examples
    --------
    >>> invalid, strip = InvalidCells(), np.array([[1.0, -2.0]])
    >>> invalid.add("permeability is negative", strip < 0, strip, first_row=7)
    >>> invalid.raise_first()
    Traceback (most recent call last):
    ValueError: permeability is negative in 1 cell, the first at row 7, column 1 (-2)
    """

    def __init__(self):
        self._by_error: dict[str, tuple[int, tuple[int, int], float]] = {}

    def add(self, error: str, mask: np.ndarray, values: np.ndarray, first_row: int) -> None:
        """Count the invalid cells of a strip of rows.

        Parameters
        ----------
        error
            The kind of error.
        mask, values
            Which cells are invalid, and the values of all of them.
        first_row
            Row of the raster at which the strip begins.
        """
        if not mask.any():
            return
        row, column = np.argwhere(mask)[0]
        count, first, value = self._by_error.get(
            error, (0, (first_row + int(row), int(column)), float(values[row, column]))
        )
        self._by_error[error] = count + int(mask.sum()), first, value

    def raise_first(self) -> None:
        """Raise the first kind of error that was added, if any.

        Raises
        ------
        ValueError
            Names the error, the number of cells and the first of them.
        """
        for error, (count, (row, column), value) in self._by_error.items():
            raise ValueError(
                f"{error} in {count_of(count, 'cell')}, the first at row {row}, column {column} ({value:g})"
            )


def validate_landscape(
    quality: RasterLike, permeability: RasterLike | None, permeability_of: PermeabilityOfQuality
) -> None:
    """Check quality and permeability.

    Parameters
    ----------
    quality, permeability
        The landscape; permeability is None where it is a function of quality.
    permeability_of
        Permeability as a function of quality.

    Raises
    ------
    ValueError
        Permeability negative or infinite; quality negative, infinite, or missing where permeability is positive. Names
        the number of cells and the first of them.
    """
    invalid = InvalidCells()
    for strip in row_strips(tuple(quality.shape)):
        qualities, permeabilities = _read_strip(quality, permeability, permeability_of, strip)
        active = np.isfinite(permeabilities) & (permeabilities > 0)
        bad_quality = active & ~((qualities >= 0) & (qualities < np.inf))
        first_row = strip[0].start
        invalid.add("permeability is negative", permeabilities < 0, permeabilities, first_row)
        invalid.add("permeability is infinite", np.isposinf(permeabilities), permeabilities, first_row)
        for name, mask in out_of_range(permeabilities).items():
            invalid.add(f"permeability is {name}", mask, permeabilities, first_row)
        invalid.add("quality is negative, missing or infinite", bad_quality, qualities, first_row)
        above = active & (qualities > LARGEST_VALUE) & (qualities < np.inf)
        invalid.add(f"quality is above {LARGEST_VALUE:g}", above, qualities, first_row)
    invalid.raise_first()


def validate_output(output: Any, shape: tuple[int, int], inputs: list[RasterLike | None]) -> None:
    """Check that results can be written into a raster.

    Parameters
    ----------
    output
        The raster to write into.
    shape
        Shape of the landscape.
    inputs
        Rasters that must not be overwritten: those still to be read, and other outputs.

    Raises
    ------
    ValueError
        It has another shape or a type that is not floating-point, or is one of the inputs.

    Examples
    --------
    >>> validate_output(np.empty((2, 3)), (2, 3), [np.ones((2, 3))])
    """
    if tuple(output.shape) != shape:
        raise ValueError(f"output has {tuple(output.shape)} cells, the landscape {shape}")
    dtype = getattr(output, "dtype", None)
    if dtype is not None and not np.issubdtype(dtype, np.floating):
        raise ValueError(f"output must hold floating-point numbers, not {dtype}")
    for raster in inputs:
        are_arrays = isinstance(raster, np.ndarray) and isinstance(output, np.ndarray)
        are_files = isinstance(raster, NpyRaster) and isinstance(output, NpyRaster)
        if (are_arrays and np.may_share_memory(raster, output)) or (are_files and raster.path.samefile(output.path)):
            raise ValueError("output is one of the inputs or of the other outputs, which it would overwrite")


def initialise_output(
    output: Any, quality: RasterLike, permeability: RasterLike | None, permeability_of: PermeabilityOfQuality
) -> None:
    """Set an output to 0 in active cells and to NaN in all others.

    Examples
    --------
    >>> output = np.empty((1, 2))
    >>> initialise_output(output, np.ones((1, 2)), np.array([[0.0, 2.0]]), None)
    >>> output
    array([[nan,  0.]])
    """
    for strip in row_strips(tuple(quality.shape)):
        _, permeabilities = _read_strip(quality, permeability, permeability_of, strip)
        output[strip] = np.where(np.isfinite(permeabilities) & (permeabilities > 0), 0.0, np.nan)


def _read_strip(
    quality: RasterLike,
    permeability: RasterLike | None,
    permeability_of: PermeabilityOfQuality,
    strip: tuple[slice, slice],
) -> tuple[np.ndarray, np.ndarray]:
    """Return quality and permeability of a strip of rows."""
    qualities = np.asarray(quality[strip], float)
    if permeability is not None:
        return qualities, np.asarray(permeability[strip], float)
    known = ~np.isnan(qualities)
    # The function is evaluated at 0 where quality is missing; the result is discarded.
    return qualities, np.where(known, permeability_of(np.where(known, qualities, 0.0)), np.nan)
