"""Output files written under temporary names, which replace their targets together."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Protocol

from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QLockFile

from ...i18n import tr
from ...system_errors import system_reason

# Name of the temporary folder beside the targets, without its random ending.
FOLDER_PREFIX = "unfinished-permea-"

# Lock that a run holds on its temporary folder; a folder whose run has ended abnormally is deleted by the next one.
LOCK_NAME = "lock"

# A folder without a lock may belong to a run on a disk that has no locks.
SECONDS_WITHOUT_LOCK = 24 * 3600


class Replacement(Protocol):
    """A change of an output that is prepared and only has to be made."""

    def replace(self) -> None:
        """Make the change, completely or not at all."""

    def discard(self) -> None:
        """Release what was prepared, without changing the output if `replace` was not called."""


class StagedFiles:
    """Output files of a run, written to temporary folders beside their targets and moved there together.

    Use as a context manager: what was not moved by `replace_targets` is deleted at its end. A run that is killed leaves
    its temporary folder behind, which the next run that writes to the same folder deletes.

    Raises
    ------
    QgsProcessingException
        By all methods, if a folder or file cannot be written.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, tuple[Path, QLockFile]] = {}
        self._targets: list[tuple[Path, Path, tuple[Path, ...]]] = []
        self._replacements: list[Replacement] = []
        self._numbers = count()

    def __enter__(self) -> StagedFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for replacement in self._replacements:
            replacement.discard()
        for folder, lock in self._folders.values():
            lock.unlock()
            shutil.rmtree(folder, ignore_errors=True)

    def path(self, target: Path, stale: Iterable[Path] = ()) -> Path:
        """Return the path under which to write a file; all files that are written beside it are moved with it.

        Parameters
        ----------
        target
            Where the file is to be; a symbolic link is followed.
        stale
            Files beside the target that are outdated once it is replaced.
        """
        real = Path(os.path.realpath(target))
        folder = self._subfolder_in(real.parent)
        self._targets.append((folder, real.parent, tuple(stale)))
        return folder / real.name

    def file_of(self, target: Path) -> Path:
        """Return where a file that was written for a target lies until it replaces it.

        Raises
        ------
        FileNotFoundError
            No file was written for the target.
        """
        real = Path(os.path.realpath(target))
        for folder, parent, _ in self._targets:
            if parent == real.parent and (folder / real.name).exists():
                return folder / real.name
        raise FileNotFoundError(f"no file was written for {target}")

    def scratch_path(self, target: Path) -> Path:
        """Return a path beside the target for a file that is deleted in the end."""
        real = Path(os.path.realpath(target))
        return self._subfolder_in(real.parent) / real.name

    def add(self, replacement: Replacement) -> None:
        """Add a prepared change, which `replace_targets` makes after all files are in place."""
        self._replacements.append(replacement)

    def replace_targets(self) -> None:
        """Replace all targets; if one of them cannot be replaced, all earlier files are restored."""
        changes = self._changes()
        backups: list[tuple[Path, Path | None]] = []
        # All copies first: they may fill the disk.
        copies = [self._backup(target) for _, target in changes]
        try:
            for (file, target), copy in zip(changes, copies):
                _replace(file, target)
                backups.append((target, copy))
            for replacement in self._replacements:
                replacement.replace()
        except BaseException:
            for target, copy in reversed(backups):
                _restore(target, copy)
            raise
        self._targets, self._replacements = [], []

    def _changes(self) -> list[tuple[Path | None, Path]]:
        """Return pairs of a new file, or None to delete the old one, and its target."""
        changes: list[tuple[Path | None, Path]] = []
        for folder, parent, stale in self._targets:
            files = sorted(folder.iterdir())
            changes += [(file, parent / file.name) for file in files]
            written = {file.name for file in files}
            changes += [(None, path) for path in stale if path.name not in written and path.exists()]
        return changes

    def _backup(self, target: Path) -> Path | None:
        """Keep an existing file under a second name, or as a copy where the disk has no hard links."""
        if not target.exists():
            return None
        copy = self._folders[target.parent][0] / f"earlier-{next(self._numbers)}"
        try:
            try:
                os.link(target, copy)
            except OSError:
                shutil.copy2(target, copy)
        except OSError as error:
            raise _replace_error(target, error) from error
        return copy

    def _subfolder_in(self, parent: Path) -> Path:
        try:
            if parent not in self._folders:
                _delete_abandoned_folders(parent)
                folder = parent / f"{FOLDER_PREFIX}{uuid.uuid4().hex[:8]}"
                folder.mkdir()
                lock = _lock_of(folder)
                self._folders[parent] = (folder, lock)
                lock.tryLock(0)
            subfolder = self._folders[parent][0] / str(next(self._numbers))
            subfolder.mkdir()
        except OSError as error:
            raise _folder_error(parent, error) from error
        return subfolder


def _replace(file: Path | None, target: Path) -> None:
    try:
        if file is None:
            target.unlink()
        else:
            os.replace(file, target)
    except OSError as error:
        raise _replace_error(target, error) from error


def _restore(target: Path, copy: Path | None) -> None:
    if copy is None:
        target.unlink(missing_ok=True)
    else:
        os.replace(copy, target)


def _delete_abandoned_folders(parent: Path) -> None:
    """Delete the temporary folders of runs that were killed."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        lock_file = folder / LOCK_NAME
        try:
            if not lock_file.exists() and time.time() - folder.stat().st_mtime < SECONDS_WITHOUT_LOCK:
                continue
        except OSError:
            continue  # deleted meanwhile
        lock = _lock_of(folder)
        if lock.tryLock(0):
            lock.unlock()
            shutil.rmtree(folder, ignore_errors=True)


def _lock_of(folder: Path) -> QLockFile:
    lock = QLockFile(str(folder / LOCK_NAME))
    lock.setStaleLockTime(0)  # only the end of its process makes a lock stale, however long a run takes
    return lock


def _folder_error(folder: Path, error: OSError) -> QgsProcessingException:
    if not folder.is_dir():
        text = tr("There is no folder '{folder}'. Create it or choose another.")
        return QgsProcessingException(text.format(folder=folder))
    if isinstance(error, PermissionError):
        text = tr("No permission to write to the folder '{folder}'. Choose another.")
        return QgsProcessingException(text.format(folder=folder))
    text = tr("The result cannot be written to '{folder}': {reason}. Free disk space, or choose another folder.")
    return QgsProcessingException(text.format(folder=folder, reason=system_reason(error)))


def _replace_error(target: Path, error: OSError) -> QgsProcessingException:
    return QgsProcessingException(
        tr("'{path}' cannot be replaced ({reason}). Is it open in another program or layer?").format(
            path=target, reason=system_reason(error)
        )
    )
