"""Units of the numbers in reports: those of the chosen distance, wherever a number has one."""

import re

import numpy as np
import pytest
from report_page import ReportPage

CELLS = [(0, 0), (8, 2), (2, 7)]
COST = "m × resistance"


@pytest.fixture
def page(run, provider, valley_file, points, tmp_path):
    """Run an algorithm on the valley and return the page of its report."""

    def of(name, **parameters):
        target = tmp_path / "report.html"
        names = {each.name() for each in provider.algorithm(name).parameterDefinitions()}
        inputs = {"INPUT": valley_file, "FOCAL" if "FOCAL" in names else "SOURCES": points(*CELLS)}
        if "GROUNDS" in names:
            inputs |= {"SOURCES": points(CELLS[0]), "GROUNDS": points(*CELLS[1:])}
        if name == "barriers":
            inputs |= {"RESTORED_GAIN": None, "IMPROVEMENT": None, "PINCH_POINTS": None}
        run(name, **{**inputs, "REPORT": str(target), **parameters})
        page = ReportPage(target)
        assert page.errors == []
        return page

    return of


def numbers(page):
    """Return the value of each row of “Numbers” by its label."""
    table = page.source.partition("<h2>Numbers</h2>")[2].partition("</section>")[0]
    return dict(re.findall(r"<th>([^<]*)</th><td>([^<]*)</td>", table))


def headings(page):
    """Return the headings of the columns of numbers."""
    return re.findall(r'<th class="number">([^<]*)</th>', page.source)


@pytest.mark.parametrize(
    ("name", "parameters", "label", "unit"),
    [
        ("leastcostdistance", {}, "Largest finite distance", COST),
        ("resistancedistance", {}, "Mean of the finite distances", "Ω"),
        ("distancematrix", {"DISTANCE": "leastcost"}, "Largest finite distance", COST),
        ("distancematrix", {"DISTANCE": "resistance"}, "Smallest distance", "Ω"),
        ("distancematrix", {"DISTANCE": "euclidean"}, "Mean of the finite distances", "m"),
        ("currentflow", {}, "Largest finite resistance", "Ω"),
        ("currentflowadvanced", {}, "Highest voltage", "V"),
        ("leastcostpaths", {}, "Largest cost of a path", COST),
        ("leastcostcorridor", {}, "Largest value in the corridors", COST),
        ("leastcostcorridor", {"NORMALISED": True}, "Largest value in the corridors", "of the least cost"),
        ("barriers", {"DISTANCE": "leastcost"}, "Mean distance between connected focal nodes", COST),
        ("barriers", {"DISTANCE": "resistance"}, "Mean distance between connected focal nodes", "Ω"),
        ("sensitivity", {"DISTANCE": "leastcost"}, "Mean least cost of the present landscape", COST),
        ("sensitivity", {"DISTANCE": "leastcost"}, "Smallest sensitivity", f"{COST} per unit"),
        ("sensitivity", {"DISTANCE": "leastcost", "ELASTICITY": True}, "Smallest elasticity", COST),
    ],
)
def test_numbers_have_the_unit_of_the_distance(page, name, parameters, label, unit):
    assert re.fullmatch(rf"−?[\d.,]+ {re.escape(unit)}", numbers(page(name, **parameters))[label])


def test_numbers_without_a_unit_stay_without(page):
    rows = numbers(page("leastcostdistance"))
    assert rows["Passable cells"].isdigit() and rows["Connected components of the landscape"].isdigit()


@pytest.mark.parametrize(
    ("name", "parameters", "unit"),
    [
        ("leastcostdistance", {}, COST),
        ("leastcostdistance", {"PER_SOURCE": True}, COST),
        ("resistancedistance", {}, "Ω"),
        ("currentflow", {}, "A"),
        ("currentflowadvanced", {}, "A"),
        ("barriers", {"DISTANCE": "resistance"}, "Ω per unit"),
        ("sensitivity", {"DISTANCE": "leastcost"}, f"{COST} per unit"),
    ],
)
def test_largest_values_and_captions_have_the_unit_of_the_map(page, name, parameters, unit):
    shown = page(name, **parameters)
    assert f"Value, {unit}" in headings(shown)
    assert re.search(rf": −?[\d.,]+ to −?[\d.,]+ {re.escape(unit)}, mean −?[\d.,]+ {re.escape(unit)}, in", shown.text)
    assert re.search(rf"Histogram of [^:]*(: [^:]*)?, {re.escape(unit)}: cells by value", shown.text)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "measure", "label", "unit"),
    [
        ("rspdistance", "expected_cost", "Largest finite distance", f" {COST}"),
        ("rspdistance", "survival", "Largest survival probability", ""),
        ("distancematrix", "expected_cost", "Largest finite distance", f" {COST}"),
        ("distancematrix", "survival", "Largest survival probability", ""),
    ],
)
def test_probabilities_have_no_unit_and_are_no_distances(page, name, measure, label, unit):
    distance = {"DISTANCE": "rsp"} if name == "distancematrix" else {}
    shown = page(name, MEASURE=measure, **distance)
    assert re.fullmatch(rf"[\d.,]+( × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?{unit}", numbers(shown)[label])
    assert shown.headings[0].lower().count("survival probability") == (measure == "survival")


