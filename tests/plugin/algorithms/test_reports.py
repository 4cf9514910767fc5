"""Reports: one HTML page for each run, complete, valid, without anything from elsewhere, and never half-written."""

import ast
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingOutputHtml
from report_page import ReportPage

from permea.plugin.algorithms import ALGORITHMS
from permea.plugin.algorithms.formatting import format_number
from permea.plugin.algorithms.report import page as page_module
from permea.plugin.algorithms.report.reduced_band import read_reduced
from permea.plugin.algorithms.report.summary import summarize

from .conftest import NODATA

CELLS = [(0, 0), (8, 2), (2, 7)]
WINDOWS = {"RANGE": 90.0, "ALPHA": 40.0, "COARSENING": 0.0}
OUTPUT = "TEMPORARY_OUTPUT"
#: Parameters besides the landscape.
RUNS = {
    "leastcostdistance": {"SOURCES": CELLS, "PER_SOURCE": True},
    "resistancedistance": {"SOURCES": CELLS},
    "rspdistance": {"SOURCES": CELLS},
    "distancematrix": {"FOCAL": CELLS, "LINES": OUTPUT},
    "sensitivity": {"SOURCES": CELLS},
    "windowedsensitivity": WINDOWS,
    "windowedconnectivity": WINDOWS,
    "connectedcomponents": {},
    "currentflow": {"FOCAL": CELLS, "MAXIMUM_MAP": OUTPUT},
    "currentflowadvanced": {"SOURCES": CELLS[:1], "GROUNDS": CELLS[1:]},
    "flowdivergence": {"KIND": "potential", "POTENTIAL": "voltage"},
    "leastcostpaths": {"FOCAL": CELLS},
    "leastcostcorridor": {"FOCAL": CELLS, "PATHS": OUTPUT, "ALLOCATION": OUTPUT, "BACKLINK": OUTPUT},
    "movingwindowcurrent": {"RADIUS": 60.0, "BLOCK_SIZE": 1},
    "movingwindowsensitivity": {"RADIUS": 60.0, "BLOCK_SIZE": 1},
    "rspflow": {"SOURCES": CELLS},
    "barriers": {"FOCAL": CELLS, "PINCH_POINTS": OUTPUT, "CUTOFF": 500.0},
    "connectedhabitat": {"ALPHA": 40.0, "QUALITY": "quality"},
    "permeabilityfromlandcover": {"MATRIX": [1, 0.5, 2, 1.0]},
}
#: Algorithms whose programs take seconds to compile.
LONG = ("rspdistance", "rspflow", "connectedhabitat", "windowedsensitivity", "windowedconnectivity", "sensitivity")
REPORTING = [algorithm.identifier for algorithm in ALGORITHMS if algorithm.writes_report]


@pytest.fixture
def report(run, provider, points, geotiff, valley_file, tmp_path):
    """Run an algorithm on the valley and return the results with the page of its report."""

    def of(name, **changes):
        own = {key: points(*value) if value and value[0] in CELLS else value for key, value in _lists(RUNS[name])}
        own |= {key: value for key, value in RUNS[name].items() if key not in own}
        if "QUALITY" in own:
            own["QUALITY"] = geotiff(np.ones((9, 12)), name="quality")
        if "POTENTIAL" in own:
            own["POTENTIAL"] = geotiff(np.arange(108.0).reshape(9, 12), name="voltage")
        landscape = geotiff(np.full((4, 5), 2, np.uint8), name="cover") if "MATRIX" in own else valley_file
        destinations = provider.algorithm(name).destinationParameterDefinitions()
        optional = {d.name(): None for d in destinations if d.flags() & d.FlagOptional}
        parameters = {"INPUT": landscape, **optional, **own, "REPORT": str(tmp_path / "report.html"), **changes}
        results = run(name, **parameters)
        page = ReportPage(results["REPORT"])
        assert page.errors == []
        return results, page

    return of


def _lists(parameters):
    return [(key, value) for key, value in parameters.items() if isinstance(value, list)]


