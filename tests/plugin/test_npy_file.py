"""Rasters on disk hold what was written, are read by rows, and are not trusted."""

import numpy as np
import pytest

from permea.plugin.npy_file import NpyFile, written_by_rows


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 3)])
@pytest.mark.parametrize("dtype", [float, bool])
def test_appended_rows_are_read_back(tmp_path, shape, dtype):
    values = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    path = tmp_path / "raster.npy"
    with written_by_rows(path, shape, dtype) as append:
        for first in range(0, shape[0], 2):
            append(values[first : first + 2])
    np.testing.assert_array_equal(np.load(path), values)
    file = NpyFile(path)
    assert (file.shape, file.dtype, file.size, len(file)) == (shape, values.dtype, values.size, shape[0])
    np.testing.assert_array_equal(file[:], values)
    np.testing.assert_array_equal(file[1:3], values[1:3])
    assert file[shape[0] :].shape == (0, shape[1])


@pytest.mark.parametrize(
    "array", [np.ones(3), np.ones((2, 2, 2, 2)), np.asfortranarray(np.ones((2, 3))), np.array(3.0)], ids=str
)
def test_npy_without_raster_in_c_order_is_refused(tmp_path, array):
    np.save(tmp_path / "raster.npy", array)
    with pytest.raises(ValueError, match="not a raster"):
        NpyFile(tmp_path / "raster.npy")


def test_truncated_npy_is_refused(tmp_path):
    path = tmp_path / "raster.npy"
    np.save(path, np.ones((5, 3)))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="ends too early"):
        NpyFile(path)


def test_non_npy_file_is_refused(tmp_path):
    path = tmp_path / "raster.npy"
    path.write_bytes(b"GIF89a and so on")
    with pytest.raises(ValueError, match="magic string"):
        NpyFile(path)
