"""Output folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def created_folder(folder: Path) -> Iterator[None]:
    """Create an output folder if it does not exist, and delete it again if the block fails without leaving a file.

    Raises
    ------
    QgsProcessingException
        If it cannot be created.
    """
    existed = folder.is_dir()
    create_folder(folder)
    try:
        yield
    except BaseException:
        if not existed:
            with suppress(OSError):  # it holds files
                folder.rmdir()
        raise
