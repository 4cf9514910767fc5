"""Load sample data."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
)

from ...i18n import tr
from ...layers import RASTER_SIDECARS, StagedFiles, collected_gdal_errors
from ...system_errors import system_reason
from ..base import RESOURCES, TOOLS, PermeaAlgorithm
from ..help import Help
from ..input_crs import make_known_in_main_thread
from ..parameter_types import with_help
from ..renderers import QmlStyle
from ..tables import Column, Table, write_tables

SAMPLE = RESOURCES / "sample"
SAMPLE_CRS = "EPSG:31985"

PATCH_COLUMNS = (Column("id", "integer"), Column("name", "text"))
CLASS_COLUMNS = (Column("class", "integer"), Column("name", "text"), Column("permeability", "real"))


class LoadSampleData(PermeaAlgorithm):
    """Copy the sample landscape, land cover and habitat patches to the chosen destinations."""

    identifier = "loadsampledata"
    title = tr("Load sample data")
    search_words = "sample, example, tutorial"
    toolbox_group = TOOLS
    summary = tr("A real landscape, its land cover and habitat patches, to try the algorithms.")
    help = Help(
        description=tr(
            "Copies the sample data that come with Permea: permeability, habitat quality, land cover with a table of "
            "its classes, and habitat patches, for the coast at Olinda and Recife in Brazil."
        ),
        when_to_use=tr(
            "Use it to try the algorithms, in example models, and to check an installation. To make a landscape of "
            "your own, start with “Permeability from land cover”."
        ),
        outputs=tr(
            "Rasters of 349 × 352 cells of 28.5 m (SIRGAS 2000 / UTM zone 25S), derived from a Landsat 7 scene, a "
            "point layer and a table. Permeability increases with the vegetation index; sea and rivers are nodata. "
            "The land cover is derived from thresholds and has not been verified in the field: it is for learning "
            "only."
        ),
        references=("Landsat 7 ETM+ scene of Olinda, courtesy of the U.S. Geological Survey, public domain.",),
        caption=tr("The sample: permeability and nine habitat patches between Olinda and Recife in Brazil."),
    )

    results_group = tr("Sample data")

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            with_help(
                QgsProcessingParameterRasterDestination("PERMEABILITY", tr("Permeability")),
                tr("How easy each cell is to cross, from just above 0 (city) to 1 (forest)."),
            ),
            with_help(
                QgsProcessingParameterRasterDestination(
                    "QUALITY",
                    tr("Habitat quality"),
                    optional=True,
                    createByDefault=False,
                ),
                tr("Habitat quality of each cell, for quality-weighted connectivity."),
            ),
            with_help(
                QgsProcessingParameterFeatureSink(
                    "PATCHES",
                    tr("Habitat patches"),
                    QgsProcessing.SourceType.TypeVectorPoint,
                ),
                tr("Named points in forests and mangroves, to use as sources or focal nodes."),
            ),
            with_help(
                QgsProcessingParameterRasterDestination("LAND_COVER", tr("Land cover"), optional=True),
                tr("Seven classes, including water, for “Permeability from land cover”."),
            ),
            with_help(
                QgsProcessingParameterFeatureSink(
                    "CLASSES", tr("Land-cover classes"), QgsProcessing.SourceType.TypeVector, optional=True
                ),
                tr("A table with number, name and permeability of each class, for “Permeability from land cover”."),
            ),
        ]

    def prepare_inputs(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        make_known_in_main_thread(SAMPLE_CRS)
        super().prepare_inputs(parameters, context)

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        classes = Table("CLASSES", CLASS_COLUMNS, _read_classes(SAMPLE / "land_cover_classes.csv"))
        tables, crs = [classes, _read_patches(SAMPLE / "patches.gpkg")], QgsCoordinateReferenceSystem(SAMPLE_CRS)
        with StagedFiles() as staged, write_tables(self, tables, parameters, context, crs, staged) as layers:
            for output, path in paths.items():
                _copy(SAMPLE / f"{output.lower()}.tif", Path(path), staged)
        written = {**paths, **layers}
        for output in (*paths, "PATCHES"):
            self.presenter.show(output, written[output], QmlStyle(str(SAMPLE / f"{output.lower()}.qml")))
        for output, path in written.items():
            feedback.pushInfo(tr("{output}: {path}").format(output=output, path=path))
        return written


def _read_classes(path: Path) -> list[tuple[int, str, float]]:
    """Return number, name and permeability of each class of land cover."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [(int(row["class"]), row["name"], float(row["permeability"])) for row in csv.DictReader(file)]
    except OSError as error:
        raise QgsProcessingException(_incomplete_sample(path)) from error


def _read_patches(path: Path) -> Table:
    """Return the habitat patches, read by GDAL alone: QGIS should not open a layer in the thread of an algorithm."""
    rows, points = [], []
    dataset = None
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_READONLY)
    if dataset is None:
        raise QgsProcessingException(_incomplete_sample(path))
    layer = dataset.GetLayer(0)
    for feature in layer:
        rows.append((feature["id"], feature["name"]))
        points.append((feature.GetGeometryRef().GetX(), feature.GetGeometryRef().GetY()))
    return Table("PATCHES", PATCH_COLUMNS, rows, points=np.array(points))


def _incomplete_sample(path: Path) -> str:
    return tr("The sample is incomplete: {name} is missing. Install Permea again.").format(name=path.name)


def _copy(source: Path, target: Path, staged: StagedFiles) -> None:
    stale = [target.with_name(target.name + ending) for ending in RASTER_SIDECARS]
    try:
        shutil.copyfile(source, staged.path(target, stale))
    except OSError as error:
        raise QgsProcessingException(
            tr("The sample could not be copied to {target}: {reason}.").format(
                target=target, reason=system_reason(error)
            )
        ) from error
