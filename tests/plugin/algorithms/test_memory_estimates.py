"""The memory that the log announces is that which both processes use, within a factor of two.

`pytest -m long -s` prints the figures of the documentation.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsApplication

from permea.plugin.runner import system_memory

FACTOR = 2

# Algorithm, rows, columns, parameters; the values of functions are layers and rasters that they make.
SMALL = ("leastcostdistance", 300, 400, {"SOURCES": 4})
CASES = [
    SMALL,
    ("leastcostdistance", 1600, 1500, {"SOURCES": 12, "PER_SOURCE": True}),
    ("leastcostdistance", 1400, 1400, {"SOURCE_RASTER": "marks"}),
    ("resistancedistance", 700, 800, {"SOURCES": 3}),
    ("rspdistance", 700, 700, {"SOURCES": 2, "THETA": 0.01}),
    ("connectedcomponents", 2000, 2000, {}),
    ("distancematrix", 1200, 1000, {"FOCAL": 8, "DISTANCE": "leastcost"}),
    ("currentflow", 1000, 900, {"FOCAL": 6}),
    ("leastcostdistance", 1200, 1200, {"SOURCES": "parks"}),
    ("currentflowadvanced", 900, 1000, {"SOURCE_RASTER": "marks", "GROUND_RASTER": "quality"}),
    ("leastcostcorridor", 1000, 1000, {"FOCAL": 6, "ALLOCATION": "TEMPORARY_OUTPUT"}),
    ("sensitivity", 700, 700, {"SOURCES": 10, "DISTANCE": "resistance"}),
    ("barriers", 700, 700, {"FOCAL": 5, "DISTANCE": "leastcost"}),
    ("windowedconnectivity", 2000, 2000, {"QUALITY": "quality", "RANGE": 600, "COARSENING": 1.0}),
    ("flowdivergence", 2000, 2000, {"POTENTIAL": "quality"}),
    ("flowdivergence", 2000, 2000, {"KIND": "components", "EAST": "quality", "NORTH": "quality"}),
    ("movingwindowcurrent", 800, 800, {"RADIUS": 900, "BLOCK_SIZE": 21}),
]


def name(case):
    algorithm, rows, columns, parameters = case
    return f"{algorithm} {rows} × {columns} {' '.join(f'{key}={value}' for key, value in parameters.items())}".strip()


@pytest.fixture
def measure(run, engine_that, feedback, geotiff, sites, patches):
    """Run a case in new processes; return the estimate and the peak of the engine and of QGIS, in bytes."""
    optional = ("BACKLINK", "ALLOCATION", "PATHS", "IMPROVEMENT", "RESTORED_GAIN", "PINCH_POINTS", "SINGLE_MAPS")
    engine_that(":")  # not the process that has run other jobs

    def measured(algorithm, rows, columns, parameters):
        numbers = np.random.default_rng(3)
        landscape = numbers.lognormal(size=(rows, columns)).astype("float32")
        landscape[: rows // 2, columns // 3] = -1
        rasters = {
            "marks": lambda: (numbers.random((rows, columns)) < 0.01).astype("uint8"),
            "quality": lambda: numbers.random((rows, columns)).astype("float32"),
        }
        known = QgsApplication.processingRegistry().algorithmById(f"permea:{algorithm}").parameterDefinitions()
        inputs = {definition.name(): None for definition in known if definition.name() in optional}
        inputs["INPUT"] = geotiff(landscape, nodata=-1.0)
        for key, value in parameters.items():
            if value in rasters and isinstance(value, str):
                value = geotiff(rasters[value](), name=value)
            elif value == "parks":
                value = patches((0, rows // 2, columns // 2, columns - 1), (rows // 2 + 1, rows - 1, 0, columns - 1))
            elif key in ("SOURCES", "FOCAL") and isinstance(value, int):
                spread = (np.arange(value) + 0.5) / value
                value = sites([(int(rows * place), int(columns * (0.35 + 0.6 * place))) for place in spread])
            inputs[key] = value
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        result = run(algorithm, **inputs)
        return (*estimates(feedback), result["PEAK_MEMORY_BYTES"], peak_of_qgis())

    return measured


def estimates(feedback):
    """Return the bytes that the log announces for the engine and for QGIS."""
    [line] = [text for text in feedback.infos if text.startswith("The run needs about")]
    units = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    return [float(number) * units[unit] for number, unit in re.findall(r"([\d.]+) (kB|MB|GB) ", line)[:2]]


def peak_of_qgis():
    return system_memory._sizes(Path("/proc/self/status"))["VmHWM"]


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case is SMALL else [pytest.mark.long], id=name(case)) for case in CASES]
)
def test_estimates_are_within_a_factor_of_two_of_both_peaks(case, measure):
    engine, qgis, engine_peak, qgis_peak = measure(*case)
    figures = [f"{number / 1e6:,.0f}" for number in (engine, engine_peak, qgis, qgis_peak)]
    print(f"\n| {name(case)} | {' | '.join(figures)} |")
    assert 1 / FACTOR < engine / engine_peak < FACTOR
    assert 1 / FACTOR < qgis / qgis_peak < FACTOR
