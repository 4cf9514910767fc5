"""Tables of numbers in text: every notation that has one reading is read, all others are rejected."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.circuitscape.number_tables import parse_number_table
from permea.plugin.circuitscape.pairs import read_pairs


def table(text, columns=2, **options):
    return parse_number_table("t.txt", list(enumerate(text.splitlines(), 1)), columns, "two numbers", **options)


@pytest.mark.parametrize(
    "text",
    [
        "1\t2,5\n3\t4\n",
        "1\t2.5\n3\t4\n",
        "1 2,5\n3 4\n",
        "1,2.5\n3,4\n",
        "1, 2.5\n3, 4.0\n",
        "1;2,5\n3;4\n",
        "1;2.5;forest\n3;4;\n",
        "1,2.5,forest\n3,4,city\n",
        '"1";"2,5"\n"3";"4,0"\n;\n',
        "# id strength\n1,0 2,5 forest\n\n3,0 +4,0 city\n",
        "1\t25e-1\n3\t0,4e1\n",
        "1\u00a02,5\n3\u00a04\n",
    ],
)
def test_same_numbers_in_every_notation(text):
    np.testing.assert_array_equal(table(text), [[1, 2.5], [3, 4]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\t2,5\n2\t3.5\n", "'2,5' has a decimal comma, but '3.5' a decimal point"),
        ("1\t2,500\n2\t13,250\n", "the comma in '2,500' may be a decimal comma or separate the thousands"),
        ("1,2,5\n", "line 1: expected two numbers, not '1,2,5'"),
        ("1 2\n1 1.234,5\n", "line 2: expected two numbers, not '1 1.234,5'"),
        ("1 2\n1_0 2\n", "line 2: expected two numbers, not '1_0 2'"),
        ("1 2\n\n3 nan\n", "line 3: expected two numbers, not '3 nan'"),
        ("# nothing\n;;\n", "'t.txt' holds no numbers"),
        ("1\t1 234,5\n2\t2 000\n", "line 1: expected two numbers"),
        ("1\t1\u00a0234,5\n2\t2\u00a0000\n", "line 1: expected two numbers"),
        ("1;1\u202f234,5\n2;500\n", "line 1: expected two numbers"),
        ("1 1 234,5\n2 500\n", "line 1: '1 1 234,5' can be read in several ways"),
        ("1,1,234.5\n2,2,000.0\n", "line 1: '1,1,234.5' can be read in several ways"),
    ],
)
def test_ambiguous_and_invalid_tables_are_rejected(text, words):
    with pytest.raises(QgsProcessingException) as rejected:
        table(text)
    assert words in str(rejected.value)


@pytest.mark.parametrize("text", ["1 5 100\n2 7 200\n", "1\t5\t100\n2\t7\n", "1;5;100.5\n2;7;\n", "1\t\t5\n\t2\t7\n"])
def test_further_columns_and_doubled_tabs_are_no_thousands(text):
    np.testing.assert_array_equal(table(text), [[1, 5], [2, 7]])


def test_thousands_are_excluded_by_another_number():
    np.testing.assert_array_equal(table("1\t2,500\n2\t0,25\n"), [[1, 2.5], [2, 0.25]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "min 0,5\nmax 2,5\n0 1 2 3\n1 0 0,7 9\n2 0,7 0 2,4\n3 9 2,4 0\n",
        "min;0,5\nmax;2,5\n0;1;2;3\n1;0;0,7;9\n2;0,7;0;2,4\n3;9;2,4;0\n",
        "min,0.5\nmax,2.5\n0,1,2,3\n1,0,0.7,9\n2,0.7,0,2.4\n3,9,2.4,0\n",
    ],
)
def test_matrix_of_pairs_in_every_notation(tmp_path, text, encoding):
    path = tmp_path / "pairs.txt"
    path.write_bytes(text.encode(encoding))
    assert read_pairs(path).listed == {(1, 2), (2, 1), (2, 3), (3, 2)}


@pytest.mark.parametrize("row", ["1,5\t2", "1.5 2", "1e20 2"])
def test_ids_of_pairs_are_whole_numbers(tmp_path, row):
    path = tmp_path / "pairs.txt"
    path.write_text(f"mode include\n1 2\n{row}\n")
    with pytest.raises(QgsProcessingException, match="whole numbers|too large to be exact"):
        read_pairs(path)
