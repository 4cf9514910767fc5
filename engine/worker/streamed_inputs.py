"""The landscape of a job as rasters that are read by slices: permeability and habitat quality."""

from dataclasses import dataclass

import numpy as np

from ..storage import RasterLike, on_disk, row_strips
from .inputs import choice_parameter, invalid_message, invalid_values, no_active_cell_message, require_input
from .task import Job


@dataclass(frozen=True)
class LazyPermeability:
    """Permeability of each cell, 0 where nodata, computed slice by slice.

    Attributes
    ----------
    values, valid
        The landscape, and where it holds data.
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

    def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
        values = np.asarray(self.values[index], float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.asarray(self.valid[index], bool), 1 / values if self.resistance else values, 0.0)


@dataclass(frozen=True)
class LazyQuality:
    """Habitat quality of each cell, 0 where nodata, computed slice by slice.

    Attributes
    ----------
    quality
        The quality; None for 1 everywhere.
    valid
        Where the landscape holds data.
    """

    quality: RasterLike | None
    valid: RasterLike

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.valid.shape[0], self.valid.shape[1]

    def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
        valid = np.asarray(self.valid[index], bool)
        return np.where(valid, 1.0 if self.quality is None else np.asarray(self.quality[index], float), 0.0)


def read_streamed_inputs(job: Job) -> tuple[LazyPermeability, LazyQuality]:
    """Return the landscape of a job, of which only slices are ever in memory.

    Raises
    ------
    ValueError
        Rasters of different sizes; values that are not a permeability or a resistance: the message gives their number
        and the first position; no active cell.
    """
    values, valid = (on_disk(require_input(job, name)) for name in ("landscape", "valid"))
    quality = on_disk(job.inputs["quality"]) if "quality" in job.inputs else None
    shapes = {tuple(raster.shape) for raster in (values, valid, quality) if raster is not None}
    if len(shapes) != 1 or len(values.shape) != 2:
        raise ValueError(f'inputs "landscape", "valid" and "quality" must be rasters of one size, not {sorted(shapes)}')
    kind = choice_parameter(job, "values", ("permeability", "resistance"))
    if not _count_active(values, valid, kind):
        raise ValueError(no_active_cell_message(values.shape[0] * values.shape[1]))
    return LazyPermeability(values, valid, kind == "resistance"), LazyQuality(quality, valid)


def _count_active(values: RasterLike, valid: RasterLike, kind: str) -> int:
    first: dict[str, tuple[int, int, float]] = {}
    counts: dict[str, int] = {}
    active = 0
    for strip in row_strips((values.shape[0], values.shape[1])):
        block, known = np.asarray(values[strip], float), np.asarray(valid[strip], bool)
        for name, invalid in invalid_values(block, kind).items():
            invalid = invalid & known
            if invalid.any():
                row, column = np.argwhere(invalid)[0].tolist()
                first.setdefault(name, (strip[0].start + row + 1, column + 1, float(block[row, column])))
                counts[name] = counts.get(name, 0) + int(invalid.sum())
        active += int((known & (block > 0)).sum())
    for name, count in counts.items():
        raise ValueError(invalid_message(kind, name, count, *first[name]))
    return active
