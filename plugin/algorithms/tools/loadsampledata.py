"""A real landscape to try things on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
    QgsVectorLayer,
)

from ...translation import tr
from ..algorithm import RESOURCES, TOOLS, PermeaAlgorithm
from ..documentation import Help
from ..parameters import explained

SAMPLE = RESOURCES / "sample"


class LoadSampleData(PermeaAlgorithm):
    """The sample landscape and its habitat patches, copied to where the user wants them."""

    identifier = "loadsampledata"
    title = tr("Load sample data")
    section = TOOLS
    summary = tr("A real landscape and its habitat patches, to try every algorithm on.")
    help = Help(
        what=tr(
            "Copies the sample that comes with Permea: the permeability, the habitat quality and some habitat patches "
            "of the coast at Olinda and Recife in Brazil."
        ),
        when=tr(
            "Use it to try the algorithms, in models that show something, and to check an installation. A landscape "
            "of your own begins with “Permeability from land cover”."
        ),
        result=tr(
            "Two rasters of 349 × 352 cells of 28.5 m (SIRGAS 2000 / UTM zone 25S), derived from a Landsat 7 scene, "
            "and a point layer. Permeability rises with the vegetation index; sea and rivers have no data."
        ),
        reads=("Landsat 7 ETM+ scene of Olinda, courtesy of the U.S. Geological Survey, public domain.",),
        picture=tr("The sample: permeability and nine habitat patches between Olinda and Recife in Brazil."),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            explained(
                QgsProcessingParameterRasterDestination("PERMEABILITY", tr("Permeability")),
                tr("How easy each cell is to cross, from just above 0 (city) to 1 (forest)."),
            ),
            explained(
                QgsProcessingParameterRasterDestination(
                    "QUALITY",
                    tr("Habitat quality"),
                    optional=True,
                    createByDefault=False,
                ),
                tr("How good each cell is to live in, for quality-weighted connectivity."),
            ),
            explained(
                QgsProcessingParameterFeatureSink(
                    "PATCHES",
                    tr("Habitat patches"),
                    QgsProcessing.SourceType.TypeVectorPoint,
                ),
                tr("Points in forests and mangroves, with a name each, to use as sources."),
            ),
        ]

    def execute(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        written = {output: _copy(SAMPLE / f"{output.lower()}.tif", Path(path)) for output, path in paths.items()}
        written["PATCHES"] = self._copy_patches(parameters, context)
        for output, path in written.items():
            feedback.pushInfo(tr("{output}: {path}").format(output=output, path=path))
        return written

    def _copy_patches(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        patches = QgsVectorLayer(str(SAMPLE / "patches.gpkg"), "patches", "ogr")
        if not patches.isValid():
            raise QgsProcessingException(tr("The sample is incomplete: patches.gpkg is missing. Install Permea again."))
        kind, crs = patches.wkbType(), patches.crs()
        sink, path = self.parameterAsSink(parameters, "PATCHES", context, patches.fields(), kind, crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, "PATCHES"))
        for feature in patches.getFeatures():
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(self.writeFeatureError(sink, parameters, "PATCHES"))
        sink.flushBuffer()
        del sink
        return path


def _copy(source: Path, target: Path) -> str:
    """Copy a file in one step, so that a full disk leaves no half of it under the target's name."""
    unfinished = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise QgsProcessingException(
            tr("The sample could not be copied to {target}: {reason}.").format(target=target, reason=error.strerror)
        ) from error
    return str(target)
