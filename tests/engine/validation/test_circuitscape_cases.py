"""Circuitscape's verification cases: resistances and maps, one test for every .ini that is there."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from reference_circuitscape import Project, read_grid

FOLDER = Path(os.environ.get("PERMEA_REFERENCE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CASES = sorted((FOLDER / "circuitscape" / "input").rglob("*.ini"))

#: Resistances relative to each, maps relative to their maximum.
ACCURATE = 1e-6

#: Files that are wrong upstream, by what was found when they were derived anew.
WRONG_UPSTREAM = {"sgVerify12_cum_curmap.asc"}
WRONG_MAPS_UPSTREAM = {"oneToAllVerify12", "allToOneVerify12"}
#: Values of an iterative solver that stopped early.
LOOSE_UPSTREAM = {"sgVerify17_resistances.out": 2e-4, "sgVerify17_resistances_3columns.out": 2e-4}


def test_the_reference_data_has_cases(reference_data):
    assert CASES


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_project_gives_what_circuitscape_gives(path):
    results = Project(path).run()
    expected = sorted((FOLDER / "circuitscape" / "output_verify").glob(f"{path.stem}_*"))
    expected = [file for file in expected if file.suffix in (".asc", ".out", ".txt") and not is_wrong(file, path.stem)]
    assert expected, "nothing to compare with"
    found = {}
    for file in expected:
        name = file.stem.removeprefix(f"{path.stem}_")
        if is_of_others(name, results["resistances"][0, 1:] if "resistances" in results else None):
            continue
        assert name in results, f"{file.name} has no counterpart"
        found[file.name] = difference(file, results[name])
    wrong = {name: f"{by:.1e}" for name, by in found.items() if not by <= LOOSE_UPSTREAM.get(name, ACCURATE)}
    assert not wrong, f"{len(wrong)} of {len(found)} files differ: {wrong}"


GRID = "ncols 4\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\nNODATA_value -9999\n"

PAIR_FILES = {
    "mode include\n1 2\n2 3\n": {(1, 2), (2, 3)},
    "mode exclude\n1 2\n": {(1, 3), (1, 4), (2, 3), (2, 4), (3, 4)},
    "min 2\nmax 5\n0 1 2 4\n1 0 3 9\n2 3 0 2\n4 9 2 0\n": {(1, 2), (2, 4)},
}


@pytest.mark.parametrize("pairs", PAIR_FILES, ids=["include", "exclude", "matrix"])
def test_a_file_of_pairs_says_which_are_solved(tmp_path, pairs):
    (tmp_path / "habitat.asc").write_text(GRID + "1 1 1 1")
    (tmp_path / "points.asc").write_text(GRID + "1 2 3 4")
    (tmp_path / "pairs.txt").write_text(pairs)
    options = ["scenario = pairwise", "use_included_pairs = True", "included_pairs_file = pairs.txt"]
    options += ["habitat_file = habitat.asc", "habitat_map_is_resistances = True", "point_file = points.asc"]
    (tmp_path / "line.ini").write_text("\n".join(["[Options]", *options]))
    results = Project(tmp_path / "line.ini").run()
    maps = {name for name in results if re.fullmatch(r"curmap_\d_\d", name)}
    assert maps == {f"curmap_{one}_{other}" for one, other in PAIR_FILES[pairs]}
    solved = {(int(one), int(other)) for one, other, value in results["resistances_3columns"] if value >= 0}
    assert solved == PAIR_FILES[pairs]


def is_of_others(name, ids):
    """Whether a file is of a pair whose ids the project does not have: left over from an earlier choice of nodes."""
    pair = re.search(r"_(\d+)_(\d+)$", name)
    return bool(pair) and not set(map(int, pair.groups())) <= set(ids)


def is_wrong(file, case):
    return file.name in WRONG_UPSTREAM or (case in WRONG_MAPS_UPSTREAM and file.suffix == ".asc")


def difference(file, values):
    """By how much a result differs from a file, in the terms of the tolerance; infinite if it is not comparable."""
    if file.suffix == ".asc":
        stored, header = read_grid(file.read_text())
        nodata = stored == header.get("nodata_value", -9999)
        if stored.shape != values.shape or not np.array_equal(nodata, values == -9999):
            return np.inf
        return np.abs(np.where(nodata, 0, stored - values)).max() / max(np.abs(stored[~nodata]).max(initial=0), 1e-300)
    stored = np.loadtxt(file, ndmin=2)
    keys = 1 if stored.shape[1] == 2 else 2
    if "resistances" in file.name:
        if stored.shape != values.shape or not np.array_equal(stored < 0, values < 0):
            return np.inf
        return (np.abs(stored - values) / np.maximum(np.abs(stored), 1e-300)).max()
    # A network's tables list the nodes of one component only, in any order.
    known = {tuple(row[:keys].astype(int)): row[keys] for row in values}
    mine = np.array([known.get(tuple(row[:keys].astype(int)), np.nan) for row in stored])
    return np.abs(stored[:, keys] - mine).max() / np.abs(stored[:, keys]).max()
