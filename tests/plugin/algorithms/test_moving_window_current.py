"""Moving-window current: equal to Omniscape's outputs, error messages, and resumed runs."""

import numpy as np
import pytest

from .conftest import NODATA, NORTH, REFERENCE_DATA, WEST

# Omniscape solves iteratively, to about as many digits.
DIGITS_OF_OMNISCAPE = 5e-5


@pytest.fixture
def omniscape_tests(read):
    """Return the folder of Omniscape's tests, and a function that reads a raster in it, nodata as NaN."""
    folder = REFERENCE_DATA / "omniscape"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}: set PERMEA_REFERENCE_DATA to the folder above it")
    return folder, lambda name: read(folder / name).band


@pytest.fixture
def error_message(error_message):
    """Run moving windows that fail; return the message."""
    return lambda **parameters: error_message("movingwindowcurrent", **{"RADIUS": 90.0, "BLOCK_SIZE": 1, **parameters})


def same(made, expected):
    np.testing.assert_allclose(made, expected, rtol=DIGITS_OF_OMNISCAPE)


def test_source_raster_maps_equal_omniscape(run, read, omniscape_tests):
    folder, band = omniscape_tests
    # Omniscape rounds the block size of this configuration, 2, up to 3.
    result = run(
        "movingwindowcurrent",
        INPUT=str(folder / "input" / "resistance.asc"),
        VALUES="resistance",
        SOURCE_STRENGTH=str(folder / "input" / "source.asc"),
        RADIUS=5,
        BUFFER=2,
        BLOCK_SIZE=3,
        THRESHOLD=0.2,
        AS_OMNISCAPE=True,
    )
    expected = "output_verify/test1/{}.tif".format
    same(read(result["OUTPUT"]).band, band(expected("cum_currmap")))
    same(read(result["FLOW_POTENTIAL"]).band, band(expected("flow_potential")))
    same(read(result["NORMALIZED_CURRENT"]).band, band(expected("normalized_cum_currmap")))


def test_sources_from_resistance_equal_omniscape(run, read, omniscape_tests):
    folder, band = omniscape_tests
    given = {"INPUT": str(folder / "input" / "resistance1.asc"), "VALUES": "resistance", "AS_OMNISCAPE": True}
    result = run("movingwindowcurrent", RADIUS=5, BLOCK_SIZE=3, CUTOFF=0.25, NORMALIZED_CURRENT=None, **given)
    same(read(result["OUTPUT"]).band, band("output_verify/test3/cum_currmap.asc"))
    same(read(result["FLOW_POTENTIAL"]).band, band("output_verify/test3/flow_potential.asc"))
    assert not result.get("NORMALIZED_CURRENT")


def test_map_grid_and_numbers(run, read, valley, valley_file, feedback):
    result = run("movingwindowcurrent", INPUT=valley_file, RADIUS=90, BLOCK_SIZE=3, FLOW_POTENTIAL=None)
    made = read(result["OUTPUT"])
    np.testing.assert_array_equal(np.isnan(made.band), (valley == NODATA) | (valley == 0))
    assert result["MAXIMUM"] == pytest.approx(np.nanmax(made.band), rel=1e-6)
    assert result["WINDOWS"] > 0 and result["TOTAL_CURRENT"] > 0
    assert any("into the targets of" in text for text in feedback.infos)
    assert any(text.startswith("Batch 1 of ") for text in feedback.texts)


def test_resumed_run_gives_same_map(run, read, valley_file, tmp_path):
    choices = {"INPUT": valley_file, "RADIUS": 90, "BLOCK_SIZE": 1, "BATCH": 9}
    kept = {"CHECKPOINT": str(tmp_path / "kept")}
    once = run("movingwindowcurrent", **choices, **kept)
    (tmp_path / "kept" / "batch-00000001.npz").unlink()
    again = run("movingwindowcurrent", **choices, **kept)
    at_once = run("movingwindowcurrent", **choices)
    for name in ("OUTPUT", "FLOW_POTENTIAL", "NORMALIZED_CURRENT"):
        np.testing.assert_array_equal(read(again[name]).band, read(at_once[name]).band)
    assert once["TOTAL_CURRENT"] == again["TOTAL_CURRENT"] == at_once["TOTAL_CURRENT"]


