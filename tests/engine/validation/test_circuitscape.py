"""Circuitscape's verification cases: resistances and maps, one test for every .ini file."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import reference_dense
from reference_circuitscape import Project, read_grid

from permea.engine import GridGraph, ResistanceDistance

FOLDER = Path(os.environ.get("PERMEA_REFERENCE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CASES = sorted((FOLDER / "circuitscape" / "input").rglob("*.ini"))

#: Relative to each resistance, and to the maximum of a map.
RTOL = 1e-6

#: Files that are wrong upstream, as an independent derivation showed.
WRONG_UPSTREAM = {"sgVerify12_cum_curmap.asc"}
WRONG_MAPS_UPSTREAM = {"oneToAllVerify12", "allToOneVerify12"}
#: Values of an iterative solver that stopped early.
LOOSE_UPSTREAM = {"sgVerify17_resistances.out": 2e-4, "sgVerify17_resistances_3columns.out": 2e-4}


def test_reference_data_has_cases(reference_data):
    assert CASES


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_project_equals_circuitscape(path):
    results = Project(path).run()
    expected = sorted((FOLDER / "circuitscape" / "output_verify").glob(f"{path.stem}_*"))
    expected = [file for file in expected if file.suffix in (".asc", ".out", ".txt") and not is_wrong(file, path.stem)]
    assert expected, "nothing to compare with"
    errors = {}
    for file in expected:
        name = file.stem.removeprefix(f"{path.stem}_")
        if is_of_other_nodes(name, results["resistances"][0, 1:] if "resistances" in results else None):
            continue
        assert name in results, f"{file.name} has no counterpart"
        errors[file.name] = difference(file, results[name])
    wrong = {name: f"{error:.1e}" for name, error in errors.items() if not error <= LOOSE_UPSTREAM.get(name, RTOL)}
    assert not wrong, f"{len(wrong)} of {len(errors)} files differ: {wrong}"


GRID = "ncols 4\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\nNODATA_value -9999\n"

PAIR_FILES = {
    "mode include\n1 2\n2 3\n": {(1, 2), (2, 3)},
    "mode exclude\n1 2\n": {(1, 3), (1, 4), (2, 3), (2, 4), (3, 4)},
    "min 2\nmax 5\n0 1 2 4\n1 0 3 9\n2 3 0 2\n4 9 2 0\n": {(1, 2), (2, 4)},
}


@pytest.mark.parametrize("pairs", PAIR_FILES, ids=["include", "exclude", "matrix"])
def test_pair_file_selects_pairs(tmp_path, pairs):
    (tmp_path / "habitat.asc").write_text(GRID + "1 1 1 1")
    (tmp_path / "points.asc").write_text(GRID + "1 2 3 4")
    (tmp_path / "pairs.txt").write_text(pairs)
    options = ["scenario = pairwise", "use_included_pairs = True", "included_pairs_file = pairs.txt"]
    options += ["habitat_file = habitat.asc", "habitat_map_is_resistances = True", "point_file = points.asc"]
    (tmp_path / "line.ini").write_text("\n".join(["[Options]", *options]))
    results = Project(tmp_path / "line.ini").run()
    maps = {name for name in results if re.fullmatch(r"curmap_\d_\d", name)}
    assert maps == {f"curmap_{i}_{j}" for i, j in PAIR_FILES[pairs]}
    solved = {(int(i), int(j)) for i, j, value in results["resistances_3columns"] if value >= 0}
    assert solved == PAIR_FILES[pairs]


def is_of_other_nodes(name, ids):
    """Return whether a file belongs to a pair of ids that the project does not have, left over from earlier nodes."""
    pair = re.search(r"_(\d+)_(\d+)$", name)
    return bool(pair) and not set(map(int, pair.groups())) <= set(ids)


def is_wrong(file, case):
    return file.name in WRONG_UPSTREAM or (case in WRONG_MAPS_UPSTREAM and file.suffix == ".asc")


def difference(file, values):
    """Return the error of a result relative to a file, as the tolerance measures it; infinite if not comparable."""
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
    computed = np.array([known.get(tuple(row[:keys].astype(int)), np.nan) for row in stored])
    return np.abs(stored[:, keys] - computed).max() / np.abs(stored[:, keys]).max()


#: Verification cases that a dense merging of regions can solve.
DENSE_CASES = ["1", "2", "3"]


class VerificationCase:
    """The options and rasters of a verification case, and the resistances computed by Circuitscape."""

    def __init__(self, folder, name):
        project = Project(folder / f"circuitscape/input/raster/pairwise/{name}/sgVerify{name}.ini")
        project.circuit()
        self.permeability = project.conductance
        self.neighbors = "rook" if project.flag("connect_four_neighbors_only") else "queen"
        self.edge_rule = "resistance" if project.flag("connect_using_avg_resistances") else "mean"
        self.points = np.maximum(project.raster("point_file"), 0)
        self.regions = np.zeros(self.points.shape)
        if project.flag("use_polygons"):
            self.regions = np.maximum(project.raster("polygon_file"), 0)
        stored = np.loadtxt(folder / f"circuitscape/output_verify/sgVerify{name}_resistances.out")
        self.ids, self.expected = stored[0, 1:].astype(int), np.where(stored[1:, 1:] == -1, np.inf, stored[1:, 1:])


@pytest.fixture(scope="module", params=DENSE_CASES, ids=lambda name: f"sgVerify{name}")
def case(request, reference_data):
    return VerificationCase(reference_data, request.param)


def network_of(resistances):
    """Return the conductances of the network with these resistances between its nodes, component by component."""
    conductance = np.zeros(resistances.shape)
    connected = np.isfinite(resistances)
    for nodes in {tuple(np.flatnonzero(row)) for row in connected}:
        centred = np.eye(len(nodes)) - 1 / len(nodes)
        part = np.ix_(nodes, nodes)
        conductance[part] = -np.linalg.pinv(-centred @ resistances[part] @ centred / 2, rcond=1e-9, hermitian=True)
    np.fill_diagonal(conductance, 0.0)
    return conductance


def resistance_between(conductance, groups, source, target):
    merged, node = reference_dense.merge_vertices(conductance, [*groups, source, target])
    return reference_dense.effective_resistances(merged)[node[source[0]], node[target[0]]]


@pytest.mark.costly_variants
def test_resistances_equal_circuitscape_by_dense_merging(case):
    """Without the circuits of the engine: resistances between the cells of all regions, merged in a dense network.

    The resistances determine the network between these cells (everything else eliminated), and merging nodes of that
    small network is a matter of adding conductances.
    """
    included = (case.permeability > 0) & ((case.points > 0) | (case.regions > 0))
    grid = GridGraph(case.permeability, neighbors=case.neighbors, edge_rule=case.edge_rule)
    nodes = grid.coord_to_active_vertex_index(*np.nonzero(included))
    conductance = network_of(np.asarray(ResistanceDistance()(grid, nodes=nodes)))
    point, region = case.points[included], case.regions[included]
    regions = [np.flatnonzero(region == number) for number in np.unique(region[region > 0])]
    result = np.full(case.expected.shape, np.inf)
    for i, j in np.ndindex(result.shape):
        source, target = (np.flatnonzero(point == case.ids[n]) for n in (i, j))
        if i == j:
            result[i, j] = 0
        elif source.size and target.size:
            result[i, j] = resistance_between(conductance, regions, source, target)
    np.testing.assert_allclose(result, case.expected, rtol=1e-8, atol=1e-9)  # stored with ten digits
