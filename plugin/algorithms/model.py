"""The example models that come with Permea, as algorithms of its provider."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingException, QgsProcessingModelAlgorithm
from qgis.PyQt.QtGui import QIcon

from ..translation import tr
from .algorithm import RESOURCES

MODELS = RESOURCES / "models"
ICON = RESOURCES / "icons" / "models.svg"


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model read from a file; its id is the file's name without underscores, since a title is no id.

    Parameters
    ----------
    path
        A `.model3` file.

    Raises
    ------
    QgsProcessingException
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        if not self.fromFile(str(path)):
            raise QgsProcessingException(tr("The model '{path}' cannot be read.").format(path=path))

    def createInstance(self) -> ShippedModel:
        return ShippedModel(self._path)

    def name(self) -> str:
        return self._path.stem.replace("_", "")

    def group(self) -> str:
        return tr("Examples")

    def groupId(self) -> str:
        return "examples"

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)


def shipped_models() -> list[Path]:
    """Return the files of all models that come with Permea."""
    return sorted(MODELS.glob("*.model3"))
