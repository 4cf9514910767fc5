"""Circuitscape's verification projects: every output file is reproduced."""

import re

import numpy as np
import pytest

from .circuitscape_cases import CASES, CIRCUITSCAPE, read_raster
from .conftest import REFERENCE_DATA
from .interventions import as_soon_as

#: Resistances relative to each, maps relative to their maximum.
ACCURATE = 1e-6

#: Files that are wrong upstream, by what was found when they were derived anew.
WRONG_UPSTREAM = {"sgVerify12_cum_curmap.asc"}
WRONG_MAPS_UPSTREAM = {"oneToAllVerify12", "allToOneVerify12"}
#: Values of an iterative solver that stopped early.
LOOSE_UPSTREAM = {"sgVerify17_resistances.out": 2e-4, "sgVerify17_resistances_3columns.out": 2e-4}


@pytest.mark.skipif(not CASES, reason=f"no reference data in {REFERENCE_DATA}")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_project_writes_circuitscape_files(run, tmp_path, path):
    result = run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / "results"))
    written = {file.name: file for file in (tmp_path / "results").iterdir() if file.is_file()}
    assert result["FILES"] == len(written)
    ids = {identity for name in written for identity in ids_in(name)}
    actual = {}
    for expected in verified(path.stem):
        if set(ids_in(expected.name)) <= ids:
            assert expected.name in written, f"{expected.name} was not written"
            actual[expected.name] = difference(expected, written[expected.name])
    assert actual, "nothing to compare with"
    wrong = {name: f"{by:.1e}" for name, by in actual.items() if not by <= LOOSE_UPSTREAM.get(name, ACCURATE)}
    assert not wrong, f"{len(wrong)} of {len(actual)} files differ: {wrong}"


def verified(case):
    files = sorted((CIRCUITSCAPE / "output_verify").glob(f"{case}_*"))
    wrong = {file for file in files if file.name in WRONG_UPSTREAM}
    wrong |= {file for file in files if case in WRONG_MAPS_UPSTREAM and file.suffix == ".asc"}
    return [file for file in files if file not in wrong]


def ids_in(name):
    """Return the ids of the pair of a file; some files belong to pairs selected earlier."""
    pair = re.search(r"_(\d+)_(\d+)\.(asc|txt)$", name)
    return pair.groups()[:2] if pair else ()


def difference(expected, actual):
    """Return the difference of two files in units of the tolerance; infinite if their contents do not correspond."""
    if expected.suffix == ".asc":
        (stored, place), (values, own_place) = read_raster(expected), read_raster(actual)
        nodata = stored == -9999
        if place != own_place or stored.shape != values.shape or not np.array_equal(nodata, values == -9999):
            return np.inf
        return np.abs(np.where(nodata, 0, stored - values)).max() / max(np.abs(stored[~nodata]).max(initial=0), 1e-300)
    stored, values = np.loadtxt(expected, ndmin=2), np.loadtxt(actual, ndmin=2)
    if "resistances" in expected.name:
        same = stored.shape == values.shape and np.array_equal(stored < 0, values < 0)
        return (np.abs(stored - values) / np.maximum(np.abs(stored), 1e-300)).max() if same else np.inf
    # Tables of a network are in any order; a branch without current may be left out.
    theirs, ours = ({tuple(row[:-1].astype(int)): row[-1] for row in table} for table in (stored, values))
    apart = [abs(theirs.get(key, 0.0) - ours.get(key, 0.0)) for key in {*theirs, *ours}]
    return max(apart) / np.abs(stored[:, -1]).max()


# Small projects, for what the cases do not ask for and for what goes wrong.


def test_maps_as_tiff_compressed_or_log_transformed(project, results):
    tif = results(project(write_as_tif="True", write_max_cur_maps="True"), "tif")
    np.testing.assert_allclose(read_raster(tif / "strip_cum_curmap.tif")[0], [[2, 2, 3, 2, 2]])
    np.testing.assert_allclose(read_raster(tif / "strip_max_curmap.tif")[0], [[1, 1, 1, 1, 1]])
    packed = results(project(compress_grids="True", log_transform_maps="True"), "packed")
    path = f"/vsigzip/{packed / 'strip_cum_curmap.asc.gz'}"
    np.testing.assert_allclose(read_raster(path)[0], np.log10([[2, 2, 3, 2, 2]]))


