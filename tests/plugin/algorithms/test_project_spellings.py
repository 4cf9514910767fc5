"""Projects of Circuitscape and Omniscape, and their grids, as people and other programs spell them."""

import gzip

import numpy as np
import pytest

from permea.plugin.circuitscape import IniOptions

# Resistances between the focal nodes of the default project, as its file lists them.
STRIP = [[0, 1, 2, 3], [1, 0, 2, 4], [2, 2, 0, 2], [3, 4, 2, 0]]


def resistances(folder):
    return np.loadtxt(folder / "strip_resistances.out").tolist()


def edit(path, name, *changes):
    """Replace texts in a file beside a project."""
    file = path.with_name(name)
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("write_cur_maps", "True ; maps"),
        ("write_cur_maps", "true\t# maps"),
        ("scenario", "pairwise # all pairs"),
        ("habitat_file", "habitat.asc ; my map"),
        ("habitat_file", '"habitat.asc" # "quoted"'),
        ("mask_file", "; none"),
    ],
)
def test_comments_after_values_are_ignored(project, results, option, value):
    folder = results(project(**{option: value}))
    assert resistances(folder) == STRIP
    assert (folder / "strip_curmap_1_2.asc").is_file()


@pytest.mark.parametrize("name", ["site #2.asc", "a ;b.asc", "#3.asc"])
def test_names_of_files_may_look_like_comments(project, results, name):
    path = project(habitat_file=f"D:\\maps\\{name}")
    path.with_name("habitat.asc").rename(path.with_name(name))
    assert resistances(results(path)) == STRIP


def test_flag_repeated_in_other_letters_is_the_same(tmp_path):
    path = tmp_path / "o.ini"
    path.write_text("calc_normalized_current = true\ncalc_normalized_current = TRUE\n")
    assert IniOptions.read(path).repeated == ("calc_normalized_current",)


@pytest.mark.parametrize(
    "changes",
    [
        [("NODATA_value -9999\n", "")],
        [("NODATA_value", "nodata_VALUE")],
        [("NODATA_value -9999\n", ""), ("ncols", "NODATA_value -9999\nncols")],
        [("NODATA_value -9999", "NODATA_value -1")],
        [("xllcorner 0", "XLLCENTER 0.5"), ("yllcorner 0", "yllcenter 0.5")],
        [("cellsize 1", "dx 1,0\ndy 1,0")],
    ],
)
def test_headers_in_other_spellings(project, results, feedback, changes):
    # The second row is missing data.
    path = project(rasters={"habitat": [[1] * 5, [-9999] * 5], "points": [[1, 0, 2, 0, 3], [0] * 5]})
    edit(path, "habitat.asc", *changes)
    assert resistances(results(path)) == STRIP
    assert not any("far outside" in text for text in feedback.warnings)


@pytest.mark.parametrize("option", [{"output_file": "r" * 200 + ".out"}, {"name": "p" * 200}])
def test_names_that_are_too_long_for_files_are_rejected_without_a_folder(project, project_error, tmp_path, option):
    message = project_error(project(**option))
    assert "(200 bytes), which is too long for names of files: at most 150." in message
    assert not (tmp_path / "results").exists()


def text_of(path, name):
    return path.with_name(name).read_text()


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: ("\ufeff" + text).encode(),
        lambda text: text.encode("utf-16"),
        lambda text: ("\r\n" + text.replace("\n", "\r\n")).encode(),
        lambda text: text.replace("NODATA_value -9999\n", "").encode(),
        lambda text: text.replace("xllcorner 0", "xllcorner 9").encode(),
        lambda text: text.replace("cellsize 30", "cellsize 30.5").encode(),
    ],
    ids=["mark", "wide", "blank line", "no nodata", "rounded corner", "rounded size"],
)
def test_sources_of_omniscape_in_other_spellings(run, omniscape, read, tmp_path, spell):
    def current(name):
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / name))
        return read(tmp_path / name / "cum_currmap.tif").band

    path = omniscape(source_from_resistance="false")
    expected = current("expected")
    path.with_name("s.asc").write_bytes(spell(text_of(path, "s.asc")))
    np.testing.assert_array_equal(current("spelled"), expected)


def test_undeclared_and_compressed_nodata_of_omniscape(run, omniscape, read, tmp_path):
    path = omniscape(resistance_file="r.asc.gz", mask_nodata="true ; as always")
    text = text_of(path, "r.asc").replace("NODATA_value -9999\n", "").replace("\n2", "\n-9999", 1)
    path.with_name("r.asc.gz").write_bytes(gzip.compress(text.encode()))
    run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / "results"))
    assert np.isnan(read(tmp_path / "results" / "cum_currmap.tif").band).sum() == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2 2\n", "2\n", "'r.asc' holds "),
        ("2 2", "2 two", "is not a number"),
        ("2 2", "-2 2", "resistance is negative"),
    ],
)
def test_failed_omniscape_project_leaves_no_folder(omniscape, project_error, tmp_path, old, new, words):
    path = omniscape()
    edit(path, "r.asc", (old, new))
    assert words in project_error(path)
    assert not (tmp_path / "results").exists()
