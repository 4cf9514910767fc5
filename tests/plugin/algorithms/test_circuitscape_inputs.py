"""Circuitscape projects as people have them: rounded headers, other computers, and options without an effect."""

import gzip

import numpy as np
import pytest

from .circuitscape_cases import read_raster


def resistances(folder):
    return np.loadtxt(folder / "strip_resistances.out")[1:, 1:].tolist()


STRIP = [[0, 2, 4], [2, 0, 2], [4, 2, 0]]
ADVANCED = {"scenario": "advanced", "source_file": "s.asc", "ground_file": "g.asc"}
STRENGTHS = {"use_variable_source_strengths": "True", "variable_source_file": "s.txt"}


def test_decimal_commas_in_every_list(project, results):
    texts = {"p.txt": "1\t0,5\t0,5\n2\t2,5\t0,5\n3\t4,5\t0,5\n", "s.txt": "1\t2,5\n", "r.txt": "1;0,5\n"}
    options = {"point_file": "p.txt", "use_reclass_table": "True", "reclass_file": "r.txt", **STRENGTHS}
    folder = results(project(texts=texts, scenario="one-to-all", **options))
    assert read_raster(folder / "strip_curmap_1.asc")[0].max() == pytest.approx(2.5)
    assert np.loadtxt(folder / "strip_resistances.out")[0, 1] == pytest.approx(1.0)


def test_decimal_commas_in_networks(project, results):
    texts = {"n.txt": "0 1 0,5\n1 2 1,5\n", "s.txt": "0;2,0\n", "g.txt": "2\t0,0\n"}
    options = {"data_type": "network", "scenario": "advanced", "habitat_file": "n.txt", "source_file": "s.txt"}
    folder = results(project(texts=texts, ground_file="g.txt", write_volt_maps="True", **options))
    np.testing.assert_allclose(np.loadtxt(folder / "strip_voltages.txt")[:, 1], [4, 3, 0])


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        ({"s.txt": "1 2,500\n"}, {"scenario": "one-to-all", **STRENGTHS}, "'2,500' may be a decimal comma"),
        (
            {"p.txt": "1 0,5 0.5\n2 2.5 0,5\n"},
            {"point_file": "p.txt"},
            "has a decimal comma, but '0.5' a decimal point",
        ),
        (
            {"r.txt": "1 5\n1 7\n"},
            {"use_reclass_table": "True", "reclass_file": "r.txt"},
            "'r.txt' gives 1 value several new ones; the first is 1, which becomes 5 or 7.",
        ),
    ],
)
def test_lists_with_several_readings_are_rejected(project, project_error, texts, options, words):
    assert words in project_error(project(texts=texts, **options))


@pytest.mark.parametrize(
    ("beginning", "encoding"),
    [("", "utf-8-sig"), ("", "utf-16"), ("\r\n", "utf-8")],
    ids=["mark", "wide", "blank line"],
)
def test_grids_that_begin_with_a_byte_order_mark_or_a_blank_line(project, results, beginning, encoding):
    path = project()
    for name in ("habitat.asc", "points.asc"):
        file = path.with_name(name)
        file.write_bytes((beginning + file.read_text()).encode(encoding))
    assert resistances(results(path)) == STRIP


def test_compressed_grid_with_byte_order_mark(project, results):
    path = project(habitat_file="habitat.asc.gz")
    file = path.with_name("habitat.asc")
    path.with_name("habitat.asc.gz").write_bytes(
        gzip.compress(file.read_bytes().replace(b"ncols", b"\xef\xbb\xbfncols"))
    )
    file.unlink()
    assert resistances(results(path)) == STRIP


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("xllcorner 0", "xllcorner 0.1"),
        ("cellsize 1", "cellsize 1.02"),
        ("yllcorner 0", "yllcorner -0.4"),
    ],
)
def test_headers_that_differ_by_rounding_have_the_same_cells(project, results, feedback, old, new):
    path = project(rasters={"s": [[1, 0, 0, 0, 0]], "g": [[-9999, -9999, -9999, -9999, 0]]}, **ADVANCED)
    for name in ("s.asc", "g.asc"):
        file = path.with_name(name)
        file.write_text(file.read_text().replace(old, new))
    np.testing.assert_allclose(read_raster(results(path) / "strip_curmap.asc")[0], [[1] * 5])
    warned = [text for text in feedback.warnings if "It is read cell by cell" in text]
    assert len(warned) == 2 and all(text.count(" instead of ") for text in warned)