def test_normalised_corridors_are_fractions_of_the_least_cost(page):
    text = page("leastcostcorridor", NORMALISED=True).text
    assert re.search(r"Excess cost: 0 to [\d.]+ of the least cost, mean", text)
    assert "Histogram of excess cost, fraction of the least cost: cells by value" in text


def test_distances_in_a_straight_line_are_named(page):
    assert page("distancematrix", DISTANCE="euclidean").headings[0].startswith("Distances by Euclidean distance")


def test_parameters_and_landscape_have_the_same_unit_of_length(page):
    shown = page("barriers", DISTANCE="leastcost", IMPROVEMENT="TEMPORARY_OUTPUT", SEARCH_RADIUS=90.0)
    assert "Search radius of the improvement score 90 m " in shown.text
    assert "cells of 30 × 30 m, EPSG:31985" in shown.text and " meters" not in shown.text


def test_negative_numbers_have_a_minus_sign_and_commands_a_hyphen(run, geotiff, tmp_path):
    landscape, height = geotiff(np.ones((1, 4)), name="row"), geotiff(np.arange(4.0)[None], name="height")
    windows = {"RADIUS": 30.0, "BLOCK_SIZE": 1, "AS_OMNISCAPE": False}
    report = str(tmp_path / "report.html")
    run("movingwindowcurrent", INPUT=landscape, CONDITION_1=height, LOWEST_1=-1.5, REPORT=report, **windows)
    page = ReportPage(report)
    assert page.errors == []
    assert "lower limit of source minus target −1.5" in page.printed
    assert "--LOWEST_1=-1.5" in page.text and "'LOWEST_1': -1.5" in page.text


def test_harmful_cells_have_a_minus_sign(page):
    shown = page("sensitivity", DISTANCE="leastcost")
    assert numbers(shown)["Smallest sensitivity"].startswith("−")
    assert re.search(r"Value, m × resistance per unit 1 \d+ \d+ \d+ \d+ −[\d.,]+", shown.text)


def test_distances_are_listed_once_with_their_lines(page):
    shown = page("distancematrix", LINES="TEMPORARY_OUTPUT", MATRIX="TEMPORARY_OUTPUT")
    assert shown.text.count("Largest values of") == 1
    assert shown.source.count("<h2>Distances by least cost") == 1
    assert [alternative for alternative, _ in shown.pictures][0].endswith("over the landscape")


def test_conditions_of_empty_numbers_are_not_in_the_report(page):
    assert "(empty" not in page("barriers", DISTANCE="leastcost").printed


def test_components_are_listed_with_their_sizes_once(run, valley_file, tmp_path):
    target = tmp_path / "report.html"
    run("connectedcomponents", INPUT=valley_file, REPORT=str(target))
    rows = re.findall(r'<tr><td>([^<]*)</td><td class="number">([\d,]+)</td>', ReportPage(target).source)
    assert rows and all(label.isdigit() for label, _ in rows)


def test_grounds_and_sources_have_different_symbols(page):
    shown = page("currentflowadvanced")
    symbols = re.findall(r'<g class="(\w+)"><circle[^>]*/></g></svg> (\w+)', shown.source)
    assert set(symbols) == {("sources", "Sources"), ("targets", "Grounds")}


def test_project_is_named_at_the_top(run, project, tmp_path):
    target = tmp_path / "report.html"
    path = project()
    run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / "results"), REPORT=str(target))
    page = ReportPage(target)
    assert page.errors == []
    assert "<p>.</p>" not in page.source and re.search(rf"<p>[^<]*: {re.escape(path.name)}", page.source)
    assert re.search(r"Cumulative current: [\d.]+ to [\d.]+ A, mean", page.text)
