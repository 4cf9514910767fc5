"""Whether rasters are a landscape, read part by part."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .fingerprints import strips
from .operation import Raster
from .rasters import DiskRaster

ByQuality = Callable[[np.ndarray], np.ndarray] | None


def check_landscape(quality: Raster, permeability: Raster | None, by_quality: ByQuality) -> None:
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
    faults: dict[str, tuple[int, tuple[int, int], float]] = {}
    for place in strips(tuple(quality.shape)):
        habitat, passing = _part(quality, permeability, by_quality, place)
        active = np.isfinite(passing) & (passing > 0)
        wrong = {
            "permeability is negative": (passing < 0, passing),
            "permeability is infinite": (np.isposinf(passing), passing),
            "quality is negative, missing or infinite": (active & ~((habitat >= 0) & (habitat < np.inf)), habitat),
        }
        for what, (where, values) in wrong.items():
            if where.any():
                row, column = np.argwhere(where)[0]
                count, first, value = faults.get(what, (0, (place[0].start + row, column), values[row, column]))
                faults[what] = count + int(where.sum()), first, value
    for what, (count, (row, column), value) in faults.items():
        raise ValueError(f"{what} in {count} cells, the first at row {row}, column {column} ({value:g})")


def check_output(output: Any, shape: tuple[int, int], inputs: list[Raster | None]) -> None:
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
    >>> check_output(np.empty((2, 3)), (2, 3), [np.ones((2, 3))])
    """
    if tuple(output.shape) != shape:
        raise ValueError(f"output has {tuple(output.shape)} cells, the landscape {shape}")
    kind = getattr(output, "dtype", None)
    if kind is not None and not np.issubdtype(kind, np.floating):
        raise ValueError(f"output must hold floating-point numbers, which {kind} does not")
    for given in inputs:
        arrays = isinstance(given, np.ndarray) and isinstance(output, np.ndarray)
        files = isinstance(given, DiskRaster) and isinstance(output, DiskRaster)
        if (arrays and np.may_share_memory(given, output)) or (files and given.path.samefile(output.path)):
            raise ValueError("output is one of the inputs, which would be overwritten before it is read")


def nothing_and_zero(output: Any, quality: Raster, permeability: Raster | None, by_quality: ByQuality) -> None:
    """Write NaN into an output where there is no vertex, and 0 where there is one.

    Examples
    --------
    >>> output = np.empty((1, 2))
    >>> nothing_and_zero(output, np.ones((1, 2)), np.array([[0.0, 2.0]]), None)
    >>> output
    array([[nan,  0.]])
    """
    for place in strips(tuple(quality.shape)):
        _, passing = _part(quality, permeability, by_quality, place)
        output[place] = np.where(np.isfinite(passing) & (passing > 0), 0.0, np.nan)


def _part(quality: Raster, permeability: Raster | None, by_quality: ByQuality, place) -> tuple[np.ndarray, np.ndarray]:
    habitat = np.asarray(quality[place], float)
    if permeability is not None:
        return habitat, np.asarray(permeability[place], float)
    known = ~np.isnan(habitat)
    # What the function makes of a missing quality does not matter.
    return habitat, np.where(known, by_quality(np.where(known, habitat, 0.0)), np.nan)