def test_message_about_grids_tells_them_apart(project, project_error):
    path = project(rasters={"s": [[1, 0, 0, 0, 0]], "g": [[-9999, -9999, -9999, -9999, 0]]}, **ADVANCED)
    for name, west in (("habitat.asc", "5120000.0"), ("s.asc", "5120000.75"), ("g.asc", "5120000.0")):
        file = path.with_name(name)
        file.write_text(file.read_text().replace("xllcorner 0", f"xllcorner {west}"))
    assert "western edge 5120000.8 instead of 5120000." in project_error(path)


@pytest.mark.parametrize(
    "named",
    [
        "D:\\study\\site\\habitat.asc",
        "/nowhere/of/mine/habitat.asc",
        "\\\\server\\share\\habitat.asc",
        "maps/habitat.asc",
    ],
)
def test_files_of_another_computer_are_used_from_beside_the_project(project, results, feedback, named):
    assert resistances(results(project(habitat_file=named))) == STRIP
    assert any(named in text and "is used instead" in text for text in feedback.warnings)


def test_folders_of_another_computer_and_capitals(project, results, tmp_path):
    path = project(habitat_file="D:\\study\\maps\\HABITAT.asc", point_file="Points.ASC")
    (tmp_path / "Maps").mkdir()
    (tmp_path / "habitat.asc").rename(tmp_path / "Maps" / "habitat.asc")
    assert resistances(results(path)) == STRIP


OBLONG = ("cellsize 1", "dx 2\ndy 1")


@pytest.fixture
def oblong(project):
    """Write a project whose cells are twice as wide as high."""

    def write(**options):
        path = project(**options)
        for name in ("habitat.asc", "points.asc"):
            file = path.with_name(name)
            file.write_text(file.read_text().replace(*OBLONG))
        return path

    return write


def test_resistances_of_oblong_cells(oblong, results, feedback):
    assert resistances(results(oblong(write_cur_maps="False"))) == STRIP
    assert not any("high and" in text for text in feedback.warnings)


@pytest.mark.parametrize("option", [{}, {"write_as_tif": "True"}], ids=["asc", "tif"])
def test_maps_of_oblong_cells_have_their_shape(oblong, results, feedback, option):
    folder = results(oblong(**option))
    values, place = read_raster(next(folder.glob("strip_cum_curmap.*")))
    np.testing.assert_allclose(values, [[2, 2, 3, 2, 2]])
    assert place == (0, 2, 0, 1, 0, -1)
    assert any("1 high and 2 wide" in text for text in feedback.warnings) == (not option)


