"""Fixtures: landscapes on disk, a recording feedback, and small engines that misbehave."""

import gc
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameters,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsSettings,
)

from permea.plugin.engine_environment import EngineInfo
from permea.plugin.layers import FeatureReader, RasterGrid
from permea.plugin.runner import WORKERS, execution
from permea.plugin.runner.worker_pool import WorkerPool
from permea.plugin.settings import SETTINGS

# West edge, pixel width, shear, north edge, shear, minus pixel height: 30 m pixels in Brazil's UTM zone 25 south.
NORTH_UP = (290_000.0, 30.0, 0.0, 9_120_000.0, 0.0, -30.0)
UTM = "EPSG:31985"
DEGREES = "EPSG:4326"


class RecordingFeedback(QgsProcessingFeedback):
    """Records messages by kind."""

    def __init__(self):
        super().__init__(False)
        self.infos, self.warnings, self.commands, self.console, self.texts, self.percents = [], [], [], [], [], []
        self.progressChanged.connect(self.percents.append)

    def pushInfo(self, text):  # noqa: N802
        self.infos.append(text)

    def pushWarning(self, text):  # noqa: N802
        self.warnings.append(text)

    def pushCommandInfo(self, text):  # noqa: N802
        self.commands.append(text)

    def pushConsoleInfo(self, text):  # noqa: N802
        self.console.append(text)

    def setProgressText(self, text):  # noqa: N802
        self.texts.append(text)


@pytest.fixture
def feedback(qgis_app):
    return RecordingFeedback()


@pytest.fixture
def context(qgis_app):
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    return context


@pytest.fixture
def geotiff(tmp_path):
    """Write a GeoTIFF; by default north-up with 30 m pixels in UTM."""

    def write(
        values, *, nodata=None, geotransform=NORTH_UP, crs=UTM, scale=None, offset=None, name="landscape", path=None
    ):
        bands = np.atleast_3d(values) if np.ndim(values) < 3 else values
        bands = bands.transpose(2, 0, 1) if np.ndim(values) < 3 else bands
        types = {
            "uint8": gdal.GDT_Byte,
            "int16": gdal.GDT_Int16,
            "uint16": gdal.GDT_UInt16,
            "int32": gdal.GDT_Int32,
            "float32": gdal.GDT_Float32,
            "float64": gdal.GDT_Float64,
            "complex64": gdal.GDT_CFloat32,
        }
        path = path or str(tmp_path / f"{name}.tif")
        count, rows, columns = bands.shape
        dataset = gdal.GetDriverByName("GTiff").Create(path, columns, rows, count, types[bands.dtype.name])
        if geotransform is not None:
            dataset.SetGeoTransform(geotransform)
        if crs:
            reference = osr.SpatialReference()
            reference.SetFromUserInput(crs)
            dataset.SetProjection(reference.ExportToWkt())
        for number, array in enumerate(bands, 1):
            band = dataset.GetRasterBand(number)
            if nodata is not None:
                band.SetNoDataValue(nodata)
            if scale is not None:
                band.SetScale(scale)
            if offset is not None:
                band.SetOffset(offset)
            band.WriteRaster(0, 0, columns, rows, np.ascontiguousarray(array).tobytes())
        band = dataset = None
        return path

    return write


@pytest.fixture
def raster_layer(geotiff, qgis_app):
    """Make a raster layer of values; options as in `geotiff`."""

    def layer(values, **how):
        opened = QgsRasterLayer(geotiff(np.asarray(values), **how), how.get("name", "landscape"))
        assert opened.isValid()
        return opened

    yield layer
    gc.collect()  # a caught exception keeps a layer alive beyond the end of QGIS


@pytest.fixture
def feature_reader(context, feedback):
    """Read the features of a layer as the algorithms do; the project keeps the layer."""

    def reader(layer, geometry_check="repair"):
        QgsProject.instance().addMapLayer(layer, False)
        parameter = QgsProcessingParameterFeatureSource("LAYER")
        source = QgsProcessingParameters.parameterAsSource(parameter, {"LAYER": layer.id()}, context)
        return FeatureReader(source, feedback, geometry_check)

    yield reader
    QgsProject.instance().clear()


@pytest.fixture
def grid(qgis_app):
    """Make a raster grid; by default with 30 m pixels."""

    def make(rows, columns, *, nodata=None, geotransform=NORTH_UP, crs=UTM):
        return RasterGrid(rows, columns, geotransform, QgsCoordinateReferenceSystem(crs), nodata)

    return make


@pytest.fixture(scope="session", autouse=True)
def no_engine_left():
    """At the end of the session, end the engine that stays loaded."""
    yield
    WORKERS.close()


@pytest.fixture
def own_pool(monkeypatch):
    """Run what follows in processes apart from the one that stays loaded during the session."""
    pool = WorkerPool()
    monkeypatch.setattr(execution, "WORKERS", pool)
    yield pool
    pool.close()


@pytest.fixture
def worker(tmp_path, qgis_app, own_pool):
    """Make an engine from a few lines: a package `engine` that runs them on one job, and ends."""
    beginning = textwrap.dedent("""
        import json, os, pathlib, resource, signal, sys, time
        import numpy as np
        job_folder = pathlib.Path(sys.argv[-1])
        if sys.argv[-1] == "--serve":
            job_folder = pathlib.Path(json.loads(sys.stdin.readline())["job"])
            sys.stdin = open(os.devnull)
        def say(type, **others):
            print(json.dumps({"type": type, **others}), flush=True)
        def read(name):
            return np.load(job_folder / f"{name}.npy")
        def finish(outputs, **numbers):
            for name, array in outputs.items():
                np.save(job_folder / f"{name}.npy", array)
            answer = {"format": 2, "outputs": {n: f"{n}.npy" for n in outputs}, "metrics": numbers}
            (job_folder / "result.json").write_text(json.dumps(answer))
    """)

    def make(lines, python=sys.executable):
        package = tmp_path / "the engine" / "engine"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(beginning + textwrap.dedent(lines))
        return EngineInfo(str(python), folder=str(package.parent))

    return make


@pytest.fixture(scope="module", autouse=True)
def quick_collections(qgis_app):
    """Exclude the objects of the session from the collections after each test, which take a tenth of all time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def clean_settings(qgis_app):
    """Start each test without Permea's settings, and put those of the user back."""
    kept = [setting.key for setting in SETTINGS]
    before = {key: QgsSettings().value(key) for key in kept}
    for key in kept:
        QgsSettings().remove(key)
    yield
    for key, value in before.items():
        QgsSettings().remove(key) if value is None else QgsSettings().setValue(key, value)


@pytest.fixture
def job_folders(qgis_app):
    """Return a function that lists the job folders that exist."""
    return lambda: set(Path(QgsProcessingUtils.tempFolder()).glob("permea-*"))