def test_mask_reclassification_and_zero_focal_currents(project, results):
    rasters = {"habitat": [[7, 7, 7, 7, 7], [7, 7, 7, 7, 7]], "mask": [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]}
    rasters["points"] = [[1, 0, 2, 0, 3], [0, 0, 0, 0, 0]]
    options = {"use_mask": "True", "mask_file": "mask.asc", "use_reclass_table": "True", "reclass_file": "new.txt"}
    path = project(rasters=rasters, texts={"new.txt": "7 3\n1 9\n"}, set_focal_node_currents_to_zero="True", **options)
    folder = results(path)
    assert np.loadtxt(folder / "strip_resistances.out")[1:, 1:] == pytest.approx(
        3 * np.array([[0, 2, 4], [2, 0, 2], [4, 2, 0]])
    )
    np.testing.assert_allclose(read_raster(folder / "strip_cum_curmap.asc")[0], [[0, 2, 1, 2, 0], [0] * 5], atol=1e-9)


def test_zero_focal_currents_in_every_map(project, results):
    options = {"set_focal_node_currents_to_zero": "True", "write_max_cur_maps": "True"}
    pairs, sweep = (results(project(scenario=name, **options), name) for name in ("pairwise", "one-to-all"))
    for file, expected in (
        (pairs / "strip_curmap_1_3.asc", [[0, 1, 1, 1, 0]]),
        (pairs / "strip_max_curmap.asc", [[0, 1, 1, 1, 0]]),
        (sweep / "strip_curmap_1.asc", [[0, 1, 0, 0, 0]]),
        (sweep / "strip_cum_curmap.asc", [[0, 1.5, 0, 1.5, 0]]),
    ):
        np.testing.assert_allclose(read_raster(file)[0], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("policies", "currents"),
    # A finite ground stays where it is removed, and "all" is the source alone.
    [(("keepall", "rmvgnd"), [1, 4, 2, 0, 0]), (("rmvsrc", "rmvall"), [1, 1, 0.5, 0, 0])],
)
def test_source_ground_conflicts_follow_circuitscape(project, results, policies, currents):
    # A ground of 1 ohm under the second source, a direct one in the middle.
    rasters = {"s": [[1, 3, 0, 0, 0]], "g": [[-9999, 1, 0, -9999, -9999]]}
    files = {"scenario": "advanced", "source_file": "s.asc", "ground_file": "g.asc"}
    for policy in policies:
        folder = results(project(rasters=rasters, remove_src_or_gnd=policy, **files), policy)
        np.testing.assert_allclose(read_raster(folder / "strip_curmap.asc")[0], [currents], atol=1e-9)


def test_advanced_network_lists_all_nodes(project, results):
    texts = {"n.txt": "0 1 1\n1 2 1\n3 4 1\n", "s.txt": "0 1\n", "g.txt": "2 0\n"}
    options = {"data_type": "network", "scenario": "advanced", "habitat_file": "n.txt"}
    folder = results(project(texts=texts, source_file="s.txt", ground_file="g.txt", write_volt_maps="True", **options))
    np.testing.assert_allclose(np.loadtxt(folder / "strip_voltages.txt"), [[0, 2], [1, 1], [2, 0], [3, 0], [4, 0]])
    np.testing.assert_allclose(np.loadtxt(folder / "strip_node_currents.txt")[:, 1], [1, 1, 1, 0, 0], atol=1e-9)