def test_every_algorithm_that_makes_a_map_writes_a_report():
    assert set(REPORTING) == {*RUNS, "circuitscapeproject"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in RUNS]
)
def test_report_shows_each_map_and_all_parameters(report, provider, read, name):
    results, page = report(name)
    algorithm = provider.algorithm(name)
    alternatives = [alternative for alternative, _ in page.pictures]
    for definition in algorithm.parameterDefinitions():
        title, written = definition.description(), results.get(definition.name())
        if definition.type() == "rasterDestination" and written:
            for name_of_band in read(written).names[:4]:
                assert any(text.startswith("Map: ") and f"({name_of_band}" in text for text in alternatives)
        elif definition.type() == "sink" and written and "LINES" in definition.name():
            assert any(text.endswith(" over the landscape") for text in alternatives)
        elif not definition.isDestination() and definition.defaultValue() not in (None, ""):
            assert title in page.text, title
    assert all(picture.startswith(b"\x89PNG") for _, picture in page.pictures)
    assert f"permea:{name}" in page.source and "Permea maintainers" in page.text


@pytest.mark.parametrize(
    ("options", "pictures"),
    [
        ({"write_max_cur_maps": "True"}, ["Cumulative current", "Maximum current"]),
        ({"write_cur_maps": "False", "write_volt_maps": "True"}, ["Voltage 1–2", "Voltage 1–3", "Voltage 2–3"]),
        ({"write_cur_maps": "False"}, []),
    ],
)
def test_project_of_circuitscape_has_a_report(run, project, tmp_path, options, pictures):
    target = tmp_path / "report.html"
    run("circuitscapeproject", INPUT=str(project(**options)), OUTPUT=str(tmp_path / "results"), REPORT=str(target))
    page = ReportPage(target)
    assert page.errors == []
    assert [alternative.partition(",")[0].removeprefix("Map: ") for alternative, _ in page.pictures] == pictures
    assert "Focal nodes" in page.text


def test_project_of_omniscape_has_the_report_of_its_algorithm(run, omniscape, tmp_path):
    target = tmp_path / "report.html"
    run("circuitscapeproject", INPUT=str(omniscape()), OUTPUT=str(tmp_path / "results"), REPORT=str(target))
    page = ReportPage(target)
    assert page.errors == []
    assert "permea:movingwindowcurrent" in page.text


def test_report_is_an_html_output_for_the_results_viewer(provider):
    for name in REPORTING:
        [output] = [each for each in provider.algorithm(name).outputDefinitions() if each.name() == "REPORT"]
        assert isinstance(output, QgsProcessingOutputHtml)


def test_no_report_is_written_unless_requested(run, valley_file, tmp_path):
    results = run("connectedcomponents", INPUT=valley_file, OUTPUT=str(tmp_path / "components.tif"))
    assert "REPORT" not in results
    assert not list(tmp_path.glob("*.html"))


def test_temporary_report_is_a_file(report):
    results, _ = report("connectedcomponents", REPORT=OUTPUT)
    assert results["REPORT"].endswith(".html")


def test_names_of_layers_are_escaped(report, points, geotiff, valley):
    sites = points(*CELLS, name="a \"b\" <script>alert(1)</script> & 'c' $x ${y}")
    landscape = geotiff(valley, nodata=NODATA, name="Täler & <Höhen> 'süd' $1")
    _, page = report("leastcostdistance", INPUT=landscape, SOURCES=sites)
    assert sites.name() in page.text
    assert "Täler & <Höhen> 'süd' $1" in page.text
    assert "<script" not in page.source


def test_warnings_and_cells_without_a_path_are_in_the_report(report):
    _, page = report("leastcostdistance")
    assert "9 cells cannot reach any source" in page.text
    assert page.text.index("Warnings") < page.text.index("Parameters")


def test_parameters_without_effect_are_set_apart(report):
    _, page = report("sensitivity")
    used, unused = page.text.split("Without effect on this run:")
    assert "θ: " in unused
    assert "θ: " not in used.partition("Parameters")[2]


def test_largest_values_are_listed_with_their_cells(report, read):
    results, page = report("leastcostdistance", PER_SOURCE=False)
    band = read(results["OUTPUT"]).band
    row, column = np.unravel_index(np.nanargmax(band), band.shape)
    [first] = re.findall(r"Value, m × resistance 1 \S+ \S+ (\d+) (\d+) ", page.text)
    assert first == (str(row + 1), str(column + 1))


def test_largest_distances_of_the_table_come_first(report, rows):
    results, page = report("distancematrix")
    largest = max(row["distance"] or 0 for row in rows(results["OUTPUT"]))
    shown = page.text.partition("Largest values of “distance, m × resistance”")[2]
    assert 0 < shown.index(format_number(largest)) < 250


