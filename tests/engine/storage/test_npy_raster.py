"""Rasters on disk are read and written like arrays, and invalid files are refused."""

import numpy as np
import pytest

from permea.engine.storage import NpyBands
from permea.engine.storage.npy_raster import NpyRaster, on_disk


def numbered(shape):
    return np.arange(1.0, 1 + shape[0] * shape[1]).reshape(shape)


def test_memory_map_is_read_from_its_file_only_if_equal(tmp_path):
    """A plain memory map becomes a raster on disk; views of it, changed copies and other files stay as they are."""
    array = numbered((6, 6)).astype(float)
    np.save(tmp_path / "raster.npy", array)
    raster = np.load(tmp_path / "raster.npy", mmap_mode="r")
    assert isinstance(on_disk(raster), NpyRaster)
    changed = np.load(tmp_path / "raster.npy", mmap_mode="c")
    changed[0, 0] = -1
    for view in (raster[::-1], raster.T, raster[1:], changed):
        np.testing.assert_array_equal(np.asarray(on_disk(view)[0:6, 0:6]), view)
    array.tofile(tmp_path / "raster.raw")
    raw = np.memmap(tmp_path / "raster.raw", float, "r", shape=(6, 6))
    np.testing.assert_array_equal(np.asarray(on_disk(raw)[0:6, 0:6]), array)


def test_memory_map_outlives_its_file(tmp_path):
    np.save(tmp_path / "raster.npy", numbered((6, 6)))
    raster = np.load(tmp_path / "raster.npy", mmap_mode="r")
    (tmp_path / "raster.npy").unlink()
    assert on_disk(raster) is raster


@pytest.mark.parametrize("dtype", [np.float64, np.float32, bool, np.int16])
def test_raster_on_disk_equals_array(dtype, tmp_path):
    array = (numbered((6, 5)) % 7).astype(dtype)
    np.save(tmp_path / "raster.npy", array)
    raster = NpyRaster(tmp_path / "raster.npy")
    assert (raster.shape, raster.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(raster[1:4, 2:5], array[1:4, 2:5])
    raster[2:4, 1:3] = array[2:4, 1:3] = np.array([[1, 0], [0, 1]], dtype)
    np.testing.assert_array_equal(np.load(tmp_path / "raster.npy"), array)
    np.testing.assert_array_equal(np.asarray(raster), array)


def test_truncated_file_raises(tmp_path):
    np.save(tmp_path / "raster.npy", np.zeros((6, 5)))
    with (tmp_path / "raster.npy").open("r+b") as file:
        file.truncate(300)
    with pytest.raises(ValueError, match="is cut off: 68 bytes are missing of 6 × 5 cells"):
        NpyRaster(tmp_path / "raster.npy")


def test_other_files_raise(tmp_path):
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    np.save(tmp_path / "columns.npy", np.asfortranarray(np.zeros((2, 3))))
    np.save(tmp_path / "names.npy", np.array([["meadow", "forest"]]))
    np.save(tmp_path / "records.npy", np.zeros((2, 3), [("cost", float)]))
    (tmp_path / "text.npy").write_text("cells")
    for name, message in (
        ("names", "must hold a raster of numbers"),
        ("records", "must hold a raster of numbers"),
        ("cube", "must hold a raster"),
        ("columns", "column by column"),
        ("text", "is not an .npy file of numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            NpyRaster(tmp_path / f"{name}.npy")
    with pytest.raises(ValueError, match="by slices of rows and columns"):
        NpyRaster.create(tmp_path / "raster.npy", (2, 3))[0:2, 0:3:2]


def test_file_that_cannot_be_created_is_not_blamed_on_the_disk(tmp_path):
    with pytest.raises(OSError, match="cannot create a raster of 48 bytes: No such file or directory"):
        NpyRaster.create(tmp_path / "missing" / "raster.npy", (2, 3))


def test_array_without_a_copy_is_refused(tmp_path):
    with pytest.raises(ValueError, match="without a copy"):
        NpyRaster.create(tmp_path / "raster.npy", (2, 3)).__array__(copy=False)


def test_bands_of_another_shape_or_number_raise(tmp_path):
    bands = NpyBands(tmp_path / "bands.npy", (1, 2, 3))
    with pytest.raises(ValueError, match=r"band 1 of shape \(3, 2\) does not fit .* of shape \(1, 2, 3\)"):
        bands.append(np.ones((3, 2)))
    bands.append(np.ones((2, 3)))
    with pytest.raises(ValueError, match="band 2 of shape"):
        bands.append(np.ones((2, 3)))
    np.testing.assert_array_equal(np.load(tmp_path / "bands.npy"), np.ones((1, 2, 3)))
