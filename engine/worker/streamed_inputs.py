"""The landscape of a job as rasters that are read part by part: values that mean permeability, and habitat."""

from dataclasses import dataclass

import numpy as np

from ..storage.fingerprint import row_strips
from ..storage.npy_raster import on_disk
from ..storage.raster_like import RasterLike
from .inputs import choice_parameter
from .task import Job


@dataclass(frozen=True)
class LazyPermeability:
    """LazyPermeability of each cell, 0 where there is no data.

    Parameters
    ----------
    values, valid
        What the raster says, and where it says something.
    resistance
        Whether the values are resistances.
    """

    values: RasterLike
    valid: RasterLike
    resistance: bool

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.values.shape[0], self.values.shape[1]

    def __getitem__(self, place: tuple[slice, slice]) -> np.ndarray:
        values = np.asarray(self.values[place], float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.asarray(self.valid[place], bool), 1 / values if self.resistance else values, 0.0)


@dataclass(frozen=True)
class LazyQuality:
    """Quality of each cell, 0 where there is no landscape.

    Parameters
    ----------
    quality
        What the raster says; None for 1 everywhere.
    valid
        Where there is a landscape.
    """

    quality: RasterLike | None
    valid: RasterLike

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.valid.shape[0], self.valid.shape[1]

    def __getitem__(self, place: tuple[slice, slice]) -> np.ndarray:
        valid = np.asarray(self.valid[place], bool)
        return np.where(valid, 1.0 if self.quality is None else np.asarray(self.quality[place], float), 0.0)


def read_streamed_inputs(job: Job) -> tuple[LazyPermeability, LazyQuality, int]:
    """Return the landscape of a job, and how many cells can be entered; only parts of it are ever held.

    Raises
    ------
    ValueError
        Rasters of different sizes; values that are not a permeability or a resistance, in how many cells, and where the
        first is; no cell that can be entered.
    """
    for name in ("landscape", "valid"):
        if name not in job.inputs:
            raise ValueError(f'input "{name}" is missing')
    values, valid = on_disk(job.inputs["landscape"]), on_disk(job.inputs["valid"])
    quality = on_disk(job.inputs["quality"]) if "quality" in job.inputs else None
    shapes = {tuple(raster.shape) for raster in (values, valid, quality) if raster is not None}
    if len(shapes) != 1 or len(values.shape) != 2:
        raise ValueError(f'inputs "landscape", "valid" and "quality" must be rasters of one size, not {sorted(shapes)}')
    kind = choice_parameter(job, "values", ("permeability", "resistance"))
    active = _count_active(values, valid, kind)
    if not active:
        size = values.shape[0] * values.shape[1]
        raise ValueError(f"no cell of {size:,} can be entered: all are nodata or have a permeability of 0")
    return LazyPermeability(values, valid, kind == "resistance"), LazyQuality(quality, valid), active


def _count_active(values: RasterLike, valid: RasterLike, kind: str) -> int:
    found: dict[str, tuple[int, tuple[int, int], float]] = {}
    active = 0
    for place in row_strips((values.shape[0], values.shape[1])):
        part, known = np.asarray(values[place], float), np.asarray(valid[place], bool)
        faults = {"not a number": np.isnan(part), "infinite": np.isinf(part), "negative": part < 0}
        if kind == "resistance":
            faults["zero"] = part == 0
        for name, fault in faults.items():
            fault = fault & known
            if fault.any():
                row, column = np.argwhere(fault)[0]
                count, first, value = found.get(name, (0, (place[0].start + row + 1, column + 1), part[row, column]))
                found[name] = count + int(fault.sum()), first, value
        active += int((known & (part > 0)).sum())
    for name, (count, (row, column), value) in found.items():
        raise ValueError(
            f"{kind} is {name} in {count:,} cells, the first at row {row}, column {column} "
            f"(counted from 1, value {value:g})"
        )
    return active