def test_commands_of_the_report_repeat_the_run(report, run, read, geotiff):
    marks = np.zeros((9, 12), np.uint8)
    marks[0, 0] = 1
    source = geotiff(marks, name="it's marked")
    results, page = report("leastcostdistance", SOURCES=None, SOURCE_RASTER=source, PER_SOURCE=False)
    call = page.text.partition("import processing ")[2].partition("}) ")[0] + "}"
    identifier, parameters = ast.literal_eval(call.removeprefix("processing.run") + ")")
    again = run(identifier.removeprefix("permea:"), **{**parameters, "REPORT": None})
    np.testing.assert_array_equal(read(again["OUTPUT"]).bands, read(results["OUTPUT"]).bands)
    terminal = page.text.partition("In a terminal: ")[2].partition(" In the Python")[0]
    assert shlex.split(terminal)[:3] == ["qgis_process", "run", identifier]
    assert f"--SOURCE_RASTER={source}" in shlex.split(terminal)


def test_temporary_inputs_are_named_for_the_commands(report):
    assert "Save these temporary layers to files first" in report("leastcostdistance")[1].text


class CancelledWhen(QgsProcessingFeedback):
    """A feedback that cancels the run at a step."""

    def __init__(self, step):
        super().__init__(False)
        self.step = step

    def setProgressText(self, text):  # noqa: N802
        if text == self.step:
            self.cancel()


@pytest.mark.parametrize("step", ["Reading the landscape", "Writing the results", "Writing the report"])
def test_cancelled_run_leaves_no_report(run, valley_file, tmp_path, step):
    targets = {"OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "report.html")}
    assert "REPORT" not in run("connectedcomponents", CancelledWhen(step), INPUT=valley_file, **targets)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["valley.tif"]


def test_report_that_cannot_be_written_leaves_no_map(run, points, valley_file, tmp_path, monkeypatch):
    def fail(*_):
        raise QgsProcessingException("no page")

    monkeypatch.setattr(page_module, "page_of", fail)
    target = tmp_path / "map.tif"
    with pytest.raises(QgsProcessingException, match="no page"):
        places = {"INPUT": valley_file, "SOURCES": points(*CELLS)}
        run("leastcostdistance", **places, OUTPUT=str(target), REPORT=str(tmp_path / "report.html"))
    assert not target.exists() and not list(tmp_path.glob("**/*.html"))


def test_error_in_the_report_costs_no_results(run, valley_file, feedback, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "page_of", lambda *_: 1 / 0)
    target = tmp_path / "map.tif"
    results = run("connectedcomponents", INPUT=valley_file, OUTPUT=str(target), REPORT=str(tmp_path / "report.html"))
    assert target.exists() and "REPORT" not in results
    assert feedback.warnings[-1].startswith("The report could not be made")
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.pdf", "ends in .html"),
        ("absent/report.html", "there is no folder"),
        ("sites.html", "would overwrite the input"),
        ("map.tif", "ends in .html"),
    ],
)
def test_unsuitable_file_names_are_refused_before_the_run(run, points, valley_file, tmp_path, name, said):
    (tmp_path / "sites.html").write_text("<p>rows</p>")
    extra = {"PAIRS": str(tmp_path / "sites.html")}
    with pytest.raises(QgsProcessingException, match=said):
        run(
            "currentflow",
            INPUT=valley_file,
            FOCAL=points(*CELLS),
            OUTPUT=str(tmp_path / "map.tif"),
            REPORT=str(tmp_path / name),
            **extra,
        )
    assert (tmp_path / "sites.html").read_text() == "<p>rows</p>"


def test_pictures_of_large_rasters_are_reduced(geotiff):
    values = np.zeros((1300, 2600), np.float32)
    values[:, 1300:] = 2.0
    values[700, 2000], values[100, 100] = 9.0, -9999
    path = Path(geotiff(values, nodata=-9999, name="large"))
    reduced = read_reduced(path, 1, classes=False)
    assert reduced.values.shape == (320, 640)
    assert reduced.cells_per_pixel == pytest.approx(2600 / 640)
    assert reduced.values[5, 5] == 0 and reduced.values[5, 600] == 2
    summary = summarize(path, 1, QgsProcessingFeedback(False))
    assert (summary.peaks[0].row, summary.peaks[0].column, summary.peaks[0].value) == (700, 2000, 9.0)
    assert summary.cells == values.size - 1
    assert summary.sample.size <= 1 << 19
