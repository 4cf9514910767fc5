"""The sample landscape, read without GDAL, which is in neither environment."""

import zlib
from pathlib import Path

import numpy as np
import tifffile

PERMEABILITY = Path(__file__).resolve().parents[1] / "resources" / "sample" / "permeability.tif"

DEFLATE = (8, 32946)
FLOATING_POINT_PREDICTOR = 3


def permeability() -> np.ndarray:
    """Return the sample's permeability, 0 where it has no data.

    Notes
    -----
    `tifffile` locates the tiles but needs a package of codecs for their predictor, which stores the high bytes of a row
    first, as differences of bytes.
    """
    with tifffile.TiffFile(PERMEABILITY) as file:
        page = file.pages[0]
        if (page.compression, page.predictor) not in [(code, FLOATING_POINT_PREDICTOR) for code in DEFLATE]:
            return _without_nodata(page.asarray(), page.nodata)
        rows, columns = page.shape
        height, width = page.tile
        across, down = -(-columns // width), -(-rows // height)
        raster = np.empty((down * height, across * width), np.float32)
        for number, (offset, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            file.filehandle.seek(offset)
            differences = np.frombuffer(zlib.decompress(file.filehandle.read(size)), np.uint8)
            planes = np.cumsum(differences.reshape(height, 4 * width), 1, dtype=np.uint8).reshape(height, 4, width)
            top, left = height * (number // across), width * (number % across)
            values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(">f4")[..., 0]
            raster[top : top + height, left : left + width] = values
        return _without_nodata(raster[:rows, :columns], page.nodata)


def _without_nodata(raster: np.ndarray, nodata: float) -> np.ndarray:
    return np.where(np.isfinite(raster) & (raster > 0) & (raster != nodata), raster, 0.0).astype(float)
