"""What does not fit is refused before it is read, what only passes through QGIS is streamed, and no traceback shows."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from permea.plugin.algorithms import parameter_values
from permea.plugin.algorithms.tools import permeabilityfromlandcover
from permea.plugin.layers import align
from permea.plugin.layers.bands.gdal_band import GdalBand
from permea.plugin.runner import job_folder, memory, require_memory_for_features, system_memory

from .conftest import NORTH, WEST

GB = 10**9
SIDE = 20_000


@pytest.fixture
def huge(tmp_path, geotiff):
    """Make a raster of 400 million cells, a file of a few hundred bytes, in a place of the valley."""

    def make(name):
        source = geotiff(np.ones((4, 4)), name=f"{name}-source")
        path = str(tmp_path / f"{name}.vrt")
        options = gdal.TranslateOptions(format="VRT", width=SIDE, height=SIDE)
        gdal.Translate(path, source, options=options)
        return path

    return make


@pytest.fixture
def free(monkeypatch):
    """Say how much memory QGIS finds free."""
    return lambda amount: monkeypatch.setattr(memory, "free_memory", lambda: amount)


@pytest.fixture
def reads(monkeypatch):
    """Numbers of the blocks that are read from layers."""
    blocks = []
    read = GdalBand.read
    monkeypatch.setattr(GdalBand, "read", lambda *arguments: blocks.append(1) or read(*arguments))
    return blocks


@contextmanager
def peak_growth():
    """Measure by how much the peak of the physical memory of this process exceeds what it has before, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    growth = SimpleNamespace(bytes=0)
    before = physical_memory("VmRSS")
    yield growth
    growth.bytes = physical_memory("VmHWM") - before


def physical_memory(name):
    return system_memory._sizes(Path("/proc/self/status"))[name]


@pytest.mark.parametrize("name", ["leastcostdistance", "resistancedistance", "connectedcomponents", "sensitivity"])
def test_huge_landscape_is_refused_before_it_is_read(run, huge, points, free, reads, name):
    free(32 * GB)
    sources = {} if name == "connectedcomponents" else {"SOURCES": points((0, 0), (2, 2))}
    with pytest.raises(QgsProcessingException) as error:
        run(name, INPUT=huge("region"), **sources)
    assert str(error.value).startswith(
        "'region' (20,000 × 20,000 cells) needs at least 36 GB of memory, and only 32 GB"
    )
    assert "Nothing was read. Use a smaller raster (clip it)" in str(error.value)
    assert not reads


def test_more_points_than_fit_are_refused(free):
    free(GB)
    layer = SimpleNamespace(featureCount=lambda: 5_000_000, sourceName=lambda: "telemetry")
    with pytest.raises(QgsProcessingException, match=r"'telemetry' \(5,000,000 features\) needs at least 2 GB"):
        require_memory_for_features(layer)
    layer.featureCount = lambda: -1  # unknown
    require_memory_for_features(layer)


def test_memory_that_runs_out_in_qgis_is_no_traceback(run, valley_file, points, monkeypatch):
    monkeypatch.setattr(parameter_values, "stream_landscape", lambda *arguments: np.empty((10**7, 10**7)))
    with pytest.raises(QgsProcessingException) as error:
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))
    message = str(error.value)
    assert message.startswith("QGIS ran out of memory: 800 TB more were needed; ")
    assert "Use a smaller raster" in message and "Traceback" not in message


def test_memory_that_runs_out_in_a_tool_without_engine_is_no_traceback(run, valley_file, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(permeabilityfromlandcover, "reclassify", fail)
    with pytest.raises(QgsProcessingException, match="^QGIS ran out of memory; .* are free. Use a smaller raster"):
        run("permeabilityfromlandcover", INPUT=valley_file, MATRIX=[1, 2])


@pytest.mark.long
def test_peak_of_resampling_does_not_grow_with_the_source(geotiff, grid, feedback, tmp_path):
    side = 4500
    path = str(tmp_path / "fine.tif")
    fine = geotiff(np.ones((side, side), "uint8"), geotransform=(WEST, 0.1, 0.0, NORTH, 0.0, -0.1), name="plain")
    gdal.Translate(path, fine, creationOptions=["TILED=YES", "COMPRESS=DEFLATE"])
    with peak_growth() as growth:
        aligned = align(QgsRasterLayer(path, "fine"), 1, grid(8, 8), feedback)
    assert aligned.valid.all()
    # GDAL's warper alone takes up to 64 MB.
    assert growth.bytes < 100e6 < 8 * side**2


def test_bands_of_sources_are_written_from_disk(run, read, valley_file, geotiff, least_costs_to):
    marks = np.zeros((9, 12))
    cells = [(0, 0), (1, 2), (8, 2)]
    for cell in cells:
        marks[cell] = 1
    result = run("leastcostdistance", INPUT=valley_file, SOURCE_RASTER=geotiff(marks, name="marks"), PER_SOURCE=True)
    bands = read(result["OUTPUT"])
    assert bands.names == ["row 1, column 1", "row 2, column 3", "row 9, column 3"]
    expected = least_costs_to(cells)
    known = np.isfinite(expected)
    np.testing.assert_allclose(bands.bands[known], expected[known], rtol=1e-6)
    assert result["MEAN"] == pytest.approx(expected[known].mean(), rel=1e-12)


def test_bands_that_do_not_fit_on_disk_are_refused_before_the_run(run, valley_file, points, monkeypatch, feedback):
    monkeypatch.setattr(job_folder.shutil, "disk_usage", lambda folder: SimpleNamespace(free=16 * 2**20 + 4000))
    with pytest.raises(QgsProcessingException, match="Too little disk space for the run"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0), (1, 1), (2, 2)), PER_SOURCE=True)
    assert not feedback.commands
