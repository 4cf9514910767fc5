"""Fixtures: the provider, the sample, small landscapes and layers, and direct runs of the engine."""

import gc
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    NULL,
    QgsApplication,
    QgsProcessingException,
    QgsVectorLayer,
)

from permea.plugin.engine_environment import find_engine
from permea.plugin.runner import WORKERS, execution

from .vector_layers import (  # noqa: F401 (fixtures)
    NORTH,
    PIXEL,
    WEST,
    nine_regions,
    patches,
    points,
    rectangles,
    sites,
    valued_points,
)

ROOT = Path(__file__).resolve().parents[3]
REFERENCE_DATA = Path(os.environ.get("PERMEA_REFERENCE_DATA", ROOT.parent / "shared" / "data"))
NODATA = -1.0
SAMPLE = ("permeability.tif", "quality.tif", "land_cover.tif", "land_cover_classes.csv", "patches.gpkg")
#: Header of an ESRI grid of cells of 1 map unit.
HEADER = "ncols {columns}\nnrows {rows}\nxllcorner 0\nyllcorner 0\ncellsize 1\nNODATA_value -9999\n"
# Cells (row, column) of the valley: two that are connected, and one on the island in the south-east.
FIRST, SECOND, ISLAND = (0, 0), (8, 2), (7, 10)


@pytest.fixture(scope="session")
def cold_python():
    """The engine's Python, given by the Makefile: a new process for each job."""
    python = os.environ.get("PERMEA_ENGINE_PYTHON", "")
    if not Path(python).is_file():
        pytest.fail("PERMEA_ENGINE_PYTHON does not name the engine's Python: run `make test-qgis`.")
    return python


@pytest.fixture(scope="session")
def engine_python(cold_python, tmp_path_factory):
    """The engine's Python, with compiled code that all sessions share; it stays loaded from run to run."""
    script = tmp_path_factory.mktemp("engine") / "python"
    os.environ["PERMEA_ENGINE_PYTHON"] = str(write_interpreter(script, cold_python))
    yield os.environ["PERMEA_ENGINE_PYTHON"]
    os.environ["PERMEA_ENGINE_PYTHON"] = cold_python


def write_interpreter(script, python, lines=""):
    """Write a shell script that stands in for an interpreter and runs some lines before it."""
    caches = f'JAX_COMPILATION_CACHE_DIR="{ROOT}/build/jax-cache" NUMBA_CACHE_DIR="{ROOT}/build/loops"'
    script.write_text(f'#!/bin/sh\nexport {caches}\n{lines}exec "{python}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


@pytest.fixture(scope="module")
def provider(qgis_app, qgis_processing):
    """Permea's provider, registered and removed as QGIS does it: once for a file, as it reads its models again."""
    from permea.ui.plugin import PermeaPlugin

    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    yield plugin.provider
    # Not `plugin.unload()`, which would end the engine that stays loaded from file to file.
    QgsApplication.processingRegistry().removeProvider(plugin.provider)


@pytest.fixture
def context(context):
    """A context that releases its layers: a caught exception would keep them alive beyond the end of QGIS."""
    yield context
    context.temporaryLayerStore().removeAllMapLayers()
    gc.collect()


@pytest.fixture
def run(provider, engine_python, context, feedback):
    """Run an algorithm by its name in the provider; outputs but for the report are temporary by default."""
    import processing

    def run(name, _feedback=None, **parameters):
        algorithm = QgsApplication.processingRegistry().algorithmById(f"permea:{name}")
        outputs = {d.name(): "TEMPORARY_OUTPUT" for d in algorithm.destinationParameterDefinitions()}
        outputs.pop("REPORT", None)
        # Permeability, unless a test says otherwise: the algorithms themselves have no default.
        meaning = {"VALUES": "permeability"} if algorithm.parameterDefinition("VALUES") else {}
        heard = _feedback or feedback
        return processing.run(algorithm.id(), {**meaning, **outputs, **parameters}, feedback=heard, context=context)

    return run


@pytest.fixture
def show_results(qgis_processing, monkeypatch):
    """Load the results of a run as QGIS's dialogs do, without its window, whose stand-in has no tree of layers."""
    from processing.gui import Postprocessing

    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)

    def show(algorithm, context, feedback, results):
        return Postprocessing.handleAlgorithmResults(algorithm, context, feedback, parameters=results)

    return show


