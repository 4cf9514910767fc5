"""Rasters are written to the job block by block: the job, the messages and the errors do not depend on the blocks."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from qgis.core import QgsApplication, QgsProcessingException

from permea.plugin.algorithms.parameter_values import ParameterValues
from permea.plugin.layers.bands import reader
from permea.plugin.layers.bands.gdal_band import GdalBand
from permea.plugin.npy_file import NpyFile
from permea.plugin.runner import job_folder, memory

from .conftest import NODATA, NORTH, WEST

FINE, COARSE = (WEST - 11, 13.0, 0.0, NORTH + 7, 0.0, -13.0), (WEST - 40, 71.0, 0.0, NORTH + 9, 0.0, -71.0)
NOWHERE = (0.0, 30.0, 0.0, 0.0, 0.0, -30.0)


@pytest.fixture
def small_blocks(monkeypatch):
    """Return a function from whose call on layers are read two rows at a time."""

    def use():
        monkeypatch.setattr(reader, "CELLS_PER_BLOCK", 24)
        monkeypatch.setattr(reader, "MAX_CELLS_PER_BLOCK", 24)

    return use


@pytest.fixture
def inputs(valley, geotiff, sites, patches):
    """Make the parameters of a case from their short descriptions."""
    numbers = np.random.default_rng(11)
    land = valley.copy()
    land[6, 1:4] = 0.0
    marks = (numbers.random((9, 12)) < 0.3).astype("uint8")
    ids = numbers.integers(-2, 6, (9, 12)).astype("int32")
    ids[5, 8], ids[6, 1] = 77, 78  # on nodata, and on a barrier
    values = numbers.uniform(0, 9, (9, 12))
    values[4, 2:7] = NODATA

    def changed(array, *cells, value):
        array = array.astype(float)
        for cell in cells:
            array[cell] = value
        return array

    def raster(name, values, **how):
        return lambda: geotiff(values, nodata=NODATA, name=name, **how)

    amounts = numbers.uniform(0, 2, (9, 12)) * (numbers.random((9, 12)) < 0.2)
    makers = {
        "land": raster("land", land),
        "negative land": raster("land", changed(land, (2, 3), (7, 5), value=-7.0)),
        "far land": raster("land", changed(land, (8, 0), (8, 1), value=1e9)),
        "empty land": raster("land", np.full((9, 12), NODATA)),
        "marks": raster("marks", marks),
        "fine marks": raster("marks", np.kron(marks, np.ones((3, 3))).astype("uint8"), geotransform=FINE),
        "coarse marks": raster("marks", marks, geotransform=COARSE),
        "marks elsewhere": raster("marks", marks, geotransform=NOWHERE),
        "NaN marks": raster("marks", changed(marks, (3, 3), (8, 2), value=np.nan)),
        "no marks": raster("marks", np.zeros((9, 12), "uint8")),
        "blocked marks": raster("marks", changed(np.zeros((9, 12)), (5, 9), (6, 2), value=1.0)),
        "ids": raster("ids", ids),
        "fine ids": raster("ids", np.kron(ids, np.ones((3, 3))).astype("int32"), geotransform=FINE),
        "lost ids": raster("ids", changed(ids, (8, 11), (0, 0), value=40), geotransform=COARSE),
        "fractional ids": raster("ids", changed(ids, (1, 2), (8, 2), value=2.5)),
        "huge ids": raster("ids", changed(ids, (4, 2), (8, 2), value=1e17)),
        "quality": raster("quality", values),
        "fine quality": raster("quality", np.kron(values, np.ones((3, 3))), geotransform=FINE),
        "negative quality": raster("quality", changed(values, (3, 2), (7, 7), value=-3.0)),
        "infinite quality": raster("quality", changed(values, (8, 0), value=np.inf)),
        "mask": raster("mask", (numbers.random((9, 12)) < 0.8).astype(float)),
        "fine mask": raster("mask", np.kron(marks, np.ones((3, 3))), geotransform=FINE),
        "NaN mask": raster("mask", changed(marks, (2, 2), value=np.nan)),
        "closed mask": raster("mask", np.zeros((9, 12))),
        "amounts": raster("amounts", amounts),
        "coarse amounts": raster("amounts", amounts, geotransform=COARSE),
        "infinite amounts": raster("amounts", changed(amounts, (2, 2), (8, 3), value=np.inf)),
        "negative amounts": raster("amounts", changed(amounts, (4, 0), (8, 3), value=-2.0)),
        "amounts elsewhere": raster("amounts", changed(np.zeros((9, 12)), (5, 9), (6, 2), value=1.0)),
        "sites": lambda: sites([(0, 0), (8, 2), (7, 10), (0, 0), (3, 4), (6, 2), (20, 3)]),
        "places": lambda: sites([(0, 0), (8, 2), (4, 7)]),
        "areas": lambda: patches((0, 1, 0, 1), (7, 8, 1, 4), (3, 4, 4, 6)),
        "parks": lambda: patches((-2, 1, -1, 1), (3, 6, 1, 7), (7, 10, 9, 13), (20, 21, 0, 1), (4, 4, 8, 8)),
        "meeting parks": lambda: patches((4, 6, 0, 3), (0, 1, 0, 3), (1, 4, 3, 3)),
        "lakes": lambda: patches((0, 2, 3, 5), (2, 4, 5, 8), (6, 7, 0, 2)),
    }
    return lambda case: {key: makers[value]() if value in makers else value for key, value in case.items()}


@pytest.fixture
def task_of(provider, context, feedback, tmp_path):
    """Return the inputs and the task of an algorithm, whose rasters are in a folder, without running the engine."""

    def task_of(name, **parameters):
        algorithm = QgsApplication.processingRegistry().algorithmById(f"permea:{name}").create()
        folder = tmp_path / f"job-{len(list(tmp_path.glob('job-*')))}"
        folder.mkdir()
        parameters = {"VALUES": "permeability", **parameters}
        inputs = ParameterValues(algorithm, parameters, context, feedback, folder)
        return inputs, algorithm.task(inputs)

    return task_of


@pytest.fixture
def job(task_of, inputs, feedback):
    """Return the arrays and parameters of the job of a case, or its error; and the messages."""

    def job(name, case):
        feedback.warnings.clear(), feedback.infos.clear()
        try:
            values, task = task_of(name, **inputs({"INPUT": "land", "OUTPUT": "TEMPORARY_OUTPUT", **case}))
        except QgsProcessingException as error:
            return str(error), feedback.warnings[:], feedback.infos[:]
        arrays = {key: (array[:].dtype, array.shape, array[:].tobytes()) for key, array in task.arrays.items()}
        return arrays, task.parameters, values.landscape.valid_cells, feedback.warnings[:], feedback.infos[:]

    return job


CASES = {
    "points": ("leastcostdistance", {"SOURCES": "sites"}),
    "raster of sources": ("leastcostdistance", {"SOURCE_RASTER": "marks"}),
    "finer raster of sources": ("leastcostdistance", {"SOURCE_RASTER": "fine marks"}),
    "coarser raster of sources": ("leastcostdistance", {"SOURCE_RASTER": "coarse marks"}),
    "raster of sources elsewhere": ("leastcostdistance", {"SOURCE_RASTER": "marks elsewhere"}),
    "raster of sources with NaN": ("leastcostdistance", {"SOURCE_RASTER": "NaN marks"}),
    "raster without sources": ("leastcostdistance", {"SOURCE_RASTER": "no marks"}),
    "raster of sources on barriers": ("leastcostdistance", {"SOURCE_RASTER": "blocked marks"}),
    "negative landscape": ("leastcostdistance", {"INPUT": "negative land", "SOURCES": "sites"}),
    "landscape with far values": ("leastcostdistance", {"INPUT": "far land", "SOURCES": "sites"}),
    "empty landscape": ("leastcostdistance", {"INPUT": "empty land", "SOURCES": "sites"}),
    "resistance of zero": ("leastcostdistance", {"VALUES": "resistance", "SOURCES": "sites"}),
    "large θ": ("rspdistance", {"SOURCES": "sites", "THETA": 1e6}),
    "components": ("connectedcomponents", {}),
    "raster of ids": ("currentflow", {"FOCAL_RASTER": "ids"}),
    "finer raster of ids": ("currentflow", {"FOCAL_RASTER": "fine ids"}),
    "ids lost in resampling": ("currentflow", {"FOCAL_RASTER": "lost ids"}),
    "fractional ids": ("currentflow", {"FOCAL_RASTER": "fractional ids"}),
    "huge ids": ("currentflow", {"FOCAL_RASTER": "huge ids"}),
    "regions": ("currentflow", {"FOCAL": "areas", "SHORT_CIRCUITS": "lakes"}),
    "regions partly outside": ("currentflow", {"FOCAL": "parks"}),
    "regions that overlap": ("currentflow", {"FOCAL": "meeting parks"}),
    "regions as sources": ("leastcostdistance", {"SOURCES": "parks"}),
    "amounts of regions": ("currentflowadvanced", {"SOURCES": "parks", "GROUNDS": "meeting parks"}),
    "mask": ("currentflow", {"FOCAL": "sites", "MASK": "mask"}),
    "finer mask": ("currentflow", {"FOCAL_RASTER": "ids", "MASK": "fine mask", "SHORT_CIRCUITS": "lakes"}),
    "mask with NaN": ("currentflow", {"FOCAL": "sites", "MASK": "NaN mask"}),
    "mask that excludes all": ("currentflow", {"FOCAL": "sites", "MASK": "closed mask"}),
    "quality": ("connectedhabitat", {"QUALITY": "quality"}),
    "finer quality": ("connectedhabitat", {"QUALITY": "fine quality"}),
    "negative quality": ("connectedhabitat", {"QUALITY": "negative quality"}),
    "infinite quality": ("connectedhabitat", {"QUALITY": "infinite quality"}),
    "amounts at points": ("currentflowadvanced", {"SOURCES": "sites", "GROUNDS": "places"}),
    "rasters of amounts": ("currentflowadvanced", {"SOURCE_RASTER": "amounts", "GROUND_RASTER": "marks"}),
    "grounds as resistances": (
        "currentflowadvanced",
        {"SOURCES": "places", "GROUND_RASTER": "marks", "GROUND_VALUES": "resistance", "SHORT_CIRCUITS": "lakes"},
    ),
    "coarser amounts": ("currentflowadvanced", {"SOURCE_RASTER": "coarse amounts", "GROUNDS": "sites"}),
    "infinite amounts": ("currentflowadvanced", {"SOURCE_RASTER": "infinite amounts", "GROUNDS": "sites"}),
    "negative grounds": ("currentflowadvanced", {"SOURCES": "sites", "GROUND_RASTER": "negative amounts"}),
    "sources elsewhere": ("currentflowadvanced", {"SOURCE_RASTER": "amounts elsewhere", "GROUNDS": "sites"}),
    "grounds elsewhere": ("currentflowadvanced", {"SOURCES": "sites", "GROUND_RASTER": "amounts elsewhere"}),
}


@pytest.mark.parametrize("case", CASES)
def test_job_and_messages_do_not_depend_on_the_blocks(case, job, small_blocks):
    whole = job(*CASES[case])
    small_blocks()
    assert job(*CASES[case]) == whole


def test_what_is_raster_in_a_job_is_on_disk(task_of, inputs):
    case = {"INPUT": "land", "SOURCE_RASTER": "amounts", "GROUNDS": "places", "SHORT_CIRCUITS": "lakes", "MASK": "mask"}
    _, task = task_of("currentflowadvanced", **inputs(case))
    assert set(task.arrays) == {"landscape", "valid", "sources", "grounds", "short_circuits"}
    assert all(isinstance(array, NpyFile) for array in task.arrays.values())


def test_masked_landscape_is_nodata_outside_the_mask(task_of, inputs, valley, small_blocks):
    small_blocks()
    landscape = task_of("currentflow", **inputs({"INPUT": "land", "MASK": "mask", "FOCAL": "sites"}))[0].landscape
    np.testing.assert_array_equal(landscape.valid[:], np.isfinite(landscape.values[:]))
    assert landscape.valid_cells == np.count_nonzero(landscape.valid[:]) < np.count_nonzero(valley != NODATA)


def test_qgis_holds_no_raster_as_a_whole(task_of, geotiff, sites):
    side = 3000
    numbers = np.random.default_rng(1)
    land = geotiff(numbers.integers(1, 250, (side, side)).astype("uint8"), name="land")
    places = sites([(0, 0), (side - 1, side - 1)])
    tracemalloc.start()
    try:
        task_of("connectedhabitat", INPUT=land, QUALITY=land)
        task_of("leastcostdistance", INPUT=land, SOURCES=places)
        task_of("currentflowadvanced", INPUT=land, SOURCE_RASTER=land, GROUNDS=places, MASK=land)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A few blocks, whatever the raster's size; the values of one raster alone are 8 bytes per cell.
    assert peak < 7 * side**2


def test_job_folder_is_removed_after_an_error_and_at_the_end(run, inputs, job_folders):
    before = job_folders()
    with pytest.raises(QgsProcessingException, match="is negative"):
        run("connectedcomponents", **inputs({"INPUT": "negative land"}))
    with pytest.raises(QgsProcessingException, match="excludes all cells"):
        run("currentflow", **inputs({"INPUT": "land", "FOCAL": "sites", "MASK": "closed mask"}))
    assert job_folders() == before
    run("connectedcomponents", **inputs({"INPUT": "land"}))
    assert job_folders() == before


def test_cancelled_reading_leaves_no_job_folder(run, inputs, feedback, job_folders):
    before = job_folders()
    feedback.progressChanged.connect(feedback.cancel)
    assert run("leastcostdistance", **inputs({"INPUT": "land", "SOURCE_RASTER": "marks"})) == {}
    assert job_folders() == before and not feedback.commands


def test_run_refused_for_lack_of_memory_keeps_no_job(run, inputs, feedback, job_folders, monkeypatch):
    before = job_folders()
    monkeypatch.setattr(memory, "free_memory", lambda: 5000)
    with pytest.raises(QgsProcessingException, match="Nothing was read"):
        run("connectedcomponents", **inputs({"INPUT": "land"}))
    assert job_folders() == before and not any("kept" in text for text in feedback.infos)


def test_too_little_disk_space_is_refused_before_reading(run, inputs, monkeypatch):
    monkeypatch.setattr(job_folder.shutil, "disk_usage", lambda folder: SimpleNamespace(free=16 * 2**20))
    monkeypatch.setattr(GdalBand, "read", None)
    with pytest.raises(QgsProcessingException, match="Too little disk space for the run"):
        run("connectedcomponents", **inputs({"INPUT": "land"}))