def test_branches_without_current_are_not_listed(project, results):
    texts = {"n.txt": "0 1 1\n0 2 1\n1 2 5\n1 3 1\n2 3 1\n3 4 1\n", "f.txt": "0\n3\n"}
    options = {"data_type": "network", "habitat_file": "n.txt", "point_file": "f.txt"}
    folder = results(project(texts=texts, **options))
    for name in ("strip_branch_currents_0_3.txt", "strip_branch_currents_cum.txt"):
        branches = {tuple(row[:2]) for row in np.loadtxt(folder / name).tolist()}
        assert branches == {(0, 1), (0, 2), (1, 3), (2, 3)}, "a balanced bridge and a dead end carry no current"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"texts": {"s.txt": "1 5\n"}, **STRENGTHS}, "use_variable_source_strengths (only in scenario"),
        ({"use_unit_currents": "True"}, "use_unit_currents (only in scenario advanced)"),
        (
            {
                "rasters": {"s": [[1, 0, 0, 0, 0]], "g": [[-9999, -9999, -9999, -9999, 0]]},
                **ADVANCED,
                "set_focal_node_currents_to_zero": "True",
                "write_max_cur_maps": "1",
            },
            "set_focal_node_currents_to_zero (only in scenario all-to-one, one-to-all or pairwise); write_max_cur_maps",
        ),
        (
            {
                "texts": {"n.txt": "1 2 1\n2 3 1\n", "f.txt": "1\n3\n"},
                "data_type": "network",
                "habitat_file": "n.txt",
                "point_file": "f.txt",
                "use_mask": "True",
            },
            "use_mask (only for rasters)",
        ),
        (
            {"write_cur_map": "no"},
            "unknown options, which have no effect: write_cur_map = no (unknown; did you mean write_cur_maps?)",
        ),
        (
            {
                "texts": {"p.txt": "mode include\n1 2\n1 77\n88 99\n"},
                "use_included_pairs": "True",
                "included_pairs_file": "p.txt",
            },
            "'p.txt': 3 ids are not those of focal nodes, and their pairs are left out: 77, 88, 99.",
        ),
        ({"rasters": {"points": [[1, 0, 2, -7, 3]]}}, "'points.asc': 1 id is not above 0 and is left out"),
        (
            {"texts": {"s.txt": "1 5\n1 6\n2 1\n3 1\n"}, "scenario": "one-to-all", **STRENGTHS},
            "'s.txt' gives 1 focal node several strengths, of which the first counts: 1.",
        ),
        (
            {"texts": {"s.txt": "1 0\n2 1\n3 0\n"}, "scenario": "one-to-all", **STRENGTHS},
            "'s.txt' gives 2 focal nodes the strength 0: 1, 3. No current is injected there.",
        ),
        (
            {"texts": {"s.txt": "1 5\n"}, "scenario": "all-to-one", **STRENGTHS},
            "'s.txt' has no strength for 2 focal nodes, which have 1 A: 2, 3.",
        ),
        (
            {"rasters": {"po": [[0, 0, 0, 0, -1]]}, "use_polygons": "True", "polygon_file": "po.asc"},
            "'po.asc' has no short-circuit region: none of its numbers is above 0.",
        ),
        (
            {"rasters": {"po": [[1, 1, 0, 0, -1]]}, "use_polygons": "True", "polygon_file": "po.asc"},
            "'po.asc': 1 cell has a negative number and belongs to no short-circuit region.",
        ),
        (
            {"texts": {"r.txt": "7 5\n"}, "use_reclass_table": "True", "reclass_file": "r.txt"},
            "'r.txt' reclassifies 1 value, of which 1 does not occur; the first is 7.",
        ),
        ({"remove_src_or_gnd": "rmvsrc"}, "remove_src_or_gnd = rmvsrc (only in scenario advanced)"),
        ({"ground_file_is_resistances": "False"}, "ground_file_is_resistances (only in scenario advanced)"),
        (
            {
                "texts": {"n.txt": "1 2 1\n2 2 5\n2 3 1\n", "f.txt": "1\n3\n"},
                "data_type": "network",
                "habitat_file": "n.txt",
                "point_file": "f.txt",
            },
            "'n.txt': 1 edge joins a node to itself and carries no current; the first is at node 2.",
        ),
        (
            {
                "texts": {"p.txt": "mode include\n1 1\n1 2\n"},
                "use_included_pairs": "True",
                "included_pairs_file": "p.txt",
            },
            "'p.txt': 1 pair of a focal node with itself is left out: 1.",
        ),
        (
            {
                "rasters": {
                    "habitat": [[1, 1, 1, -9999, -9999]],
                    "s": [[1, 0, 0, 4, 5]],
                    "g": [[-9999, -9999, 0, -9999, 0]],
                },
                **ADVANCED,
            },
            "'s.asc': sources in 2 cells lie on nodata or barriers of the landscape and inject no current, the first "
            "at row 1, column 4: 9 of 10 A are lost.",
        ),
        (
            {
                "texts": {"s.txt": "1 0.5 0.5\n", "g.txt": "0 4.5 0.5\n0 2.5 0.5\n"},
                "rasters": {"habitat": [[1, 1, 1, 1, -9999]]},
                **ADVANCED,
                "source_file": "s.txt",
                "ground_file": "g.txt",
            },
            "'g.txt': grounds in 1 cell lie on nodata or barriers of the landscape and have no effect",
        ),
    ],
)
def test_what_has_no_effect_is_named(project, results, feedback, options, words):
    results(project(**options))
    assert any(words in text for text in feedback.warnings), feedback.warnings


def repeated(path, *lines):
    path.write_text(path.read_text() + "\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "habitat_map_is_resistances = False",
            "gives habitat_map_is_resistances twice, with different values: 'True' ",
        ),
        ("Scenario = all-to-one", "gives scenario twice, with different values: 'pairwise' in line 2 and 'all-to-one'"),
        ("point_file = others.asc", "gives point_file twice"),
    ],
)
def test_option_with_two_values_is_rejected(project, project_error, line, words):
    assert words in project_error(repeated(project(), "[More]", line))


def test_option_repeated_with_the_same_value_is_named(project, results, feedback):
    results(repeated(project(), "habitat_map_is_resistances = 1", "solver = cholmod", "solver = cg+amg"))
    assert any("gives options twice: habitat_map_is_resistances, solver" in text for text in feedback.warnings)


def test_unused_files_are_logged(project, results, feedback):
    results(project(mask_file="m.asc", source_file="s.asc", reclass_file="(Browse for a file)"))
    assert any("not switched on: mask_file = m.asc; source_file = s.asc." in text for text in feedback.infos)
