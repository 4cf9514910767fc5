"""Bands of raster layers, read block by block, through GDAL or through the data provider of the layer.

Values that mean missing data become nodata here: the declared value, the user's additional values in the properties of
the layer, and, with a warning, values far outside the rest.
"""

from .ascii_grid import ASCII_GRID_HEADER, ASCII_GRID_HEADER_BYTES, ascii_grid_size, require_well_formed_grid
from .other_bands import warn_about_other_bands
from .reader import Band, Block, blocks_of, collected, open_band, read_raster

__all__ = [
    "ASCII_GRID_HEADER",
    "ASCII_GRID_HEADER_BYTES",
    "Band",
    "Block",
    "ascii_grid_size",
    "blocks_of",
    "collected",
    "open_band",
    "read_raster",
    "require_well_formed_grid",
    "warn_about_other_bands",
]
