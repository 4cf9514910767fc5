"""The benchmarks measure the same thing on both sides, and judge it as the bars say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from permea.engine import GridGraph

from benchmarks.landscapes import LANDSCAPES, BenchmarkLandscape, MirroredRaster, WindowSetup
from benchmarks.report import PreviousReport, _verdicts, write
from benchmarks.runner import BenchmarkRunner
from benchmarks.sparse_matrices import SparseNetwork
from benchmarks.targets import agreement, faster, growth, same_memory, speed

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_the_peers_are_given_the_network_that_the_engine_solves(landscape):
    site = BenchmarkLandscape.named(landscape, 40)
    ours = GridGraph(site.permeability).get_adjacency_matrix().todense()
    theirs = SparseNetwork.of(site.permeability, site.active).adjacency.toarray()
    np.testing.assert_allclose(theirs, ours, rtol=1e-14)


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_all_places_can_be_reached_from_each_other(landscape):
    site = BenchmarkLandscape.named(landscape, 40)
    assert site.mainland.ravel()[[site.centre, *site.pair, *site.points(18), *site.sample(200)]].all()


def test_what_is_nudged_is_another_raster_with_the_same_answer():
    site = BenchmarkLandscape.named("categorical", 40)
    one, other = site.nudged(0), site.nudged(1)
    assert (one != other).sum() == 1
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_sample_is_read_as_any_reader_of_images_reads_it():
    tile = BenchmarkLandscape.named("olinda", 300).permeability
    assert tile.max() == 1
    assert tile[tile > 0].min() == pytest.approx(0.02)


def test_a_bar_is_met_by_the_fastest_peer_or_not_at_all():
    reports = {"Permea": {9: {"seconds": 1.0}}, "A": {9: {"seconds": 20.0}}, "B": {9: {"seconds": 5.0}}}
    assert speed(0.1, "A").verdict(reports).met
    assert not speed(0.1, "A", "B").verdict(reports).met


def test_a_bar_that_stands_says_why_where_it_is_missed_and_nothing_where_it_is_met():
    bar = speed(0.1, "A").standing("A cheats")
    reports = {"Permea": {9: {"seconds": 1.0}}, "A": {9: {"seconds": 5.0}}}
    assert _verdicts(bar, {"smooth": reports})[1] == "**no**: A cheats"
    reports["A"][9]["seconds"] = 20.0
    assert _verdicts(bar, {"smooth": reports})[1] == "yes"


def test_what_a_page_says_of_works_that_were_not_measured_again_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text("utf-8"), encoding="utf-8")
    sections, bars = (before := PreviousReport.on(page)).sections, before.bars
    write(BenchmarkRunner(tmp_path / "nothing"), page, quick=False)
    again = PreviousReport.on(page)
    assert (again.sections.keys(), again.bars) == (sections.keys(), bars)
    assert len(bars) > 15 and all(sections[title] == again.sections[title] for title in bars)


def test_what_is_not_measured_is_not_judged():
    assert speed(0.1, "A").verdict({"Permea": {9: {"error": "out of memory"}}}) is None


def test_answers_are_compared_where_both_have_one():
    reports = {"Permea": {9: {"values": [1.0, 2.0]}}, "A": {9: {"values": [1.0 + 1e-12, None]}}}
    assert agreement(1e-9, "A").verdict(reports).met


def test_four_times_the_cells_in_four_times_the_time_is_a_slope_of_one():
    reports = {"Permea": {500: {"seconds": 1.0}, 1000: {"seconds": 4.0}}}
    assert growth(1.0, "Permea", 500, 1000).verdict(reports).figure == "1.00"


def test_two_are_judged_against_one():
    reports = {"one": {9: {"seconds": 8.5}}, "two": {9: {"seconds": 5.0}}}
    assert faster(1.7, "two", "one").verdict(reports).met
    assert not faster(1.71, "two", "one").verdict(reports).met


def test_memory_that_stays_is_told_from_memory_that_grows():
    reports = {"Permea": {9: {"peak_memory": 1.00e9}, 27: {"peak_memory": 1.09e9}, 81: {"peak_memory": 1.11e9}}}
    assert same_memory(0.1, "Permea", 9, 27).verdict(reports).met
    assert not same_memory(0.1, "Permea", 9, 81).verdict(reports).met


def test_a_mirrored_landscape_is_what_padding_a_tile_would_give():
    tile = np.arange(9.0).reshape(3, 3)
    whole = np.pad(tile, [(0, 8)] * 2, mode="symmetric")
    np.testing.assert_array_equal(MirroredRaster(tile, 11)[2:9, :], whole[2:9])


@pytest.mark.parametrize("side", [500, 501])
def test_what_is_compared_of_a_sample_is_what_only_its_windows_reach(side):
    windows = WindowSetup(BenchmarkLandscape.named("smooth", side))
    (place, _), (inside, _) = windows.sample(12)
    buffer = windows.reach - windows.block // 2
    blocks = range(0, side, windows.block)
    sampled = [first for first in blocks if place.start <= first - buffer and first + buffer < place.stop - 4]
    assert len(sampled) == 12
    reached = {
        cell
        for first in blocks
        if first not in sampled
        for cell in range(first - buffer, first + windows.block + buffer)
    }
    assert not reached & set(range(place.start + inside.start, place.start + inside.stop))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not (ROOT / ".venv-bench").is_dir(), reason="make bench makes the peers' environment")
def test_the_benchmarks_run_in_the_small():
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "## The bars" in (ROOT / "build" / "bench-quick" / "benchmarks.md").read_text(encoding="utf-8")