def test_invalid_windows_are_rejected(error_message, valley_file):
    assert "radius (10) must reach beyond its cell: at least 30, as a cell is 30 wide" in error_message(
        INPUT=valley_file, RADIUS=10.0
    )
    message = error_message(INPUT=valley_file, BLOCK_SIZE=4, RADIUS=300.0)
    assert "block must be an odd number of cells, so that it has a centre, not 4: 3 or 5 would do" in message
    assert "must reach beyond a block of 9 × 9 cells: at least 150" in error_message(INPUT=valley_file, BLOCK_SIZE=9)


def test_invalid_landscape_and_sources_are_rejected(error_message, geotiff, valley_file):
    zeros = np.ones((6, 7))
    zeros[1, :3] = 0.0
    message = error_message(INPUT=geotiff(zeros, name="plain"), VALUES="resistance")
    assert "'plain': resistance is zero in 3 cells, the first at row 2, column 1 (0)." in message
    message = error_message(INPUT=valley_file, SOURCE_STRENGTH=geotiff(np.zeros((9, 12)), name="none"))
    assert "The landscape has no source: 'none' is 0 or nodata" in message
    bad = np.ones((9, 12))
    bad[2, 1] = -3.0
    message = error_message(INPUT=valley_file, SOURCE_STRENGTH=geotiff(bad, name="bad"))
    assert "1 cell of 'bad' is negative or infinite, the first at row 3, column 2 (-3)" in message
    message = error_message(INPUT=valley_file, SOURCE_STRENGTH=geotiff(np.ones((9, 12)), name="weak"), THRESHOLD=2.0)
    assert "no cell is a source" in message and "below the threshold of 2" in message
    far = geotiff(np.ones((4, 5)), geotransform=(WEST + 1e5, 30.0, 0.0, NORTH, 0.0, -30.0), name="far")
    assert "'far'" in error_message(INPUT=valley_file, SOURCE_STRENGTH=far)


def test_source_strengths_are_resampled_and_logged(run, geotiff, valley_file, feedback):
    shifted = geotiff(np.ones((24, 30)), geotransform=(WEST - 100, 20.0, 0.0, NORTH + 50, 0.0, -20.0), name="shifted")
    run("movingwindowcurrent", INPUT=valley_file, SOURCE_STRENGTH=shifted, RADIUS=90, BLOCK_SIZE=1)
    assert any("shifted" in text for text in [*feedback.infos, *feedback.warnings])


@pytest.mark.parametrize("as_omniscape", [False, True])
def test_current_of_strong_sources_near_the_edge(run, geotiff, as_omniscape):
    """By default all current of a strong source in the upper left corner arrives; Omniscape loses most of it."""
    sources = np.zeros((12, 12))
    sources[0, 0], sources[3, 3] = 1000.0, 100.0
    layers = {"INPUT": geotiff(np.ones((12, 12)), name="land"), "SOURCE_STRENGTH": geotiff(sources, name="strong")}
    rules = {"AS_OMNISCAPE": True} if as_omniscape else {}
    result = run("movingwindowcurrent", RADIUS=200.0, BLOCK_SIZE=1, NORMALIZED_CURRENT=None, **layers, **rules)
    if as_omniscape:
        assert result["TOTAL_CURRENT"] < 200.0
    else:
        assert result["TOTAL_CURRENT"] == pytest.approx(1100.0)


@pytest.mark.parametrize(("buffer", "named"), [(14.9, True), (15, False), (0, False)])
def test_buffer_that_adds_no_cells_is_named(run, geotiff, feedback, buffer, named):
    landscape = geotiff(np.ones((7, 9)), name="even")
    run("movingwindowcurrent", INPUT=landscape, VALUES="permeability", RADIUS=90, BUFFER=buffer)
    assert any("is shorter than half the side of a cell (30)" in text for text in feedback.warnings) == named
