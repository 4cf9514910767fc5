"""The Processing provider: where QGIS finds Permea's algorithms and models."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProcessingException, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .algorithms.bundled_models import BundledModel, bundled_models
from .i18n import tr

ROOT = Path(__file__).resolve().parent.parent
ICON = ROOT / "resources" / "icons" / "permea.svg"


class PermeaProvider(QgsProcessingProvider):
    """All of Permea's algorithms under the id `permea`."""

    def id(self) -> str:
        """Return the part of every algorithm's id before the colon; scripts and models depend on it."""
        return "permea"

    def name(self) -> str:
        """Return the short name in the toolbox."""
        return tr("Permea")

    def longName(self) -> str:
        """Return the name in the list of providers."""
        return tr("Permea: landscape connectivity")

    def icon(self) -> QIcon:
        """Return Permea's icon."""
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        """Return the icon as a file, which QGIS prefers where it draws it larger."""
        return str(ICON)

    def versionInfo(self) -> str:
        """Return the version in `metadata.txt`, empty if that file does not name one."""
        metadata = ConfigParser(interpolation=None)
        metadata.read(ROOT / "metadata.txt", encoding="utf-8")
        return metadata.get("general", "version", fallback="")

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Return the one raster format that Permea writes, so that QGIS refuses others before the run."""
        return ["tif", "tiff"]

    def loadAlgorithms(self) -> None:
        """Add every algorithm, and the models once the algorithms they chain can be found."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        # A model finds the algorithms it chains through the registry, so there are models only once we stand in it.
        if QgsApplication.processingRegistry().providerById(self.id()) is not None:
            for path in bundled_models():
                self._add_model(path)

    def _add_model(self, path: Path) -> None:
        try:
            self.addAlgorithm(BundledModel(path))
        except QgsProcessingException as error:
            QgsMessageLog.logMessage(str(error), "Permea", Qgis.MessageLevel.Warning)
