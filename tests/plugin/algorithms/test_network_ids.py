"""Ids of the nodes of a network are labels: those of a GIS, in the millions, give what small numbers give."""

import re

import numpy as np
import pytest
from qgis.core import QgsProcessingException

#: Two squares that share a node, and a branch apart.
EDGES = [(0, 1, 1), (1, 2, 2), (2, 3, 1), (3, 0, 4), (2, 4, 1), (4, 5, 2), (6, 7, 1)]
#: Ids of a road layer, of an address register, and beyond twelve digits.
LABELS = {
    "sparse": [5, 7, 13, 900_000, 1_500_000, 1_500_003, 2_000_000, 2_000_001],
    "long": [3, 12, 4_000_000_000, 10**12 + 7, 10**13, 10**13 + 1, 9 * 10**13 + 1, 10**15 + 3],
}


@pytest.fixture
def write(tmp_path):
    """Write a network project whose nodes 0, 1, … have the given labels."""

    def write(labels, scenario="pairwise", **options):
        folder = tmp_path / f"{scenario}-{labels[0]}"
        folder.mkdir(exist_ok=True)

        def table(name, rows):
            (folder / name).write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))

        table("edges.txt", [(labels[a], labels[b], value) for a, b, value in EDGES])
        table("focal.txt", [(labels[n],) for n in (0, 4, 5, 6)])
        table("sources.txt", [(labels[0], 2), (labels[3], 1)])
        table("grounds.txt", [(labels[5], 1), (labels[1], 3)])
        (folder / "pairs.txt").write_text(f"mode include\n{labels[0]} {labels[4]}\n{labels[5]} {labels[4]}\n")
        chosen = {
            "data_type": "network",
            "scenario": scenario,
            "habitat_file": "edges.txt",
            "point_file": "focal.txt",
            "source_file": "sources.txt",
            "ground_file": "grounds.txt",
            "included_pairs_file": "pairs.txt",
            "habitat_map_is_resistances": "True",
            "write_cur_maps": "True",
            "write_volt_maps": "True",
            **options,
        }
        path = folder / "net.ini"
        path.write_text("[Options]\n" + "\n".join(f"{key} = {value}" for key, value in chosen.items()))
        return path

    return write


@pytest.fixture
def results(run):
    """Run a project; return the numbers in its files, with its labels replaced by 0, 1, …."""

    def of(path, labels):
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(path.parent / "results"))
        number_of = {str(label): str(number) for number, label in enumerate(labels)}
        found = {}
        for file in (path.parent / "results").glob("net_*.*"):
            name = re.sub(r"(?<=_)\d+(?=[_.])", lambda match: number_of[match[0]], file.name)
            ids = 2 if "branch" in name or "3columns" in name else 1
            lines = [line.split() for line in file.read_text().splitlines()]
            if name == "net_resistances.out":
                lines = [["0", *(number_of[label] for label in lines[0][1:])], *lines[1:]]
            rows = [[*(number_of.get(label, "0") for label in line[:ids]), *line[ids:]] for line in lines]
            table = np.array(rows, float)
            found[name] = sort_by_labels(table, ids) if name != "net_resistances.out" else as_pairs(table)
        return found

    return of


def sort_by_labels(table, ids):
    """Return a table by its ids; the two ends of a branch are in any order."""
    table[:, :ids] = np.sort(table[:, :ids], axis=1)
    return table[np.lexsort(table[:, :ids].T)].tolist()


def as_pairs(matrix):
    ids = matrix[0, 1:]
    return sorted((a, b, matrix[i + 1, j + 1]) for i, a in enumerate(ids) for j, b in enumerate(ids))


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("options", [{}, {"scenario": "advanced"}, {"use_included_pairs": "True"}], ids=str)
def test_labels_do_not_change_results(write, results, labels, options):
    small = list(range(len(labels)))
    expected, found = results(write(small, **options), small), results(write(labels, **options), labels)
    assert found.keys() == expected.keys() and len(found) > 2
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


