"""Whether rasters are a landscape, read part by part."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..storage.fingerprint import row_strips
from ..storage.npy_raster import NpyRaster
from ..storage.raster_like import RasterLike

ByQuality = Callable[[np.ndarray], np.ndarray] | None


class InvalidCells:
    """Cells of rasters that must not be there, by what is wrong with them: how many, and where the first one is.

    Examples
    --------
    >>> faults, strip = InvalidCells(), np.array([[1.0, -2.0]])
    >>> faults.add("permeability is negative", strip < 0, strip, first_row=7)
    >>> faults.refuse()
    Traceback (most recent call last):
    ValueError: permeability is negative in 1 cells, the first at row 7, column 1 (-2)
    """

    def __init__(self):
        self._found: dict[str, tuple[int, tuple[int, int], float]] = {}

    def add(self, what: str, where: np.ndarray, values: np.ndarray, first_row: int) -> None:
        """Count the wrong cells of some rows.

        Parameters
        ----------
        what
            What is wrong with them.
        where, values
            Which cells are, and what all of them hold.
        first_row
            Which row of the raster the first of these rows is.
        """
        if not where.any():
            return
        row, column = np.argwhere(where)[0]
        count, first, value = self._found.get(
            what, (0, (first_row + int(row), int(column)), float(values[row, column]))
        )
        self._found[what] = count + int(where.sum()), first, value

    def refuse(self) -> None:
        """Raise what was found first, if anything was.

        Raises
        ------
        ValueError
            Says what is wrong, in how many cells, and where the first is.
        """
        for what, (count, (row, column), value) in self._found.items():
            raise ValueError(f"{what} in {count} cells, the first at row {row}, column {column} ({value:g})")


def validate_landscape(quality: RasterLike, permeability: RasterLike | None, by_quality: ByQuality) -> None:
    """Refuse what is no quality or no permeability.

    Parameters
    ----------
    quality, permeability
        The landscape; permeability is None where `by_quality` gives it.
    by_quality
        Permeability from quality.

    Raises
    ------
    ValueError
        Permeability negative or infinite; quality negative, infinite, or missing where there is permeability: in how
        many cells, and where the first is.
    """
    faults = InvalidCells()
    for place in row_strips(tuple(quality.shape)):
        habitat, passing = _part(quality, permeability, by_quality, place)
        active = np.isfinite(passing) & (passing > 0)
        no_habitat = active & ~((habitat >= 0) & (habitat < np.inf))
        faults.add("permeability is negative", passing < 0, passing, place[0].start)
        faults.add("permeability is infinite", np.isposinf(passing), passing, place[0].start)
        faults.add("quality is negative, missing or infinite", no_habitat, habitat, place[0].start)
    faults.refuse()


def validate_output(output: Any, shape: tuple[int, int], inputs: list[RasterLike | None]) -> None:
    """Refuse what results cannot be written into.

    Parameters
    ----------
    output
        The raster to write into.
    shape
        Of the landscape.
    inputs
        The rasters that are still to be read.

    Raises
    ------
    ValueError
        Another shape, no floating-point numbers, or one of the inputs.

    Examples
    --------
    >>> validate_output(np.empty((2, 3)), (2, 3), [np.ones((2, 3))])
    """
    if tuple(output.shape) != shape:
        raise ValueError(f"output has {tuple(output.shape)} cells, the landscape {shape}")
    kind = getattr(output, "dtype", None)
    if kind is not None and not np.issubdtype(kind, np.floating):
        raise ValueError(f"output must hold floating-point numbers, which {kind} does not")
    for given in inputs:
        arrays = isinstance(given, np.ndarray) and isinstance(output, np.ndarray)
        files = isinstance(given, NpyRaster) and isinstance(output, NpyRaster)
        if (arrays and np.may_share_memory(given, output)) or (files and given.path.samefile(output.path)):
            raise ValueError("output is one of the inputs, which would be overwritten before it is read")


def initialise_output(output: Any, quality: RasterLike, permeability: RasterLike | None, by_quality: ByQuality) -> None:
    """Write NaN into an output where there is no vertex, and 0 where there is one.

    Examples
    --------
    >>> output = np.empty((1, 2))
    >>> initialise_output(output, np.ones((1, 2)), np.array([[0.0, 2.0]]), None)
    >>> output
    array([[nan,  0.]])
    """
    for place in row_strips(tuple(quality.shape)):
        _, passing = _part(quality, permeability, by_quality, place)
        output[place] = np.where(np.isfinite(passing) & (passing > 0), 0.0, np.nan)


def _part(
    quality: RasterLike, permeability: RasterLike | None, by_quality: ByQuality, place
) -> tuple[np.ndarray, np.ndarray]:
    habitat = np.asarray(quality[place], float)
    if permeability is not None:
        return habitat, np.asarray(permeability[place], float)
    known = ~np.isnan(habitat)
    # What the function makes of a missing quality does not matter.
    return habitat, np.where(known, by_quality(np.where(known, habitat, 0.0)), np.nan)
