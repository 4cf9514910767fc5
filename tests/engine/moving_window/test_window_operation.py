"""Windows cover a raster of any size: nothing is read twice by mistake, nothing is left out, nothing lies beyond."""

import numpy as np
import pytest
from permea.engine.moving_window.tiling import windows_for_range
from permea.engine.moving_window.window_operation import WindowOperation
from permea.engine.storage.npy_raster import NpyRaster, on_disk

SIZES = [
    ((7, 9), 3, 1),
    ((6, 6), 3, 2),
    ((1, 1), 1, 0),
    ((1, 1), 5, 7),
    ((5, 4), (2, 3), (0, 6)),
    ((4, 11), (4, 1), 3),
    ((3, 3), 10, 1),
    ((8, 5), 1, 9),
]
each_size = pytest.mark.parametrize(("shape", "core", "buffer"), SIZES)


def numbered(shape):
    return np.arange(1.0, 1 + shape[0] * shape[1]).reshape(shape)


@each_size
def test_a_window_is_the_padded_raster_around_its_core(shape, core, buffer):
    windows, raster = WindowOperation(shape, core, buffer), numbered(shape)
    (down, across), (height, width) = windows.buffer, windows.window_shape
    padded = np.pad(raster, [(down, down + height), (across, across + width)], constant_values=-1)
    for number, window in windows.windows(raster, fill=-1):
        row, column = divmod(number, windows.layout[1])
        top, left = row * windows.core[0], column * windows.core[1]
        np.testing.assert_array_equal(window, padded[top : top + height, left : left + width])


@each_size
def test_cores_put_together_are_the_raster(shape, core, buffer):
    windows, raster, merged = WindowOperation(shape, core, buffer), numbered(shape), np.zeros(shape)
    for number, window in windows.windows(raster, fill=np.nan):
        windows.write_core(merged, number, window)
    np.testing.assert_array_equal(merged, raster)


@each_size
def test_every_cell_lies_in_one_core(shape, core, buffer):
    windows, count = WindowOperation(shape, core, buffer), np.zeros(shape, int)
    for number in range(windows.count):
        count[windows.core_slices(number)] += 1
    assert (count == 1).all()


@each_size
def test_windows_added_up_count_how_often_each_cell_was_seen(shape, core, buffer):
    windows, total, seen = WindowOperation(shape, core, buffer), np.zeros(shape), np.zeros(shape)
    for number in range(windows.count):
        windows.add_window(total, number, np.ones(windows.window_shape))
        seen[windows.window_slices(number)] += 1
    np.testing.assert_array_equal(total, seen)
    assert (seen >= 1).all()


@each_size
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_batches_are_the_windows_in_order(shape, core, buffer, size):
    windows, raster = WindowOperation(shape, core, buffer), numbered(shape)
    numbers, found = zip(*windows.batches(raster, size, fill=0), strict=True)
    assert [number for part in numbers for number in part] == list(range(windows.count))
    one_by_one = np.stack([window for _, window in windows.windows(raster, fill=0)])
    np.testing.assert_array_equal(np.concatenate(found), one_by_one)


def test_a_group_holds_the_windows_of_its_cores():
    windows, raster = WindowOperation((11, 8), 2, 3), numbered((11, 8))
    groups = windows.grouped((2, 3))
    for group, tile in groups.windows(raster, fill=-1):
        row, column = divmod(group, groups.layout[1])
        for i in range(2):
            for j in range(3):
                down, across = 2 * row + i, 3 * column + j
                if down < windows.layout[0] and across < windows.layout[1]:
                    window = windows.extract(raster, down * windows.layout[1] + across, fill=-1)
                    np.testing.assert_array_equal(tile[2 * i : 2 * i + 8, 2 * j : 2 * j + 8], window)


