"""Rasters of Circuitscape projects are copied to the job block by block: job, messages and errors are the same."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.circuitscape import IniOptions, read_project
from permea.plugin.layers.bands import reader
from permea.plugin.npy_file import NpyFile

NUMBERS = np.random.default_rng(5)
LAND = NUMBERS.integers(1, 9, (9, 7)).astype(float)
LAND[3, 2:5] = -9999


def changed(array, *cells, value):
    array = np.array(array, float)
    for cell in cells:
        array[cell] = value
    return array


IDS = changed(np.zeros((9, 7)), (0, 0), (0, 1), value=1)
IDS[8, 6], IDS[4, 4], IDS[3, 3], IDS[7, 0] = 2, 3, 4, -2
OFF = changed(np.zeros((9, 7)), (3, 4), value=2)
REGIONS = changed(np.zeros((9, 7)), (2, 2), (3, 2), (5, 6), value=5)
SOURCES = changed(np.full((9, 7), -9999), (1, 1), (6, 5), value=2.5)
GROUNDS = changed(np.full((9, 7), -9999), (8, 0), (3, 3), value=4)
MASK = changed(np.ones((9, 7)), (0, 6), (8, 3), value=0)
RASTERS = {"habitat": LAND, "points": IDS}
ADVANCED = {"scenario": "advanced", "source_file": "sources.asc", "ground_file": "grounds.asc"}
AMOUNTS = {**RASTERS, "sources": SOURCES, "grounds": GROUNDS}
REGION_OPTIONS = {"use_polygons": "True", "polygon_file": "regions.asc"}
MASK_OPTIONS = {"use_mask": "True", "mask_file": "mask.asc"}
RECLASS = {"use_reclass_table": "True", "reclass_file": "classes.txt"}

CASES = {
    "pairs": {},
    "conductances": {"habitat_map_is_resistances": "False"},
    "negative habitat": {"rasters": {**RASTERS, "habitat": changed(LAND, (4, 1), (8, 5), value=-3.5)}},
    "resistance of zero": {"rasters": {**RASTERS, "habitat": changed(LAND, (4, 1), (8, 5), value=0)}},
    "no passable cell": {"rasters": {**RASTERS, "habitat": np.full((9, 7), -9999.0)}},
    "reclassified": {**RECLASS, "texts": {"classes.txt": "3 30\n5 0.5\n77 1\n"}},
    "reclassified by nothing": {**RECLASS, "texts": {"classes.txt": "76 30\n77 1\n"}},
    "reclassified twice": {**RECLASS, "texts": {"classes.txt": "3 30\n3 1\n"}},
    "masked": {**MASK_OPTIONS, "rasters": {**RASTERS, "mask": MASK}},
    "masked completely": {**MASK_OPTIONS, "rasters": {**RASTERS, "mask": 0 * MASK}},
    "regions": {**REGION_OPTIONS, "rasters": {**RASTERS, "regions": REGIONS}},
    "no regions": {**REGION_OPTIONS, "rasters": {**RASTERS, "regions": -np.abs(REGIONS)}},
    "fractional regions": {**REGION_OPTIONS, "rasters": {**RASTERS, "regions": changed(REGIONS, (6, 2), value=1.5)}},
    "fractional ids": {"rasters": {**RASTERS, "points": changed(IDS, (2, 5), (8, 0), value=2.5)}},
    "huge ids": {"rasters": {**RASTERS, "points": changed(IDS, (2, 5), (8, 0), value=1e17)}},
    "one id": {"rasters": {**RASTERS, "points": (IDS == 1).astype(float)}},
    "one id on a barrier": {"rasters": {**RASTERS, "points": IDS * (IDS != 3)}},
    "ids off the habitat": {"rasters": {**RASTERS, "points": changed(IDS * 0, (3, 3), value=1) + 2 * (OFF == 2)}},
    "advanced": {**ADVANCED, "rasters": AMOUNTS},
    "grounds as resistances": {**ADVANCED, "ground_file_is_resistances": "True", "rasters": AMOUNTS},
    "advanced with regions": {**ADVANCED, **REGION_OPTIONS, "rasters": {**AMOUNTS, "regions": REGIONS}},
    "negative grounds": {**ADVANCED, "rasters": {**AMOUNTS, "grounds": changed(GROUNDS, (6, 2), (7, 1), value=-4)}},
    "sources on barriers": {
        **ADVANCED,
        "rasters": {**AMOUNTS, "sources": changed(0 * SOURCES, (3, 2), (3, 4), value=1)},
    },
    "tables of amounts": {
        **ADVANCED,
        "source_file": "sources.txt",
        "ground_file": "grounds.txt",
        "texts": {
            "sources.txt": "1 2.5 3.5\n2 2.5 3.5\n4 6.5 8.5\n",
            "grounds.txt": "0 0.5 0.5\n7 0.5 0.5\n3 3.5 2.5\n",
        },
    },
}


@pytest.fixture
def job(project, tmp_path, feedback):
    """Return the arrays and parameters of the job of a case, or its error; and the messages."""
    folder = tmp_path / "job"
    folder.mkdir()

    def job(case):
        feedback.warnings.clear()
        feedback.infos.clear()
        options = {"rasters": RASTERS, **case}
        try:
            read = read_project(IniOptions.read(project(**options)), folder, feedback)
        except QgsProcessingException as error:
            return str(error), feedback.warnings[:], feedback.infos[:]
        arrays = {key: (str(array.dtype), array.shape, array[:].tobytes()) for key, array in read.task.arrays.items()}
        return arrays, read.task.parameters, read.ids, read.mask[:].tolist(), feedback.warnings[:], feedback.infos[:]

    return job


@pytest.mark.parametrize("case", CASES)
def test_job_and_messages_do_not_depend_on_the_blocks(case, job, monkeypatch):
    whole = job(CASES[case])
    monkeypatch.setattr(reader, "CELLS_PER_BLOCK", 14)
    monkeypatch.setattr(reader, "MAX_CELLS_PER_BLOCK", 14)
    assert job(CASES[case]) == whole


def test_only_what_the_engine_reads_stays_on_disk(project, tmp_path, feedback):
    folder = tmp_path / "job"
    folder.mkdir()
    rasters = {**AMOUNTS, "regions": REGIONS, "mask": MASK}
    options = IniOptions.read(project(**ADVANCED, **REGION_OPTIONS, **MASK_OPTIONS, rasters=rasters))
    task = read_project(options, folder, feedback).task
    assert all(isinstance(array, NpyFile) for array in task.arrays.values())
    assert sorted(path.stem for path in folder.iterdir()) == sorted(task.arrays)


def test_failed_project_leaves_neither_job_nor_folder(project, project_error, job_folders, tmp_path):
    before = job_folders()
    assert "resistance is zero in 2 cells" in project_error(project(**CASES["resistance of zero"]))
    assert job_folders() == before and not (tmp_path / "results").exists()
