"""Bands of raster layers, read block by block, through GDAL or through the data provider of the layer.

Values that mean missing data become nodata here: the declared value, the user's additional values in the properties of
the layer, and, with a warning, values far outside the rest.
"""

from .reader import Band, Block, blocks_of, collected, open_band, read_raster

__all__ = ["Band", "Block", "blocks_of", "collected", "open_band", "read_raster"]
