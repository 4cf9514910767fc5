"""Rasters of any size are read and written in blocks."""

import tracemalloc

import numpy as np
import pytest
from osgeo import gdal

from permea.plugin.layers.bands.gdal_band import GdalBand
from permea.plugin.layers.resampling import ResampledBand
from permea.plugin.npy_file import NpyFile

from .conftest import NORTH, WEST

SIDE = 3000
RASTER_BYTES = 8 * SIDE**2


@pytest.fixture
def large(geotiff, tmp_path):
    """A tiled GeoTIFF of nine million cells."""
    values = np.random.default_rng(1).integers(1, 250, (SIDE, SIDE)).astype(np.uint8)
    values[:, 1000:1005] = 0
    path = str(tmp_path / "large.tif")
    plain = geotiff(values, nodata=0, name="plain")
    gdal.Translate(path, plain, creationOptions=["TILED=YES", "COMPRESS=DEFLATE"])
    return path


@pytest.fixture
def blocks(monkeypatch):
    """Sizes, in cells, of all blocks that QGIS reads from layers and results."""
    sizes = []

    def noting(kind, method):
        original = getattr(kind, method)

        def noted(self, *arguments):
            answer = original(self, *arguments)
            sizes.append((answer[0] if isinstance(answer, tuple) else answer).size)
            return answer

        monkeypatch.setattr(kind, method, noted)

    noting(GdalBand, "read")
    noting(ResampledBand, "read")
    noting(NpyFile, "__getitem__")
    return sizes


@pytest.mark.costly
def test_large_raster_is_streamed_in_blocks(run, geotiff, large, blocks, read):
    # Quality of coarser cells, so that it is resampled as well.
    quality = geotiff(np.ones((100, 100)), geotransform=(WEST, 900.0, 0.0, NORTH, 0.0, -900.0), name="quality")
    tracemalloc.start()
    try:
        result = run(
            "windowedconnectivity",
            INPUT=large,
            QUALITY=quality,
            VALUES="resistance",
            DISTANCE="euclidean",
            RANGE=3000.0,
            COARSENING=1.0,
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"peak {peak / 1e6:.0f} MB, largest block {max(blocks):,} cells of {SIDE**2:,}")
    assert peak < 0.6 * RASTER_BYTES  # and does not grow with the raster
    assert max(blocks) < SIDE**2 / 6
    assert sum(blocks) > 3 * SIDE**2
    made = read(result["OUTPUT"]).band
    assert np.isnan(made[:, 1000:1005]).all() and np.isfinite(made[:, :1000]).all()
    assert result["ACTIVE_CELLS"] == SIDE * (SIDE - 5)
