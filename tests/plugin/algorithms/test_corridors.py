"""Least-cost corridors: excess costs, cutoff, normalisation, and optional outputs."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .conftest import FIRST, ISLAND, PIXEL, SECOND


def test_corridor_is_sum_of_distances_minus_least_cost(run, read, least_costs_to, sites, valley_file):
    one, other = least_costs_to([FIRST, SECOND])
    result = run("leastcostcorridor", INPUT=valley_file, FOCAL=sites([FIRST, SECOND]))
    expected = one + other - (one + other)[np.isfinite(one)].min()
    expected = np.where(np.isfinite(expected), expected, np.nan)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, expected, rtol=1e-6, atol=1e-4)
    assert result["LEAST_COST"] == pytest.approx(one[SECOND], rel=1e-9)


def test_corridor_is_nodata_above_cutoff(run, read, sites, plain):
    where = {"INPUT": plain, "VALUES": "resistance", "FOCAL": sites([(3, 0), (3, 8)])}
    whole = read(run("leastcostcorridor", **where)["OUTPUT"]).band
    cut = read(run("leastcostcorridor", THRESHOLD=60.0, **where)["OUTPUT"]).band
    np.testing.assert_array_equal(cut, np.where(whole <= 60.0, whole, np.nan))
    assert np.nanmin(whole[3]) == 0 and np.isnan(cut).any()


def test_normalised_corridor_is_fraction_of_least_cost(run, read, sites, plain):
    where = {"INPUT": plain, "VALUES": "resistance", "FOCAL": sites([(3, 0), (3, 8)])}
    cost = read(run("leastcostcorridor", **where)["OUTPUT"]).band
    part = read(run("leastcostcorridor", NORMALISED=True, **where)["OUTPUT"]).band
    np.testing.assert_allclose(part, cost / (2 * 8 * PIXEL), rtol=1e-6, atol=1e-9)


def test_points_in_one_cell_have_no_normalised_corridor(run, read, sites, plain, feedback):
    where = {"INPUT": plain, "VALUES": "resistance", "NORMALISED": True}
    one_each = read(run("leastcostcorridor", FOCAL=sites([(3, 0), (3, 8)]), **where)["OUTPUT"]).band
    result = run("leastcostcorridor", FOCAL=sites([(3, 0), (3, 0), (3, 8)]), **where)
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, one_each)
    assert result["CORRIDORS"] == 2
    assert any("1 pair of focal nodes shares a cell" in text for text in feedback.warnings)


def test_all_points_in_one_cell_are_rejected_if_normalised(run, sites, plain):
    with pytest.raises(QgsProcessingException, match="share cells, so that their least cost is 0"):
        run("leastcostcorridor", INPUT=plain, FOCAL=sites([(3, 0), (3, 0)]), NORMALISED=True)


def test_corridor_with_paths_allocation_and_back_link(run, read, rows, sites, plain):
    extra = dict.fromkeys(("PATHS", "ALLOCATION", "BACKLINK"), "TEMPORARY_OUTPUT")
    focal = sites([(3, 0), (3, 8)], ["20", "10"])
    result = run("leastcostcorridor", INPUT=plain, VALUES="resistance", FOCAL=focal, **extra)
    first, second = (row.id() for row in focal.getFeatures())
    assert [(row["from_id"], row["to_id"]) for row in rows(result["PATHS"])] == [(first, second)]
    ground, back = read(result["ALLOCATION"]).band, read(result["BACKLINK"]).band
    assert (ground[3, 1], ground[3, 7], ground[0, 0]) == (first, second, first)
    assert (back[3, 0], back[3, 1], back[3, 7], back[2, 0], back[4, 1]) == (0, 5, 1, 3, 6)


def test_corridor_to_targets(run, read, sites, patches, plain):
    where = {"FOCAL": sites([(3, 0)]), "TARGETS": patches((2, 4, 7, 8))}
    result = run("leastcostcorridor", INPUT=plain, VALUES="resistance", **where)
    assert result["LEAST_COST"] == pytest.approx(2 * 7 * PIXEL)
    assert read(result["OUTPUT"]).band[3, :8] == pytest.approx(np.zeros(8), abs=1e-3)


def test_optional_outputs_are_not_written_unrequested(run, sites, plain):
    result = run(
        "leastcostcorridor", INPUT=plain, FOCAL=sites([(3, 0), (3, 8)]), PATHS=None, ALLOCATION=None, BACKLINK=None
    )
    assert not {"PATHS", "ALLOCATION", "BACKLINK"} & result.keys()


def test_corridor_to_island_fails_without_files(run, sites, valley_file, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    places = {"OUTPUT": str(folder / "corridor.tif"), "PATHS": str(folder / "paths.gpkg")}
    with pytest.raises(QgsProcessingException, match="no path joins any two of the 2 nodes"):
        run("leastcostcorridor", INPUT=valley_file, FOCAL=sites([FIRST, ISLAND]), **places)
    assert list(folder.iterdir()) == []


def test_isolated_nodes_and_targets_are_named(run, points, valley_file, feedback):
    focal, targets = points((0, 0), (8, 11), name="nodes"), points((8, 2), (0, 11), name="targets")
    run("leastcostcorridor", INPUT=valley_file, FOCAL=focal, TARGETS=targets, ALLOCATION=None, BACKLINK=None)
    assert any(
        "Focal nodes that no path connects with any target are left out: patch B." in w for w in feedback.warnings
    )
    feedback.warnings.clear()
    run("leastcostcorridor", INPUT=valley_file, FOCAL=targets, TARGETS=focal, ALLOCATION=None, BACKLINK=None)
    assert any(
        "Targets that no path connects with any focal node are left out: patch B." in w for w in feedback.warnings
    )
    feedback.warnings.clear()
    run("leastcostcorridor", INPUT=valley_file, FOCAL=targets, TARGETS=points((4, 0)), ALLOCATION=None, BACKLINK=None)
    assert not any("left out" in w for w in feedback.warnings)
