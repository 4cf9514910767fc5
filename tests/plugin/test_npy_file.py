"""Rasters on disk hold what was written, are read by rows, and are not trusted."""

import numpy as np
import pytest
from permea.plugin.npy_file import NpyFile, written_by_rows


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 3)])
@pytest.mark.parametrize("dtype", [float, bool])
def test_rows_that_were_appended_are_the_rows_that_are_read(tmp_path, shape, dtype):
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
    "array", [np.ones(3), np.ones((2, 2, 2)), np.asfortranarray(np.ones((2, 3))), np.array(3.0)], ids=str
)
def test_what_is_no_raster_row_by_row_is_refused(tmp_path, array):
    np.save(tmp_path / "raster.npy", array)
    with pytest.raises(ValueError, match="not a raster"):
        NpyFile(tmp_path / "raster.npy")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "raster.npy"
    np.save(path, np.ones((5, 3)))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="ends too early"):
        NpyFile(path)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "raster.npy"
    path.write_bytes(b"GIF89a and so on")
    with pytest.raises(ValueError):
        NpyFile(path)