@dataclass
class Grid:
    """Contents of a raster file."""

    bands: np.ndarray
    nodata: float
    geotransform: tuple
    projection: str
    names: list
    type: str

    @property
    def band(self):
        return self.bands[0]


@pytest.fixture(scope="session")
def read():
    """Read a raster file with GDAL alone, nodata as NaN."""

    def read(path):
        dataset = gdal.Open(str(path))
        bands, names = [], []
        for number in range(1, dataset.RasterCount + 1):
            band = dataset.GetRasterBand(number)
            values = np.frombuffer(band.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(band.YSize, band.XSize)
            bands.append(np.where(values == band.GetNoDataValue(), np.nan, values))
            names.append(band.GetDescription())
        band = dataset.GetRasterBand(1)
        kind = gdal.GetDataTypeName(band.DataType)
        return Grid(
            np.array(bands), band.GetNoDataValue(), dataset.GetGeoTransform(), dataset.GetProjection(), names, kind
        )

    return read


@pytest.fixture(scope="session")
def sample():
    """Paths of the sample's files by name."""
    folder = ROOT / "resources" / "sample"
    return {name: str(folder / name) for name in SAMPLE}


@pytest.fixture
def valley():
    """Permeability of 9 × 12 cells with a nodata hole and an isolated area (island) in the south-east."""
    values = np.random.default_rng(7).uniform(0.1, 1.0, (9, 12))
    values[3:5, 4] = NODATA
    values[5:, 8] = NODATA
    values[5, 8:] = NODATA
    return values


@pytest.fixture
def valley_file(geotiff, valley):
    return geotiff(valley, nodata=NODATA, name="valley")


def opened(output):
    """Return the layer of an output, which `processing.run` returns as a layer if temporary and as a path otherwise."""
    return output if isinstance(output, QgsVectorLayer) else QgsVectorLayer(output, "output", "ogr")


@pytest.fixture
def rows():
    """Return the rows of an output as dictionaries, NULL as None."""

    def rows(output):
        layer = opened(output)
        return [
            {field.name(): None if row[field.name()] == NULL else row[field.name()] for field in layer.fields()}
            for row in layer.getFeatures()
        ]

    return rows


@pytest.fixture
def corners():
    """Return the vertices of the lines of an output as cells (row, column)."""

    def corners(output):
        layer = opened(output)
        return [
            [(int((NORTH - p.y()) // PIXEL), int((p.x() - WEST) // PIXEL)) for p in feature.geometry().asPolyline()]
            for feature in layer.getFeatures()
        ]

    return corners


@pytest.fixture
def plain(geotiff):
    """Uniform landscape of resistance 2, 7 × 9 cells."""
    return geotiff(np.full((7, 9), 2.0), name="plain")


@pytest.fixture
def ask_engine(engine_python, tmp_path):
    """Run a job of the engine directly, without QGIS; return its arrays and metrics."""

    def ask(task, arrays, **parameters):
        folder = tmp_path / f"job-{task}"
        folder.mkdir()
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        job = {
            "format": 2,
            "task": task,
            "parameters": {
                "values": "permeability",
                "neighbors": "queen",
                "edge_rule": "mean",
                "pixel_size": [PIXEL, PIXEL],
                **parameters,
            },
            "inputs": {name: f"{name}.npy" for name in arrays},
        }
        (folder / "job.json").write_text(json.dumps(job))
        lines = []
        end = WORKERS.run_job(
            find_engine(), folder, on_line=lambda line: not lines.append(line), is_cancelled=lambda: False
        )
        assert end.result.status == 0, [*lines, *end.result.log]
        result = json.loads((folder / "result.json").read_text())
        return {name: np.load(folder / file) for name, file in result["outputs"].items()}, result["metrics"]

    return ask


@pytest.fixture
def least_costs_to(ask_engine, valley):
    """Return the least cost from every cell of the valley to each of the given cells, computed without QGIS."""

    def least_costs_to(cells):
        valid = valley != NODATA
        arrays = {"landscape": np.where(valid, valley, np.nan), "valid": valid, "sources": np.array(cells)}
        return ask_engine("leastcost.distance", arrays, per_source=True)[0]["distance"]

    return least_costs_to


@pytest.fixture(scope="session")
def scripted_python(cold_python, tmp_path_factory):
    """A Python, probed once a session, that runs a file of shell commands before every job; and that file."""
    script = tmp_path_factory.mktemp("scripted") / "python that does more"
    lines = script.with_name("lines.sh")
    # A process that is to run many jobs runs the first one only.
    first_job = 'read -r line; job="${line#*: \\"}"; set -- -s -m engine "${job%\\"*}"'
    beginning = f'case "$*" in *--serve) {first_job} ;; esac\ncase "$*" in *--probe) ;; *) . "{lines}" ;; esac\n'
    return write_interpreter(script, cold_python, beginning), lines


@pytest.fixture
def engine_that(scripted_python, own_pool, monkeypatch):
    """Run shell commands before every job of the engine, but not before a probe; each job has its own process."""
    script, file = scripted_python

    def does(lines):
        file.write_text(f"{lines}\n", encoding="utf-8")
        monkeypatch.setenv("PERMEA_ENGINE_PYTHON", str(script))

    return does


@pytest.fixture
def kill_engine(engine_that, tmp_path):
    """Run each job in its own process; return a function that kills the process of the latest."""
    file = tmp_path / "pid"
    engine_that(f"echo $$ > '{file}'")
    return lambda: os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.fixture
def usual_engine(engine_python, monkeypatch):
    """Run what follows in the process of the session again, after `engine_that`."""

    def again():
        monkeypatch.setenv("PERMEA_ENGINE_PYTHON", engine_python)
        monkeypatch.setattr(execution, "WORKERS", WORKERS)

    return again


@pytest.fixture
def project(tmp_path):
    """Write a project and its rasters; by default a strip with focal nodes at both ends and in the middle."""

    def write(name="strip", **options):
        rasters = {"habitat": [[1, 1, 1, 1, 1]], "points": [[1, 0, 2, 0, 3]], **options.pop("rasters", {})}
        for raster, rows in rasters.items():
            text = HEADER.format(columns=len(rows[0]), rows=len(rows))
            (tmp_path / f"{raster}.asc").write_text(text + "\n".join(" ".join(map(str, row)) for row in rows))
        for file, text in options.pop("texts", {}).items():
            (tmp_path / file).write_text(text)
        chosen = {"scenario": "pairwise", "habitat_file": "habitat.asc", "point_file": "points.asc"}
        chosen |= {"habitat_map_is_resistances": "True", "write_cur_maps": "True", **options}
        path = tmp_path / f"{name}.ini"
        path.write_text("[Options]\n" + "\n".join(f"{key} = {value}" for key, value in chosen.items()))
        return path

    return write


@pytest.fixture
def omniscape(tmp_path):
    """Write an Omniscape project on a uniform landscape of 9 × 9 cells of 30 map units."""

    def write(**options):
        header = HEADER.format(columns=9, rows=9).replace("cellsize 1", "cellsize 30")
        for name, rows in (("r", np.full((9, 9), 2)), ("s", np.ones((9, 9))), ("t", np.indices((9, 9))[0])):
            (tmp_path / f"{name}.asc").write_text(header + "\n".join(" ".join(map(str, row)) for row in rows.tolist()))
        chosen = {"resistance_file": "r.asc", "source_file": "s.asc", "radius": "3", "project_name": "o", **options}
        path = tmp_path / "omni.ini"
        path.write_text("[Options]\n" + "\n".join(f"{key} = {value}" for key, value in chosen.items()))
        return path

    return write


@pytest.fixture
def results(run, tmp_path):
    """Run a project and return its output folder."""

    def of(path, folder="results"):
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / folder))
        return tmp_path / folder

    return of


@pytest.fixture
def error_message(run):
    """Run an algorithm that fails; return its message, which is in words."""

    def of(name, **parameters):
        with pytest.raises(QgsProcessingException) as error:
            run(name, **parameters)
        message = str(error.value)
        assert not any(sign in message for sign in ("Traceback", ".py", "object at")), message
        return message

    return of


@pytest.fixture
def project_error(error_message, tmp_path):
    """Run a project that fails and return the message."""

    def of(path, folder="results"):
        return error_message("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / folder))

    return of


def has_package(python, name):
    """Return whether a Python can import a package."""
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([python, "-c", look], check=False).returncode == 0
