"""A compressed file that holds gigabytes is refused as soon as that is clear, without filling the memory."""

import gzip
import resource
import time

import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback

HEADER = "ncols {columns}\nnrows {rows}\nxllcorner 0\nyllcorner 0\ncellsize 1\nNODATA_value -9999\n"
OPTIONS = {"scenario": "pairwise", "habitat_map_is_resistances": "True", "write_cum_cur_map_only": "True"}
#: A part that is stored a thousand times smaller, and how often it is repeated: 4 GB.
PART, REPEATS = 1 << 20, 4096


def repeated(text):
    """Return a compressed file that holds a text, again and again: members of a gzip file follow each other."""
    return gzip.compress(text.encode() * (PART // len(text)), 9) * REPEATS


@pytest.fixture
def outcome(run, tmp_path):
    """Run a project of compressed files; return its error message, seconds and the growth of the peak memory in MB."""

    def outcome(files, feedback=None, **options):
        defaults = {
            "habitat.asc.gz": gzip.compress((HEADER.format(columns=5, rows=1) + "1 2 1 3 1\n").encode()),
            "points.asc.gz": gzip.compress((HEADER.format(columns=5, rows=1) + "1 0 0 0 2\n").encode()),
        }
        for name, content in (defaults | files).items():
            (tmp_path / name).write_bytes(content)
        chosen = {**OPTIONS, "habitat_file": "habitat.asc.gz", "point_file": "points.asc.gz", **options}
        path = tmp_path / "project.ini"
        path.write_text("[Options]\n" + "\n".join(f"{key} = {value}" for key, value in chosen.items()))
        before, start, message = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic(), ""
        try:
            run("circuitscapeproject", feedback, INPUT=str(path), OUTPUT=str(tmp_path / "results"))
        except QgsProcessingException as error:
            message = str(error)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert "Traceback" not in message
        return message, time.monotonic() - start, grown

    return outcome


def test_compressed_project_runs(outcome, tmp_path):
    assert outcome({})[0] == ""
    assert (tmp_path / "results" / "project_resistances.out").read_text().split()[:3] == ["0", "1", "2"]


def test_grid_with_more_numbers_than_its_header_declares(outcome):
    head = gzip.compress(HEADER.format(columns=5, rows=1).encode())
    message, seconds, grown = outcome({"habitat.asc.gz": head + repeated("1 ")})
    assert "'habitat.asc.gz' holds more than 5 numbers, but its header declares 1 row of 5" in message
    assert seconds < 10 and grown < 300


def test_point_grid_without_spaces(outcome):
    head = gzip.compress(HEADER.format(columns=5, rows=1).encode())
    message, seconds, grown = outcome({"points.asc.gz": head + repeated("1")})
    assert "'points.asc.gz', line 7" in message and "is not a number" in message
    assert seconds < 10 and grown < 300


@pytest.mark.parametrize("option", ["included_pairs_file", "point_file", "reclass_file"])
def test_table_of_gigabytes(outcome, option):
    flags = {"included_pairs_file": "use_included_pairs", "reclass_file": "use_reclass_table"}
    switched_on = {flags[option]: "True"} if option in flags else {}
    text = {"included_pairs_file": "mode include\n", "point_file": "1 0.5 0.5\n"}.get(option, "1 2\n")
    message, seconds, grown = outcome({"table.txt.gz": repeated(text)}, **{option: "table.txt.gz"}, **switched_on)
    assert "'table.txt.gz' holds more than 268 MB of text" in message
    assert seconds < 20 and grown < 1000


def test_header_of_a_raster_that_no_memory_holds(outcome):
    grid = HEADER.format(columns=10**6, rows=10**6) + "1 2 3\n"
    message, seconds, grown = outcome({"habitat.asc.gz": gzip.compress(grid.encode())})
    assert "'habitat.asc.gz' has 1,000,000 rows of 1,000,000 cells" in message and "Use a smaller raster" in message
    assert seconds < 5 and grown < 300


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
def test_damaged_compressed_file(outcome, damage):
    content = gzip.compress((HEADER.format(columns=5, rows=1) + "1 2 1 3 1\n").encode())
    damaged = content[:-12] if damage == "cut off" else content[:30] + bytes(20) + content[50:]
    assert "'habitat.asc.gz' cannot be read" in outcome({"habitat.asc.gz": damaged})[0]


def test_check_of_a_long_grid_is_cancelled(outcome):
    head = gzip.compress(HEADER.format(columns=10_000, rows=2_000).encode())
    feedback = QgsProcessingFeedback(False)
    feedback.setProgressText = lambda text: feedback.cancel() if "habitat" in text else None
    feedback.cancel()
    message, seconds, _ = outcome({"habitat.asc.gz": head + repeated("1 ")}, feedback)
    assert message == "" and "Cancelled." in feedback.textLog() and seconds < 5