def test_windows_are_cut_out_lazily():
    class Watched:
        shape = (1000, 1000)
        read = 0

        def __getitem__(self, place):
            part = np.zeros((1000, 1000), bool)[place]
            self.read += part.size
            return part

    raster = Watched()
    next(WindowOperation(raster.shape, 10, 5).windows(raster))
    assert raster.read == 15 * 15


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (((0, 3), 1, 0), "shape must be 1 or more"),
        (((3, 3), 0, 0), "core must be 1 or more"),
        (((3, 3), 1, -1), "buffer must be 0 or more"),
        (((3, 3), (1, 2, 3), 0), "core must be rows and columns"),
    ],
)
def test_windows_that_are_none_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        WindowOperation(*given)


def test_a_raster_of_another_size_is_refused():
    windows = WindowOperation((3, 4), 2)
    with pytest.raises(ValueError, match=r"a raster of \(3, 4\) cells, not \(4, 3\)"):
        windows.extract(np.zeros((4, 3)), 0)
    with pytest.raises(ValueError, match="no window 4: they are numbered from 0 to 3"):
        windows.extract(np.zeros((3, 4)), 4)
    with pytest.raises(ValueError, match=r"a window has \(2, 2\) cells"):
        windows.write_core(np.zeros((3, 4)), 0, np.zeros((3, 3)))


def test_a_memory_map_is_read_from_its_file_only_where_that_is_the_same(tmp_path):
    array = numbered((6, 6)).astype(float)
    np.save(tmp_path / "raster.npy", array)
    raster = np.load(tmp_path / "raster.npy", mmap_mode="r")
    assert isinstance(on_disk(raster), NpyRaster)
    changed = np.load(tmp_path / "raster.npy", mmap_mode="c")
    changed[0, 0] = -1
    for other in (raster[::-1], raster.T, raster[1:], changed):
        np.testing.assert_array_equal(np.asarray(on_disk(other)[0:6, 0:6]), other)
    array.tofile(tmp_path / "raster.raw")
    bare = np.memmap(tmp_path / "raster.raw", float, "r", shape=(6, 6))
    np.testing.assert_array_equal(np.asarray(on_disk(bare)[0:6, 0:6]), array)


def test_a_file_that_is_cut_off_is_said(tmp_path):
    np.save(tmp_path / "raster.npy", np.zeros((6, 5)))
    with (tmp_path / "raster.npy").open("r+b") as file:
        file.truncate(300)
    with pytest.raises(ValueError, match="is cut off: 68 bytes are missing of 6 × 5 cells"):
        NpyRaster(tmp_path / "raster.npy")


def test_a_range_beyond_the_raster_costs_no_more_than_one_as_long(tmp_path):
    assert windows_for_range((6, 9), 1000, 0).window_shape == (11, 17)


@pytest.mark.parametrize("kind", [np.float64, np.float32, bool, np.int16])
def test_a_raster_on_disk_is_read_and_written_like_an_array(kind, tmp_path):
    array = (numbered((6, 5)) % 7).astype(kind)
    np.save(tmp_path / "raster.npy", array)
    raster = NpyRaster(tmp_path / "raster.npy")
    assert (raster.shape, raster.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(raster[1:4, 2:5], array[1:4, 2:5])
    raster[2:4, 1:3] = array[2:4, 1:3] = np.array([[1, 0], [0, 1]], kind)
    np.testing.assert_array_equal(np.load(tmp_path / "raster.npy"), array)
    np.testing.assert_array_equal(np.asarray(raster), array)


def test_what_is_no_raster_on_disk_is_refused(tmp_path):
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    np.save(tmp_path / "columns.npy", np.asfortranarray(np.zeros((2, 3))))
    (tmp_path / "text.npy").write_text("cells")
    for name, said in (("cube", "must hold a raster"), ("columns", "column by column"), ("text", "is not an array")):
        with pytest.raises(ValueError, match=said):
            NpyRaster(tmp_path / f"{name}.npy")
    with pytest.raises(ValueError, match="by slices of rows and columns"):
        NpyRaster.create(tmp_path / "raster.npy", (2, 3))[0:2, 0:3:2]
