"""The folder that crosses between QGIS and the engine: written here, answered there, read here."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import QgsProcessingUtils

from ..i18n import tr
from ..npy_file import NpyFile
from .errors import JobNotWritten, RunFailed
from .task import PartialResult, Result, Task

FORMAT = 2

# The answer of most tasks is as large as the question; the rest is room for everything small.
ANSWER_PER_INPUT = 1.0
ROOM_FOR_SMALL_FILES = 16 << 20


def new_folder() -> Path:
    """Make an empty job folder in QGIS's temporary folder.

    Raises
    ------
    JobNotWritten
        It cannot be made.
    """
    parent = QgsProcessingUtils.tempFolder()
    try:
        return Path(tempfile.mkdtemp(prefix="permea-", dir=parent))
    except OSError as error:
        raise JobNotWritten(
            tr("The job cannot be written into {folder}: {reason}").format(folder=parent, reason=error)
        ) from error


def require_disk_space(needed: float, results: Mapping[str, float] | None = None) -> None:
    """Refuse a run for which there is too little disk space.

    Parameters
    ----------
    needed
        Bytes of the arrays that are still to be written, by QGIS and by the engine.
    results
        The files that QGIS writes at the end, and the bytes that each may take.

    Raises
    ------
    JobNotWritten
        QGIS's temporary folder, or the disk of a result, has less room.
    """
    parent = QgsProcessingUtils.tempFolder()
    needed = needed + ROOM_FOR_SMALL_FILES
    elsewhere: dict[int, tuple[str, float]] = {}
    for path, size in (results or {}).items():
        folder = str(Path(path).parent)
        disk = os.stat(folder).st_dev
        if disk == os.stat(parent).st_dev:
            needed += size
        else:
            elsewhere[disk] = (folder, elsewhere.get(disk, (folder, 0.0))[1] + size)
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise JobNotWritten(
            tr(
                "Too little disk space for the run: it needs about {needed}, and {free} are free in the temporary "
                "folder {folder}. Make room, or choose another folder in Settings ▸ Options ▸ Processing ▸ General."
            ).format(needed=format_bytes(needed), free=format_bytes(free), folder=parent)
        )
    for folder, size in elsewhere.values():
        free = shutil.disk_usage(folder).free
        if free < size:
            raise JobNotWritten(
                tr(
                    "Too little disk space for the result: it may take {needed}, and {free} are free in {folder}. Make "
                    "room, or choose a file on another disk."
                ).format(needed=format_bytes(size), free=format_bytes(free), folder=folder)
            )


def write_job(task: Task, folder: Path) -> None:
    """Write a task into a folder; arrays on disk must lie there already.

    Raises
    ------
    JobNotWritten
        The disk is full, or would be, or the folder cannot be written.
    """
    in_memory = {name: array for name, array in task.arrays.items() if not isinstance(array, NpyFile)}
    require_disk_space(
        sum(array.nbytes for array in in_memory.values())
        + sum(array.nbytes for array in task.arrays.values()) * ANSWER_PER_INPUT
    )
    try:
        inputs = {name: f"{name}.npy" if name in in_memory else array.path.name for name, array in task.arrays.items()}
        for name, array in in_memory.items():
            np.save(folder / inputs[name], array, allow_pickle=False)
        job = {"format": FORMAT, "task": task.name, "parameters": task.parameters, "inputs": inputs}
        text = json.dumps(job, indent=1, default=_plain, allow_nan=False)
        (folder / "job.json").write_text(text, encoding="utf-8")
    except (OSError, ValueError, TypeError) as error:
        raise JobNotWritten(
            tr("The job cannot be written into {folder}: {reason}").format(folder=folder, reason=error)
        ) from error


def read_result(folder: Path, task: Task) -> Result:
    """Read what the engine left in the job folder, trusting none of it.

    The outputs of a task on disk stay there.

    Raises
    ------
    RunFailed
        There is no result, it cannot be read, or an output does not lie on the landscape's grid.
    """
    try:
        answer = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunFailed(tr("The engine ended without an error but left no result.")) from error
    except (OSError, ValueError) as error:
        raise RunFailed(tr("The engine's result cannot be read: {reason}").format(reason=error)) from error
    if not isinstance(answer, dict) or answer.get("format") != FORMAT:
        raise RunFailed(
            tr("The engine's result has another format than this plugin reads. Update Permea and its engine together.")
        )
    files, metrics = answer.get("outputs"), answer.get("metrics")
    if not isinstance(files, dict) or not isinstance(metrics, dict):
        raise RunFailed(tr("The engine's result is incomplete: it names no outputs or no metrics."))
    missing = [name for name in task.rasters or () if name not in files]
    if missing:
        raise RunFailed(tr("The engine's result lacks {names}.").format(names=", ".join(missing)))
    outputs = {name: _read_output(folder, name, file, task.on_disk) for name, file in files.items()}
    for name, array in outputs.items():
        on_grid = task.shape is not None and (task.rasters is None or name in task.rasters)
        if on_grid and array.shape[-2:] != task.shape:
            raise RunFailed(
                tr("The engine's result '{name}' has the shape {found}; the raster has {expected}.").format(
                    name=name, found=array.shape, expected=task.shape
                )
            )
    return Result(outputs, metrics)


def read_partial_result(folder: Path, name: str, files: dict[str, Any], metrics: dict[str, Any]) -> PartialResult:
    """Read a part of the result, and delete its files, so that the engine goes on.

    Raises
    ------
    RunFailed
        It cannot be read.
    """
    arrays = {what: _read_output(folder, what, file, on_disk=False) for what, file in files.items()}
    for file in files.values():
        (folder / file).unlink(missing_ok=True)
    return PartialResult(name, arrays, metrics)


def remove(folder: Path) -> None:
    """Remove a job folder; what another program holds open is left to QGIS, which empties its temporary folder."""
    shutil.rmtree(folder, ignore_errors=True)


def format_bytes(size: float) -> str:
    """A number of bytes as text: "1.5 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _read_output(folder: Path, name: str, file: Any, on_disk: bool) -> np.ndarray | NpyFile:
    # Only a plain name: a result must not point out of its folder.
    if not isinstance(file, str) or Path(file).name != file:
        raise RunFailed(tr("The engine's result names no proper file for '{name}'.").format(name=name))
    try:
        array = NpyFile(folder / file) if on_disk else np.load(folder / file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise RunFailed(
            tr("The engine's result '{name}' cannot be read: {reason}").format(name=name, reason=error)
        ) from error
    if array.dtype.kind not in "biuf":
        raise RunFailed(
            tr("The engine's result '{name}' holds {dtype} instead of numbers.").format(name=name, dtype=array.dtype)
        )
    return array


def _plain(value: Any) -> Any:
    """Numpy's numbers and arrays as JSON knows them."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(tr("a parameter is {value}, which JSON cannot hold").format(value=repr(value)))
