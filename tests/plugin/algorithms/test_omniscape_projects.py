"""Projects of Omniscape: they run as moving-window current, and options that have no effect are named."""

import numpy as np
import pytest

from permea.plugin.circuitscape.ini import IniOptions
from permea.plugin.circuitscape.omniscape_options import log_ineffective


def test_omniscape_project_is_run_as_moving_windows(run, omniscape, read, feedback, tmp_path):
    options = {
        "block_size": "2",
        "calc_normalized_current": "true",
        "write_as_tif": "false",
        "solver": "cholmod",
        "conditional": "true",
        "condition1_file": "D:\\maps\\t.asc",
        "condition1_lower": "-2,5",
        "condition1_upper": "2,5",
    }
    folder = tmp_path / "results"
    run("circuitscapeproject", INPUT=str(omniscape(**options)), OUTPUT=str(folder))
    direct = run(
        "movingwindowcurrent",
        INPUT=str(tmp_path / "r.asc"),
        VALUES="resistance",
        SOURCE_STRENGTH=str(tmp_path / "s.asc"),
        RADIUS=90,
        BLOCK_SIZE=3,
        AS_OMNISCAPE=True,
        CONDITION_1=str(tmp_path / "t.asc"),
        LOWEST_1=-2.5,
        HIGHEST_1=2.5,
    )
    assert {file.name for file in folder.iterdir()} == {"cum_currmap.tif", "normalized_cum_currmap.tif"}
    np.testing.assert_array_equal(read(folder / "cum_currmap.tif").band, read(direct["OUTPUT"]).band)
    assert any("is run as “Moving-window current”" in text for text in feedback.infos)
    assert any("write_as_tif = false has no effect: the maps are GeoTIFFs" in text for text in feedback.warnings)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"radius": "(choose source radius)"}, "radius = (choose source radius): a number"),
        ({"n_conditions": "3", "comparison1": "near"}, "comparison1 = near: within or equal; n_conditions = 3: 1 or 2"),
        ({"reclassify_resistance": "true"}, "Do that first with “Permeability from land cover”"),
        ({"source_file": ""}, "needs a file for source_file, but names none."),
        ({"radius": "inf"}, "radius = inf: a number from 1 to 1e+09"),
        ({"radius": "0"}, "radius = 0: a number from 1 to 1e+09"),
        ({"block_size": "-3", "buffer": "-1"}, "block_size = -3: a number from 1 to 1e+09; buffer = -1: a number from"),
        ({"source_from_resistance": "true", "r_cutoff": "0"}, "r_cutoff = 0: a number from 1e-09 to inf"),
        ({"r_cutoff": "1,000"}, "r_cutoff = 1,000: a number without separators of thousands"),
    ],
)
def test_omniscape_project_error_messages(omniscape, project_error, options, words):
    assert words in project_error(omniscape(**options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"source_from_resistance": "true", "source_threshold": "0.5"},
            "source_file = s.asc (only with source_from_resistance = false); source_threshold = 0.5 (only with",
        ),
        ({"r_cutoff": "1"}, "r_cutoff = 1 (only with source_from_resistance = true)"),
        ({"condition1_file": "t.asc"}, "condition1_file = t.asc (only with conditional = true)"),
        (
            {
                "conditional": "true",
                "condition1_file": "t.asc",
                "condition1_upper": "1",
                "condition2_file": "t.asc",
                "condition1_future_file": "t.asc",
            },
            "condition2_file = t.asc (only with n_conditions = 2); condition1_future_file = t.asc (only with "
            "compare_to_future = 1 or both)",
        ),
        (
            {"conditional": "true", "condition1_file": "t.asc", "compare_to_future": "2"},
            "compare_to_future = 2 (only with n_conditions = 2)",
        ),
        ({"reclass_table": "classes.txt"}, "reclass_table = classes.txt (only with reclassify_resistance = true)"),
        ({"radius": "2.6"}, "radius = 2.6 is rounded to 3 cells, as in Omniscape"),
        ({"radious": "5"}, "unknown options, which have no effect: radious = 5"),
    ],
)
def test_omniscape_options_without_effect_are_named(omniscape, feedback, options, words):
    log_ineffective(IniOptions.read(omniscape(**options)), feedback)
    assert any(words in text for text in feedback.warnings), feedback.warnings


def test_omniscape_options_with_their_defaults_are_not_named(omniscape, feedback):
    options = {"conditional": "false", "r_cutoff": "inf", "n_conditions": "1", "condition1_file": "(none)"}
    log_ineffective(IniOptions.read(omniscape(**options, write_reclassified_resistance="false")), feedback)
    assert not feedback.warnings
