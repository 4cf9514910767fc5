"""The Processing provider: where QGIS finds Permea's algorithms and models."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProcessingModelAlgorithm, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .translation import tr

ROOT = Path(__file__).resolve().parent.parent
ICON = ROOT / "resources" / "icons" / "permea.svg"
MODELS = ROOT / "resources" / "models"


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
        if QgsApplication.processingRegistry().providerById(self.id()) is not None:
            for path in sorted(MODELS.glob("*.model3")):
                self._add_model(path)

    def _add_model(self, path: Path) -> None:
        model = QgsProcessingModelAlgorithm()
        if model.fromFile(str(path)):
            self.addAlgorithm(model)
        else:
            QgsMessageLog.logMessage(
                tr("The model {} could not be read.").format(path), "Permea", Qgis.MessageLevel.Warning
            )
