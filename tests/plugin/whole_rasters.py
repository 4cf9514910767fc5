"""Rasters read into memory as a whole: what the readers, which give them block by block, are compared with."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingFeedback, QgsRasterLayer

from permea.plugin.layers import AlignedBand, RasterGrid, open_band
from permea.plugin.layers.bands import Block, blocks_of


@dataclass(frozen=True, eq=False)
class Raster:
    """One band of a raster layer.

    Parameters
    ----------
    name
        Name of the layer.
    values
        float64 (rows, columns); NaN where `valid` is False.
    valid
        bool (rows, columns): False where nodata.
    grid
        Grid of the raster.
    lost_labels
        Labels that were lost in resampling, and why; empty if none.
    """

    name: str
    values: np.ndarray
    valid: np.ndarray
    grid: RasterGrid
    lost_labels: str = ""

    def blocks(self, feedback: QgsProcessingFeedback) -> Iterator[Block]:
        """Yield all rows as a single block."""
        yield Block(0, self.values, self.valid)


def read_raster(layer: QgsRasterLayer, band: int, feedback: QgsProcessingFeedback) -> Raster:
    """Read one band of a layer."""
    source = open_band(layer, band)
    return _joined(source.name, source.grid, blocks_of(source, feedback))


def align(
    layer: QgsRasterLayer, band: int, grid: RasterGrid, feedback: QgsProcessingFeedback, **options: bool
) -> Raster:
    """Read one band of a layer on another grid; options as for `AlignedBand`."""
    with tempfile.TemporaryDirectory() as folder:
        source = AlignedBand(open_band(layer, band), grid, Path(folder), **options)
        raster = _joined(source.name, grid, source.blocks(feedback))
    return Raster(raster.name, raster.values, raster.valid, grid, source.lost_labels)


def _joined(name: str, grid: RasterGrid, blocks: Iterable[Block]) -> Raster:
    parts = list(blocks)
    values, valid = (np.concatenate([getattr(part, what) for part in parts]) for what in ("values", "valid"))
    return Raster(name, values, valid, grid)
