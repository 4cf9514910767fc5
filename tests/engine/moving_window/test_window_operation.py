"""Windows cover a raster of any size: every cell in one core, none twice, nothing beyond the raster."""

import numpy as np
import pytest

from permea.engine.moving_window.tiling import windows_for_range
from permea.engine.moving_window.window_operation import WindowOperation

each_size = pytest.mark.parametrize(
    ("shape", "core", "buffer"),
    [
        ((7, 9), 3, 1),
        ((6, 6), 3, 2),
        ((1, 1), 1, 0),
        ((1, 1), 5, 7),
        ((5, 4), (2, 3), (0, 6)),
        ((4, 11), (4, 1), 3),
        ((3, 3), 10, 1),
        ((8, 5), 1, 9),
    ],
)


def numbered(shape):
    return np.arange(1.0, 1 + shape[0] * shape[1]).reshape(shape)


@each_size
def test_window_is_a_slice_of_the_padded_raster(shape, core, buffer):
    windows, raster = WindowOperation(shape, core, buffer), numbered(shape)
    (down, across), (height, width) = windows.buffer, windows.window_shape
    padded = np.pad(raster, [(down, down + height), (across, across + width)], constant_values=-1)
    for number, window in windows.windows(raster, fill=-1):
        row, column = divmod(number, windows.layout[1])
        top, left = row * windows.core[0], column * windows.core[1]
        np.testing.assert_array_equal(window, padded[top : top + height, left : left + width])


@each_size
def test_merged_cores_are_the_raster(shape, core, buffer):
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
def test_added_windows_count_their_overlaps(shape, core, buffer):
    windows, total, count = WindowOperation(shape, core, buffer), np.zeros(shape), np.zeros(shape)
    for number in range(windows.count):
        windows.add_window(total, number, np.ones(windows.window_shape))
        count[windows.window_slices(number)] += 1
    np.testing.assert_array_equal(total, count)
    assert (count >= 1).all()


@each_size
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_batches_are_the_windows_in_order(shape, core, buffer, size):
    windows, raster = WindowOperation(shape, core, buffer), numbered(shape)
    numbers, batches = zip(*windows.batches(raster, size, fill=0), strict=True)
    assert [number for batch_numbers in numbers for number in batch_numbers] == list(range(windows.count))
    expected = np.stack([window for _, window in windows.windows(raster, fill=0)])
    np.testing.assert_array_equal(np.concatenate(batches), expected)


def test_group_contains_the_windows_of_its_cores():
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


def test_windows_are_read_lazily():
    class CountingRaster:
        shape = (1000, 1000)
        n_read = 0

        def __getitem__(self, slices):
            part = np.zeros((1000, 1000), bool)[slices]
            self.n_read += part.size
            return part

    raster = CountingRaster()
    next(WindowOperation(raster.shape, 10, 5).windows(raster))
    assert raster.n_read == 15 * 15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 3), 1, 0), "shape must be 1 or more"),
        (((3, 3), 0, 0), "core must be 1 or more"),
        (((3, 3), 1, -1), "buffer must be 0 or more"),
        (((3, 3), (1, 2, 3), 0), "core must be rows and columns"),
    ],
)
def test_invalid_windows_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        WindowOperation(*arguments)


def test_rasters_of_another_shape_raise():
    windows = WindowOperation((3, 4), 2)
    with pytest.raises(ValueError, match=r"a raster of \(3, 4\) cells, not \(4, 3\)"):
        windows.extract(np.zeros((4, 3)), 0)
    with pytest.raises(ValueError, match="no window 4: they are numbered from 0 to 3"):
        windows.extract(np.zeros((3, 4)), 4)
    with pytest.raises(ValueError, match=r"a window has \(2, 2\) cells"):
        windows.write_core(np.zeros((3, 4)), 0, np.zeros((3, 3)))


def test_range_beyond_the_raster_is_clipped():
    assert windows_for_range((6, 9), 1000, 0).window_shape == (11, 17)
