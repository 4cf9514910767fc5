"""The benchmarks measure the same thing on both sides, and judge it as the bars say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from permea.engine import GridGraph

from benchmarks.bars import agreement, growth, speed
from benchmarks.networks import Network
from benchmarks.sites import LANDSCAPES, Site

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_the_peers_are_given_the_network_that_the_engine_solves(landscape):
    site = Site.named(landscape, 40)
    ours = GridGraph(site.permeability).get_adjacency_matrix().todense()
    theirs = Network.of(site.permeability, site.active).adjacency.toarray()
    np.testing.assert_allclose(theirs, ours, rtol=1e-14)


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_all_places_can_be_reached_from_each_other(landscape):
    site = Site.named(landscape, 40)
    assert site.mainland.ravel()[[site.centre, *site.pair, *site.points(18), *site.sample(200)]].all()


def test_what_is_nudged_is_another_raster_with_the_same_answer():
    site = Site.named("categorical", 40)
    one, other = site.nudged(0), site.nudged(1)
    assert (one != other).sum() == 1
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_sample_is_read_as_any_reader_of_images_reads_it():
    tile = Site.named("olinda", 300).permeability
    assert tile.max() == 1
    assert tile[tile > 0].min() == pytest.approx(0.02)


def test_a_bar_is_met_by_the_fastest_peer_or_not_at_all():
    reports = {"Permea": {9: {"seconds": 1.0}}, "A": {9: {"seconds": 20.0}}, "B": {9: {"seconds": 5.0}}}
    assert speed(0.1, "A").verdict(reports).met
    assert not speed(0.1, "A", "B").verdict(reports).met


def test_what_is_not_measured_is_not_judged():
    assert speed(0.1, "A").verdict({"Permea": {9: {"error": "out of memory"}}}) is None


def test_answers_are_compared_where_both_have_one():
    reports = {"Permea": {9: {"values": [1.0, 2.0]}}, "A": {9: {"values": [1.0 + 1e-12, None]}}}
    assert agreement(1e-9, "A").verdict(reports).met


def test_four_times_the_cells_in_four_times_the_time_is_a_slope_of_one():
    reports = {"Permea": {500: {"seconds": 1.0}, 1000: {"seconds": 4.0}}}
    assert growth(1.0, "Permea", 500, 1000).verdict(reports).figure == "1.00"


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not (ROOT / ".venv-bench").is_dir(), reason="make bench makes the peers' environment")
def test_the_benchmarks_run_in_the_small():
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "## The bars" in (ROOT / "build" / "bench-quick" / "benchmarks.md").read_text(encoding="utf-8")