def test_one_to_all_node_without_partners_has_no_maps(project, results, feedback):
    # As in Circuitscape, whatever the file of pairs does not list takes no part there.
    texts = {"p.txt": "mode exclude\n1 2\n1 3\n"}
    options = {"use_included_pairs": "True", "included_pairs_file": "p.txt", "scenario": "all-to-one"}
    folder = results(project(rasters={"points": [[1, 2, 4, 0, 3]]}, texts=texts, **options))
    assert np.loadtxt(folder / "strip_resistances.out").tolist() == [[1, -1], [2, 0], [3, 0]]
    assert {file.name for file in folder.glob("*_curmap_*")} == {"strip_curmap_2.asc", "strip_curmap_3.asc"}
    assert any("1 focal node that 'p.txt' does not list is left out" in text for text in feedback.warnings)


def test_zero_strength_and_duplicate_strengths(project, results):
    options = {"use_variable_source_strengths": "True", "variable_source_file": "s.txt", "scenario": "one-to-all"}
    folder = results(project(texts={"s.txt": "1 0\n2 4\n2 9\n"}, **options))
    assert np.loadtxt(folder / "strip_resistances.out")[0].tolist() == [1, -1]
    assert not read_raster(folder / "strip_curmap_1.asc")[0].any()
    assert read_raster(folder / "strip_curmap_2.asc")[0].max() == pytest.approx(4)


def test_ini_syntax_variants(project, results, tmp_path):
    (tmp_path / "größe.asc").write_bytes(project().with_name("habitat.asc").read_bytes())
    lines = [
        "scenario=Pairwise",
        "# note = 3",
        "",
        "POINT_FILE : points.asc",
        "[Section]",
        'habitat_file = "größe.asc"',
    ]
    for encoding in ("utf-8-sig", "cp1252"):
        path = tmp_path / f"{encoding}.ini"
        path.write_bytes("\r\n".join(lines).encode(encoding))
        assert np.loadtxt(results(path, encoding) / f"{encoding}_resistances.out")[1:, 3].tolist() == [4, 2, 0]


@pytest.mark.parametrize(
    ("text", "solved"),
    [
        ("mode include\n1 2\n", {(1, 2)}),
        ("mode exclude\n1 2\n", {(1, 3), (2, 3)}),
        ("min 2\nmax 5\n0 1 2 3\n1 0 3 9\n2 3 0 2\n3 9 2 0\n", {(1, 2), (2, 3)}),
    ],
    ids=["include", "exclude", "matrix"],
)
def test_pairs_file_selects_pairs(project, results, text, solved):
    path = project(texts={"pairs.txt": text}, use_included_pairs="True", included_pairs_file="pairs.txt")
    folder = results(path)
    assert {ids_in(file.name) for file in folder.glob("*_curmap_*_*.asc")} == {tuple(map(str, pair)) for pair in solved}
    rows = np.loadtxt(folder / "strip_resistances_3columns.out", ndmin=2)
    assert {(int(one), int(other)) for one, other, value in rows if value >= 0} == solved


def test_strengths_are_read_from_file(project, results):
    options = {"use_variable_source_strengths": "True", "variable_source_file": "strengths.txt"}
    path = project(scenario="one-to-all", texts={"strengths.txt": "1 5\n3 2\n"}, **options)
    np.testing.assert_allclose(read_raster(results(path) / "strip_curmap_1.asc")[0], [[5, 5, 5, 0, 0]], atol=1e-9)


def test_advanced_mode_accepts_point_lists(project, results):
    texts = {"sources.txt": "2 0.5 0.5\n1 1.5 0.5\n", "grounds.txt": "4 3.5 0.5\n"}
    files = {"source_file": "sources.txt", "ground_file": "grounds.txt", "write_volt_maps": "True"}
    folder = results(project(scenario="advanced", texts=texts, **files))
    np.testing.assert_allclose(read_raster(folder / "strip_voltmap.asc")[0], [[20, 18, 15, 12, 12]], rtol=1e-9)
    np.testing.assert_allclose(read_raster(folder / "strip_curmap.asc")[0], [[2, 3, 3, 3, 0]], atol=1e-9)


