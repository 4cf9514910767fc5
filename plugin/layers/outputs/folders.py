"""Output folders."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingException

from ...i18n import tr


def create_folder(folder: Path) -> None:
    """Create an output folder if it does not exist.

    Raises
    ------
    QgsProcessingException
        If it cannot be created.
    """
    if folder.is_file():
        raise QgsProcessingException(tr("'{folder}' is a file. Choose a folder.").format(folder=folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise QgsProcessingException(
            tr("The folder '{folder}' cannot be created: {reason}").format(folder=folder, reason=error.strerror)
        ) from error
