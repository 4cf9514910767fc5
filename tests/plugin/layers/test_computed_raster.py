"""Rasters that are computed, and masks that are looked up, are those of whole arrays, whatever the blocks."""

import numpy as np
import pytest

from permea.plugin.layers import CellMask, ComputedRaster, circuit_cells, warn_about_grounds, warn_about_sources
from permea.plugin.npy_file import NpyFile, row_blocks, written_by_rows

BLOCKS = [1, 20, 33, 1000]


@pytest.fixture
def on_disk(tmp_path):
    """Write an array to a file of its own."""

    def write(array):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, array)
        return NpyFile(path)

    return write


def random(shape=(13, 11), share=0.4):
    return np.random.default_rng(7).random(shape) < share


@pytest.mark.parametrize("cells", BLOCKS)
def test_blocks_cover_all_rows_in_order(cells):
    blocks = list(row_blocks((13, 11), cells))
    assert [row for rows in blocks for row in range(rows.start, rows.stop)] == list(range(13))
    assert all(rows.stop - rows.start <= max(1, cells // 11) for rows in blocks)


@pytest.mark.parametrize("cells", BLOCKS)
def test_computed_raster_equals_the_array(on_disk, cells):
    first, second = np.random.default_rng(1).random((2, 13, 11))
    raster = ComputedRaster(np.add, on_disk(first), second, dtype=float, cells_per_block=cells)
    assert (raster.shape, raster.ndim, raster.size, len(raster)) == ((13, 11), 2, 143, 13)
    for rows in (slice(None), slice(3, 9), slice(12, 20), slice(13, None), slice(5, 5)):
        np.testing.assert_array_equal(raster[rows], (first + second)[rows])


@pytest.mark.parametrize("cells", BLOCKS)
@pytest.mark.parametrize("columns", [1, 7, 8, 9, 17])
def test_mask_knows_every_cell(cells, columns):
    marked = random((6, columns))
    mask = CellMask(marked, cells_per_block=cells)
    assert [[mask[row, column] for column in range(columns)] for row in range(6)] == marked.tolist()


def test_replaced_rows_are_read_back(tmp_path):
    values = np.arange(35.0).reshape(7, 5)
    with written_by_rows(tmp_path / "raster.npy", values.shape, float) as append:
        append(values)
    file = NpyFile(tmp_path / "raster.npy")
    file.replace_rows(2, -values[2:4])
    values[2:4] *= -1
    np.testing.assert_array_equal(np.load(file.path), values)


@pytest.mark.parametrize("cells", BLOCKS)
def test_circuit_holds_all_of_regions_that_overlap_passable_cells(on_disk, cells):
    passable = random()
    regions = np.zeros((13, 11), np.int64)
    regions[1:4, 2:5], regions[9, 3:9], regions[11:, 10] = 3, 1, 7
    passable[regions == 7] = False
    expected = passable | (regions == 3) | (regions == 1)
    np.testing.assert_array_equal(
        circuit_cells(on_disk(passable), on_disk(regions), cells_per_block=cells)[:], expected
    )
    assert circuit_cells(passable, None) is passable


@pytest.mark.parametrize("cells", BLOCKS)
def test_lost_sources_and_grounds_are_counted_across_blocks(on_disk, feedback, cells):
    strengths, reachable = np.zeros((13, 11)), np.ones((13, 11), bool)
    strengths[4, 6], strengths[9, 1], strengths[12, 3] = 2.0, 3.5, 4.0
    reachable[4, 6] = reachable[12, 3] = False
    warn_about_sources(on_disk(strengths), on_disk(reachable), "sources", feedback, cells_per_block=cells)
    is_ground = ComputedRaster(lambda values: values != 0, on_disk(strengths), dtype=bool)
    warn_about_grounds(is_ground, reachable, "grounds", feedback, cells_per_block=cells)
    first, second = feedback.warnings
    assert "sources in 2 cells lie on" in first and "row 5, column 7: 6 of 9.5 A are lost" in first
    assert "grounds in 2 cells lie on" in second and "row 5, column 7." in second


def test_nothing_is_said_where_all_is_reachable(feedback):
    warn_about_sources(np.ones((2, 3)), np.ones((2, 3), bool), "sources", feedback)
    warn_about_grounds(np.ones((2, 3), bool), np.ones((2, 3), bool), "grounds", feedback)
    assert not feedback.warnings