def test_tables_list_nodes_that_exist(write, results):
    labels = LABELS["sparse"]
    found = results(write(labels), labels)
    assert [row[0] for row in found["net_node_currents_cum.txt"]] == list(range(8))


def test_focal_node_without_edges_is_isolated_with_a_warning(write, run, feedback):
    labels = LABELS["sparse"]
    path = write(labels)
    path.with_name("focal.txt").write_text(f"{labels[0]}\n{labels[4]}\n77\n")
    run("circuitscapeproject", INPUT=str(path), OUTPUT=str(path.parent / "results"))
    assert any("'focal.txt' names 1 node that no edge joins" in text and "77" in text for text in feedback.warnings)
    rows = np.loadtxt(path.parent / "results" / "net_resistances_3columns.out").tolist()
    assert [row[2] for row in rows if 77 in row[:2]] == [-1, -1]


def test_focal_node_beyond_network_is_refused(write, run):
    path = write(LABELS["sparse"])
    path.with_name("focal.txt").write_text("7\n900000\n2000002\n")
    with pytest.raises(QgsProcessingException, match="names 1 node that is not in the network; the first is 2000002"):
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(path.parent / "results"))


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        ("1 2 1e300", "'edges.txt': 1 edge is beyond 1e±100; the first is 1 – 2 (1e+300)."),
        ("1 2 1e-200", "'edges.txt': 1 edge is beyond 1e±100; the first is 1 – 2 (1e-200)."),
        ("1 2 inf", "'edges.txt': 1 edge is beyond 1e±100; the first is 1 – 2 (inf)."),
        ("1 2 0", "'edges.txt': 1 edge has no positive value; the first is 1 – 2 (0)."),
        (
            "9007199254740994 2 1",
            "1 number is too large to be exact; the first is 9007199254740994.0 (row 2, column 1)",
        ),
        ("1.1 2 1", "but 1 of its values is not; the first is 1.1 (row 2, column 1)."),
    ],
)
def test_edges_are_named_as_the_file_has_them(write, run, edge, words):
    path = write(LABELS["sparse"])
    path.with_name("edges.txt").write_text(f"7 1 1\n{edge}\n")
    path.with_name("focal.txt").write_text("1\n7\n")
    with pytest.raises(QgsProcessingException, match=re.escape(words)):
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(path.parent / "results"))
    assert not (path.parent / "results").exists()


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        (("1e-16", "False"), "Far below the others: 1 edge, the first between the nodes 900 and 7 (1e-16)."),
        (("1e20", "False"), "Far above the others: 1 edge, the first between the nodes 900 and 7 (1e+20)."),
        (("1e20", "True"), "Far below the others: 1 edge, the first between the nodes 900 and 7 (1e-20)."),
    ],
)
def test_conductances_beyond_an_accurate_solution_are_named(write, run, edge, words):
    """Their currents would not be conserved, or the resistance be 0."""
    value, resistances = edge
    path = write(LABELS["sparse"], habitat_map_is_resistances=resistances)
    path.with_name("edges.txt").write_text(f"1 900 1\n900 7 {value}\n7 12 1\n1 12 3\n12 5 2\n5 900 1e18\n")
    if value == "1e-16":
        path.with_name("edges.txt").write_text(f"1 12 1\n1 900 1e3\n900 7 {value}\n7 5 1e3\n5 20 1\n")
    elif resistances == "False":
        path.with_name("edges.txt").write_text(f"1 900 1\n900 7 {value}\n7 12 1\n1 12 3\n12 5 2\n")
    else:
        path.with_name("edges.txt").write_text(f"1 12 1\n1 900 1\n900 7 {value}\n7 5 1\n5 20 1\n")
    path.with_name("focal.txt").write_text("1\n5\n12\n")
    with pytest.raises(QgsProcessingException) as error:
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(path.parent / "results"))
    message = str(error.value)
    assert "'edges.txt': the conductances of the edges range from" in message and words in message
    assert "make its two nodes one; where it hardly conducts, leave it out" in message
    assert not (path.parent / "results").exists()
