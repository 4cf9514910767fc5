"""The Processing provider with Permea's algorithms and models."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsMapLayer,
    QgsMessageLog,
    QgsProcessingException,
    QgsProcessingProvider,
    QgsProject,
)
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .algorithms.bundled_models import BundledModel, bundled_models
from .algorithms.results import permea_version
from .i18n import tr
from .layers import remember_loaded
from .processing_options import add_processing_options, remove_processing_options

ROOT = Path(__file__).resolve().parent.parent
ICON = ROOT / "resources" / "icons" / "permea.svg"


class PermeaProvider(QgsProcessingProvider):
    """Provider `permea`."""

    def id(self) -> str:
        """Return the prefix of all algorithm ids, on which scripts and models depend."""
        return "permea"

    def name(self) -> str:
        """Return the name in the toolbox."""
        return tr("Permea")

    def longName(self) -> str:
        """Return the name in the list of providers."""
        return tr("Permea: landscape connectivity")

    def icon(self) -> QIcon:
        """Return Permea's icon."""
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        """Return the icon's file, which QGIS prefers at larger sizes."""
        return str(ICON)

    def versionInfo(self) -> str:
        """Return Permea's version."""
        return permea_version()

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Return the extensions of GeoTIFF, the only raster format that Permea writes."""
        return ["tif", "tiff"]

    def load(self) -> bool:
        """Add Permea's page to Processing's options, and the algorithms."""
        add_processing_options(self.name(), self.icon())
        # QGIS also unloads at its end, when the project may be gone: the connection ends with the provider instead.
        QgsProject.instance().layersAdded.connect(self._remember_loaded)
        return super().load()

    def unload(self) -> None:
        """Remove the page."""
        remove_processing_options()
        super().unload()

    def loadAlgorithms(self) -> None:
        """Add the algorithms, and the models if their child algorithms can be found."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        # A model finds its child algorithms through the registry, so models need this provider to be registered.
        if QgsApplication.processingRegistry().providerById(self.id()) is not None:
            for path in bundled_models():
                self._add_model(path)

    def _remember_loaded(self, layers: list[QgsMapLayer]) -> None:
        remember_loaded(layers)

    def _add_model(self, path: Path) -> None:
        try:
            self.addAlgorithm(BundledModel(path))
        except QgsProcessingException as error:
            QgsMessageLog.logMessage(str(error), "Permea", Qgis.MessageLevel.Warning)
