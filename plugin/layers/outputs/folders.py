"""Output folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qgis.core import QgsProcessingException

from ...i18n import tr
from ...system_errors import system_reason

# File that the engine writes into a checkpoint folder before it has computed anything.
CHECKPOINT_MANIFEST = "manifest.json"


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
            tr("The folder '{folder}' cannot be created: {reason}. Choose another.").format(
                folder=folder, reason=system_reason(error)
            )
        ) from error


def holds_results(path: Path) -> bool:
    """Return whether a file, or any file in a folder, is more than the beginning of a checkpoint."""
    if path.is_dir():
        return any(holds_results(each) for each in path.iterdir())
    return path.is_file() and path.name != CHECKPOINT_MANIFEST


@contextmanager
def created_folder(folder: Path) -> Iterator[None]:
    """Create an output folder if it does not exist; if the block fails without a result, leave the disk as it was.

    Raises
    ------
    QgsProcessingException
        If it cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    create_folder(folder)
    before = {path.name for path in folder.iterdir()}
    try:
        yield
    except BaseException:
        with suppress(OSError):
            added = [path for path in folder.iterdir() if path.name not in before]
            if not any(holds_results(path) for path in added):
                for path in added:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                for path in missing:
                    path.rmdir()
        raise
