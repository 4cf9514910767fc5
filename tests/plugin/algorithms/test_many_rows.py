"""Tables of millions of pairs: made row by row, cancelled at any row, refused where they do not fit in memory."""

import itertools
import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
)

from permea.plugin.algorithms.distances.distancematrix import count_pairs
from permea.plugin.algorithms.flows.resistance_table import count_rows
from permea.plugin.algorithms.formatting import join_names
from permea.plugin.algorithms.pair_tables import connected_groups, describe_components
from permea.plugin.algorithms.results import ResultPresenter
from permea.plugin.algorithms.row_progress import with_progress
from permea.plugin.algorithms.row_sequences import RowSequence, computed_rows, upper_triangle
from permea.plugin.algorithms.table_size import check_rows, require_rows_fit
from permea.plugin.algorithms.tables import Column, Table, write_tables
from permea.plugin.layers import StagedFiles
from permea.plugin.runner import Result

COLUMNS = (Column("id", "integer"), Column("distance"))


def test_rows_are_made_when_they_are_read():
    made = []
    rows = RowSequence(10**9, lambda: (made.append(n) or (n, float(n)) for n in itertools.count()))
    assert len(rows) == 10**9 and not made
    assert rows[3] == (3, 3.0) and made == [0, 1, 2, 3]


def test_excluded_nodes_and_pairs_have_no_rows():
    ids = np.array([1, 1, 2, 5, 9])
    assert count_rows({"focal_ids": ids}, "pairwise") == 6
    assert count_rows({"focal_ids": ids, "excluded": np.array([[1, 5], [2, 9]])}, "pairwise") == 4
    assert count_rows({"focal_ids": ids, "excluded": np.array([[1, 5]])}, "one_to_all") == 4


def test_rows_not_computed_yet_are_left_out():
    rows = computed_rows([(1, 2.0), (2, math.nan), (3, 4.0)])
    assert len(rows) == 2 and list(rows) == list(rows) == [(1, 2.0), (3, 4.0)]


def test_upper_triangle_lacks_missing_pairs():
    matrix = np.array([[0, 1, np.nan], [1, 0, np.inf], [np.nan, np.inf, 0]])
    assert list(upper_triangle(matrix)) == [(0, 1, 1.0), (1, 2, math.inf)]


@pytest.mark.parametrize(("among", "directed", "count"), [(True, False, 6), (True, True, 12), (False, True, 16)])
def test_pairs_are_counted_without_listing_them(among, directed, count):
    assert count_pairs(4, 4, among_sources=among, directed=directed) == count


def test_groups_of_thousands_of_isolated_nodes():
    connected = np.eye(3000, dtype=bool)
    connected[0, 7] = connected[7, 2999] = True
    groups = connected_groups(connected)
    assert groups[0] == [0, 7, 2999] and len(groups) == 2998


def test_excluded_pair_does_not_separate_connected_nodes():
    resistances = np.array([[0, 1, np.nan, np.inf], [1, 0, 2, np.inf], [np.nan, 2, 0, np.inf], [np.inf] * 3 + [0]])
    focal = SimpleNamespace(named=lambda: {1: "a", 2: "b", 3: "c", 4: "d"})
    result = Result({"ids": np.arange(1, 5), "resistances": resistances}, {"unconnected": 3})
    assert describe_components(focal, result).endswith("Focal nodes that are connected with each other: a, b, c; d.")


def test_names_beyond_the_limit_are_counted():
    assert join_names(["a", "b"], limit=2, count=12_005_050) == "a, b and 12,005,048 more"


@pytest.mark.parametrize("name", ["pairs.gpkg", "pairs.csv", "TEMPORARY_OUTPUT"])
def test_writing_a_long_table_is_cancelled(provider, context, tmp_path, name):
    algorithm = QgsApplication.processingRegistry().algorithmById("permea:distancematrix").create()
    feedback, percents = QgsProcessingFeedback(False), []
    feedback.progressChanged.connect(lambda percent: (percents.append(percent), feedback.cancel()))
    table = Table("OUTPUT", COLUMNS, RowSequence(10**7, lambda: ((n, 0.5) for n in range(10**7))))
    parameters = {"OUTPUT": name if name == "TEMPORARY_OUTPUT" else str(tmp_path / name)}
    algorithm.presenter = ResultPresenter(algorithm, parameters, context)
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        crs = context.project().crs()
        with StagedFiles() as staged, write_tables(algorithm, [table], parameters, context, crs, staged, feedback):
            pass
    assert len(percents) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def require(provider):
    algorithm = QgsApplication.processingRegistry().algorithmById("permea:currentflow")
    return lambda value, rows: require_rows_fit(algorithm, {"RESISTANCES": value}, "RESISTANCES", rows)


@pytest.mark.parametrize(
    "value",
    ["TEMPORARY_OUTPUT", "memory:pairs", QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT")],
    ids=["text", "memory", "definition"],
)
def test_temporary_layer_of_billions_of_rows_is_refused(require, value):
    require(value, 1000)
    with pytest.raises(QgsProcessingException, match=r"Resistances has 5,000,000,000 rows.*Write it to a file"):
        require(value, 5 * 10**9)


def test_file_of_billions_of_rows_is_allowed(require, tmp_path):
    require(str(tmp_path / "pairs.csv"), 5 * 10**9)
    require(None, 5 * 10**9)


@pytest.mark.parametrize("name", ["pairs.gpkg", "pairs.csv"])
def test_time_to_write_millions_of_rows_is_announced(provider, tmp_path, feedback, name):
    algorithm = QgsApplication.processingRegistry().algorithmById("permea:currentflow")
    check_rows(algorithm, {"RESISTANCES": str(tmp_path / name)}, "RESISTANCES", 12_000_000, feedback)
    assert feedback.infos == ["Resistances has 12,000,000 rows: writing them takes about 3 min, after the computation."]


@pytest.mark.parametrize(("name", "rows"), [("pairs.csv", 1000), (None, 12_000_000)])
def test_short_tables_and_tables_that_are_not_written_are_not_announced(provider, tmp_path, feedback, name, rows):
    algorithm = QgsApplication.processingRegistry().algorithmById("permea:currentflow")
    check_rows(algorithm, {"RESISTANCES": name and str(tmp_path / name)}, "RESISTANCES", rows, feedback)
    assert not feedback.infos


def test_few_rows_that_take_long_report_progress(feedback):
    """A row of a matrix may have thousands of cells."""
    list(with_progress((time.sleep(0.006) for _ in range(220)), 220, "Writing", feedback))
    assert feedback.percents == [pytest.approx(100 * 200 / 220)]


def test_long_table_tells_the_rows_and_the_time_left(feedback):
    moments = itertools.count(step=1.5)
    list(with_progress(range(40_000), 80_000, "Writing", feedback, 0, 80, clock=lambda: next(moments)))
    assert feedback.texts[-1].startswith("Writing: 40,000 of 80,000 rows, about ")
    assert feedback.texts[-1].endswith(" left") and feedback.percents[-1] == 40
