"""The benchmarks give all implementations the same problem, and evaluate targets as their text says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.landscapes import LANDSCAPES, BenchmarkLandscape, MirroredRaster, WindowSetup
from benchmarks.report import PreviousReport, _outcome_cells, _section, write
from benchmarks.runner import BenchmarkRunner
from benchmarks.sparse_matrices import SparseNetwork
from benchmarks.suite import CASES, GPU_CASES, LARGE_CASES
from benchmarks.targets import agreement, constant_memory, growth, speed, speed_up
from permea.engine import GridGraph

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.costly
@pytest.mark.parametrize("name", LANDSCAPES)
def test_peers_receive_the_engine_network(name):
    landscape = BenchmarkLandscape.named(name, 40)
    expected = GridGraph(landscape.permeability).get_adjacency_matrix().todense()
    adjacency = SparseNetwork.of(landscape.permeability, landscape.active).adjacency.toarray()
    np.testing.assert_allclose(adjacency, expected, rtol=1e-14)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_cells_of_cases_are_connected(name):
    landscape = BenchmarkLandscape.named(name, 40)
    cells = [landscape.centre, *landscape.pair, *landscape.points(18), *landscape.sample(200)]
    assert landscape.largest_component.ravel()[cells].all()


def test_programs_of_all_cases_exist():
    for case in (*CASES, *LARGE_CASES, *GPU_CASES):
        for implementation in case.implementations:
            module, function = implementation.program.split(":")
            source = (ROOT / "benchmarks" / module.replace(".", "/")).with_suffix(".py").read_text("utf-8")
            assert f"\ndef {function}(" in source, implementation.program


def test_perturbation_changes_one_cell_imperceptibly():
    landscape = BenchmarkLandscape.named("categorical", 40)
    first, second = landscape.perturbed(0), landscape.perturbed(1)
    assert (first != second).sum() == 1
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_sample_landscape_is_decoded():
    tile = BenchmarkLandscape.named("olinda", 300).permeability
    assert tile.max() == 1
    assert tile[tile > 0].min() == pytest.approx(0.02)


def test_speed_is_relative_to_the_fastest_peer():
    reports = {"Permea": {9: {"seconds": 1.0}}, "A": {9: {"seconds": 20.0}}, "B": {9: {"seconds": 5.0}}}
    assert speed(0.1, "A").outcome(reports).reached
    assert not speed(0.1, "A", "B").outcome(reports).reached


def test_waived_target_shows_its_reason_only_where_not_reached():
    target = speed(0.1, "A").waived("A computes less")
    reports = {"Permea": {9: {"seconds": 1.0}}, "A": {9: {"seconds": 5.0}}}
    assert _outcome_cells(target, {"smooth": reports})[1] == "**no**: A computes less"
    reports["A"][9]["seconds"] = 20.0
    assert _outcome_cells(target, {"smooth": reports})[1] == "yes"


def test_sections_of_unmeasured_cases_stay(tmp_path):
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text("utf-8"), encoding="utf-8")
    before = PreviousReport.read(page)
    write(BenchmarkRunner(tmp_path / "nothing"), page, quick=False)
    after = PreviousReport.read(page)
    assert (after.sections.keys(), after.targets) == (before.sections.keys(), before.targets)
    assert len(before.targets) > 15
    assert all(before.sections[title] == after.sections[title] for title in before.targets)


def test_missing_measurement_has_no_outcome():
    assert speed(0.1, "A").outcome({"Permea": {9: {"error": "out of memory"}}}) is None


def test_agreement_ignores_missing_values():
    reports = {"Permea": {9: {"values": [1.0, 2.0]}}, "A": {9: {"values": [1.0 + 1e-12, None]}}}
    assert agreement(1e-9, "A").outcome(reports).reached


def test_linear_growth_has_slope_one():
    reports = {"Permea": {500: {"seconds": 1.0}, 1000: {"seconds": 4.0}}}
    assert growth(1.0, "Permea", 500, 1000).outcome(reports).value == "1.00"


def test_speed_up_of_two_workers():
    reports = {"one": {9: {"seconds": 8.5}}, "two": {9: {"seconds": 5.0}}}
    assert speed_up(1.7, "two", "one").outcome(reports).reached
    assert not speed_up(1.71, "two", "one").outcome(reports).reached


def test_constant_memory_detects_growth():
    reports = {"Permea": {9: {"peak_memory": 1.00e9}, 27: {"peak_memory": 1.09e9}, 81: {"peak_memory": 1.11e9}}}
    assert constant_memory(0.1, "Permea", 9, 27).outcome(reports).reached
    assert not constant_memory(0.1, "Permea", 9, 81).outcome(reports).reached


def test_mirrored_raster_equals_padding():
    tile = np.arange(9.0).reshape(3, 3)
    whole = np.pad(tile, [(0, 8)] * 2, mode="symmetric")
    np.testing.assert_array_equal(MirroredRaster(tile, 11)[2:9, :], whole[2:9])


@pytest.mark.parametrize("side", [500, 501])
def test_complete_cells_of_a_sample_lie_in_no_other_window(side):
    setup = WindowSetup(BenchmarkLandscape.named("smooth", side))
    (part, _), (complete, _) = setup.sample(12)
    buffer = setup.dependency_range - setup.block // 2
    blocks = range(0, side, setup.block)
    sampled = [first for first in blocks if part.start <= first - buffer and first + buffer < part.stop - 4]
    assert len(sampled) == 12
    in_other_windows = {
        cell for first in blocks if first not in sampled for cell in range(first - buffer, first + setup.block + buffer)
    }
    assert not in_other_windows & set(range(part.start + complete.start, part.start + complete.stop))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not (ROOT / ".venv-bench").is_dir(), reason="make bench makes the peers' environment")
def test_quick_benchmarks_run():
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "## Targets" in (ROOT / "build" / "bench-quick" / "benchmarks.md").read_text(encoding="utf-8")


def test_section_has_the_dates_of_its_measurements():
    case = CASES[0]
    label = case.implementations[0].label
    report = {"seconds": 1.0, "error": "not run"}
    dated = {9: {**report, "measured": "2026-03-01"}, 10: {**report, "measured": "2026-02-01"}}
    assert "Measured on 2026-02-01 to 2026-03-01." in _section(case, {"smooth": {label: dated}})
    assert not [line for line in _section(case, {"smooth": {label: {9: report}}}) if line.startswith("Measured")]