def test_relative_paths_resolve_upwards(project, results, tmp_path):
    path = project(habitat_file="data\\habitat.asc", point_file="data/points.asc")
    (tmp_path / "data").mkdir()
    for name in ("habitat", "points"):
        (tmp_path / f"{name}.asc").rename(tmp_path / "data" / f"{name}.asc")
    deep = tmp_path / "runs" / "first"
    deep.mkdir(parents=True)
    assert (results(path.rename(deep / path.name)) / "strip_resistances.out").is_file()


def test_folder_accepts_same_project_only(project, results, project_error):
    folder = results(project())
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    results(project())
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before
    message = project_error(project(rasters={"habitat": [[1, 1, 2, 1, 1]]}))
    assert "cannot be continued, because something has changed: landscape" in message
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before


def test_results_of_other_programs_are_not_overwritten(project, project_error, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "strip_resistances.out").write_text("mine")
    message = project_error(project())
    assert "already holds results of 'strip' (strip_resistances.out), which would be overwritten" in message
    assert (tmp_path / "results" / "strip_resistances.out").read_text() == "mine"


@pytest.mark.long
def test_killed_project_run_is_resumed(project, results, project_error, kill_engine, tmp_path):
    random = np.random.default_rng(2)
    points = np.zeros((60, 60), int)
    for number in range(9):
        points[5 + 20 * (number // 3) :, 5 + 20 * (number % 3)][:4] = number + 1
    path = project(rasters={"habitat": random.lognormal(size=(60, 60)).tolist(), "points": points.tolist()})

    def maps(folder):
        return {file.name: file.stat().st_mtime_ns for file in folder.glob("*_curmap_*_*.asc")}

    as_soon_as(lambda: len(maps(tmp_path / "results")) >= 25, kill_engine)
    assert project_error(path).startswith("The engine was killed")
    first = maps(tmp_path / "results")
    assert 25 <= len(first) < 36
    assert (tmp_path / "results" / "strip_resistances.out").is_file()
    folder = results(path)
    assert len(maps(folder)) == 36 and first.items() <= maps(folder).items()
    at_once = results(path, "at once")
    np.testing.assert_allclose(
        *(read_raster(each / "strip_cum_curmap.asc")[0] for each in (folder, at_once)), rtol=1e-9
    )


@pytest.mark.long
def test_resumed_run_reuses_solutions(project, results, project_error, kill_engine, feedback, tmp_path):
    points = np.zeros((120, 120), int)
    places = np.indices(points.shape)[:, 8::16, 8::16].reshape(2, -1)
    points[tuple(places)] = np.arange(places.shape[1]) + 1
    habitat = np.random.default_rng(2).lognormal(size=points.shape)
    path = project(
        rasters={"habitat": habitat.tolist(), "points": points.tolist()},
        write_cur_maps="False",
        write_cum_cur_map_only="True",
    )
    kept, pairs = tmp_path / "results" / "strip_checkpoint", tmp_path / "results" / "strip_resistances_3columns.out"
    as_soon_as(pairs.exists, kill_engine)
    assert project_error(path).startswith("The engine was killed")
    known = {tuple(row[:2]): row[2] for row in np.loadtxt(pairs)}
    assert 0 < len(known) < 49 * 48 // 2 and not (tmp_path / "results" / "strip_resistances.out").exists()
    assert list(kept.glob("cached-*.npy"))
    folder = results(path)
    assert any("read from an earlier run" in text for text in feedback.infos)
    assert not list(kept.glob("cached-*.npy"))
    at_once = results(path, "at once")
    for name in ("strip_resistances.out", "strip_resistances_3columns.out", "strip_cum_curmap.asc"):
        assert (folder / name).read_bytes() == (at_once / name).read_bytes()
    whole = {tuple(row[:2]): row[2] for row in np.loadtxt(pairs)}
    assert len(whole) == 49 * 48 // 2
    assert known == pytest.approx({pair: whole[pair] for pair in known}, rel=1e-9)


PAIRS = {"use_included_pairs": "True", "included_pairs_file": "p.txt"}
ADVANCED = {"scenario": "advanced", "source_file": "s.asc"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"habitat_file": "nowhere.asc"}, "names a file that does not exist: habitat_file = nowhere.asc."),
        ({"point_file": "(Browse for a file)"}, "needs a file for point_file, but names none."),
        ({"use_mask": "True"}, "needs a file for mask_file, but names none."),
        ({"use_wormholes": "True"}, "has invalid or unknown options. use_wormholes = True."),
        ({"write_cur_maps": "ture"}, "write_cur_maps = ture: True or False."),
        ({"scenario": "sideways"}, "scenario = sideways: pairwise, advanced, one-to-all or all-to-one."),
        (
            {"scenario": "not entered"},
            "scenario must be pairwise, advanced, one-to-all or all-to-one, not 'not entered'",
        ),
        (
            {"data_type": "network", "scenario": "one-to-all"},
            "scenario must be pairwise or advanced for a network, not 'one-to-all'",
        ),
        ({"rasters": {"habitat": [[1, 0, 0, 1, 1]]}}, "resistance is zero in 2 cells, the first at row 1, column 2"),
        ({"rasters": {"points": [[0, 0, 4, 0, 0]]}}, "'points.asc' has only one focal node"),
        ({"rasters": {"points": [[0, 0, 0, 0, 0]]}}, "'points.asc' has no focal node"),
        ({"rasters": {"points": [[1, 2.5, 0, 0, 0]]}}, "'points.asc' must hold whole numbers"),
        (
            {"texts": {"p.txt": "1 0.5 0.5\n2 9 9\n"}, "point_file": "p.txt"},
            "'p.txt': 1 of 2 points lies outside the habitat; the first is at x 9, y 9.",
        ),
        ({"texts": {"p.txt": "1 0.5\n"}, "point_file": "p.txt"}, "'p.txt', line 1: expected 3 numbers"),
        ({"texts": {"p.txt": "both\n"}, **PAIRS}, "'p.txt' is not a file of pairs (its first line is 'both')"),
        ({"texts": {"p.txt": "mode include\n1 x\n"}, **PAIRS}, "'p.txt', line 2: expected the ids of two focal nodes"),
        ({"texts": {"p.txt": "min 1\nmax 2\n0 1 2\n1 0\n"}, **PAIRS}, "'p.txt', line 4: expected an id and 2 numbers"),
        ({"texts": {"p.txt": "mode include\n8 9\n"}, **PAIRS}, "'p.txt' lists 0 of the 3 focal nodes"),
        ({"texts": {"p.txt": "mode exclude\n1 2\n1 3\n2 3\n"}, **PAIRS}, "'p.txt' leaves no pair of the 3 focal nodes"),
        (
            {"rasters": {"habitat": [[-9999, 1, -9999, 1, -9999]]}},
            "'points.asc': none of the 3 focal nodes lies on a passable habitat cell",
        ),
        ({"rasters": {"habitat": [[1, "one", 1, 1, 1]]}}, "'habitat.asc', line 7: 'one' is not a number"),
        (
            {"rasters": {"habitat": [[1, 1, "1 1", 1, 1]]}},
            "'habitat.asc' holds 6 numbers, but its header declares 1 row of 5",
        ),
        ({"rasters": {"habitat": [[-9999] * 5]}}, "'habitat.asc' has no passable cell"),
        ({"texts": {"h.txt": "1 2 3\n"}, "habitat_file": "h.txt"}, "'h.txt' cannot be read as an ESRI ASCII grid"),
        ({"texts": {"p.txt": "1 nan 0\n2 1 0\n"}, "point_file": "p.txt"}, "'p.txt', line 1: expected 3 numbers"),
        (
            {"rasters": {"s": [[0] * 5]}, **ADVANCED, "ground_file": "points.asc"},
            "'s.asc' has no value on a passable habitat cell",
        ),
        ({"rasters": {"s": [[1, 0], [0, 0]]}, **ADVANCED}, "'s.asc' is not on the grid of the habitat"),
    ],
)
def test_project_error_messages(project_error, project, tmp_path, options, words):
    assert words in project_error(project(**options))
    assert not (tmp_path / "results").exists()
