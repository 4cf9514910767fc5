"""Maps of accessible habitat without the squares of the blocks."""

import numpy as np
import pytest

from permea.engine.moving_window import NpyRaster, WindowOperation, interpolate_blocks

SHAPE, CORE = (23, 31), (5, 7)
rng = np.random.default_rng(5)


def blocky(level):
    """Return a map whose blocks have the level of a function of their centres."""
    rows, columns = (
        np.arange(size) // width * width + (width - 1) / 2 for size, width in zip(SHAPE, CORE, strict=True)
    )
    return level(rows[:, None], columns)


@pytest.fixture
def windows():
    return WindowOperation(SHAPE, CORE, 2)


def test_linear_habitat_has_no_steps_at_the_edges_of_blocks(windows):
    smooth = blocky(lambda row, column: 100.0 + 2 * row + 3 * column)
    interpolate_blocks(smooth, np.ones(SHAPE), windows)
    inside = smooth[5:15, 7:21]  # the habitat beyond the raster's edge is not known
    np.testing.assert_allclose(np.diff(inside, axis=1), 3.0, rtol=0.1)
    np.testing.assert_allclose(np.diff(inside, axis=0), 2.0, rtol=0.1)


def test_connectivity_of_the_landscape_stays(windows):
    quality = rng.uniform(size=SHAPE)
    before = quality * blocky(lambda row, column: 1 + np.sin(row) ** 2 + np.cos(column) ** 2)
    after = before.copy()
    interpolate_blocks(after, quality, windows)
    assert after.sum() == pytest.approx(before.sum(), rel=1e-12)
    assert not np.allclose(after, before)


def test_uniform_habitat_barriers_and_blocks_without_habitat_stay(windows):
    quality = rng.uniform(size=SHAPE)
    quality[5:10, 7:14] = 0.0  # a block
    before = 4.0 * quality
    before[0, 3] = np.nan
    after = before.copy()
    interpolate_blocks(after, quality, windows)
    np.testing.assert_allclose(after, before)


def test_windows_of_single_cells_change_nothing():
    before = rng.uniform(size=SHAPE)
    after = before.copy()
    interpolate_blocks(after, np.ones(SHAPE), WindowOperation(SHAPE, 1, 3))
    np.testing.assert_array_equal(after, before)


def test_raster_on_disk_is_interpolated_like_one_in_memory(windows, tmp_path):
    quality = rng.uniform(size=SHAPE)
    in_memory = quality * blocky(lambda row, column: row + column)
    on_disk = NpyRaster.create(tmp_path / "map.npy", SHAPE)
    on_disk[0:23] = in_memory
    interpolate_blocks(in_memory, quality, windows)
    interpolate_blocks(on_disk, quality, windows)
    np.testing.assert_array_equal(on_disk[0:23], in_memory)
