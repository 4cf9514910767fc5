"""QGIS's temporary folder, which holds the files of a run."""

from __future__ import annotations

import os

from qgis.core import QgsProcessingException, QgsProcessingUtils
from qgis.PyQt.QtCore import QDir

from .i18n import tr


def temporary_folder() -> str:
    """Return QGIS's temporary folder.

    Raises
    ------
    QgsProcessingException
        There is none, because the place for it does not exist or cannot be written to.
    """
    folder = QgsProcessingUtils.tempFolder()
    if folder and os.path.isdir(folder) and os.access(folder, os.W_OK):
        return folder
    text = tr(
        "QGIS cannot write to its temporary folder, '{folder}'. Choose another one in Settings ▸ Options ▸ Processing "
        "▸ General, or correct the environment variable TMPDIR (TEMP on Windows), and start QGIS again."
    )
    raise QgsProcessingException(text.format(folder=folder or QDir.tempPath()))
