"""Job folders: writing a job for the engine, reading its result."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..byte_sizes import format_bytes
from ..detailed_exception import report_advice
from ..i18n import tr
from ..npy_file import NpyFile
from ..system_errors import system_reason
from ..temporary_folder import temporary_folder
from .errors import JobNotWritten, RunFailed
from .task import PARTIAL_RASTERS, PartialResult, Result, Task

FORMAT = 2

# Outputs are usually as large as inputs; the second constant covers all small files.
OUTPUT_BYTES_PER_INPUT_BYTE = 1.0
SMALL_FILES_BYTES = 16 << 20


def new_folder() -> Path:
    """Create an empty job folder in QGIS's temporary folder.

    Raises
    ------
    JobNotWritten
        It cannot be created.
    """
    parent = temporary_folder()
    try:
        return Path(tempfile.mkdtemp(prefix="permea-", dir=parent))
    except OSError as error:
        raise _not_written(parent, error) from error


def require_disk_space(needed: float, results: Mapping[str, float] | None = None) -> None:
    """Raise an error if there is too little disk space for a run.

    Parameters
    ----------
    needed
        Bytes of the arrays that QGIS and the engine are going to write.
    results
        Files that QGIS writes at the end, with the most bytes that each may take.

    Raises
    ------
    JobNotWritten
        QGIS's temporary folder, or the disk of a result, has less free space.
    """
    parent = temporary_folder()
    needed = needed + SMALL_FILES_BYTES
    other_disks: dict[int, tuple[str, float]] = {}
    for path, size in (results or {}).items():
        folder = str(Path(path).parent)
        disk = os.stat(folder).st_dev
        if disk == os.stat(parent).st_dev:
            needed += size
        else:
            other_disks[disk] = (folder, other_disks.get(disk, (folder, 0.0))[1] + size)
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise JobNotWritten(
            tr(
                "Too little disk space for the run: it needs about {needed}, and {free} are free in the temporary "
                "folder {folder}. Free disk space, or choose another folder in Settings ▸ Options ▸ Processing ▸ "
                "General."
            ).format(needed=format_bytes(needed), free=format_bytes(free), folder=parent)
        )
    for folder, size in other_disks.values():
        free = shutil.disk_usage(folder).free
        if free < size:
            raise JobNotWritten(
                tr(
                    "Too little disk space for the result: it may take {needed}, and {free} are free in {folder}. Free "
                    "disk space, or choose a file on another disk."
                ).format(needed=format_bytes(size), free=format_bytes(free), folder=folder)
            )


def write_job(task: Task, folder: Path) -> None:
    """Write a task into a folder, which must already contain its arrays on disk.

    Raises
    ------
    JobNotWritten
        The disk is too full, or the folder cannot be written.
    """
    in_memory = {name: array for name, array in task.arrays.items() if not isinstance(array, NpyFile)}
    require_disk_space(
        sum(array.nbytes for array in in_memory.values())
        + sum(array.nbytes for array in task.arrays.values()) * OUTPUT_BYTES_PER_INPUT_BYTE
    )
    try:
        inputs = {name: f"{name}.npy" if name in in_memory else array.path.name for name, array in task.arrays.items()}
        for name, array in in_memory.items():
            np.save(folder / inputs[name], array, allow_pickle=False)
        job = {"format": FORMAT, "task": task.name, "parameters": task.parameters, "inputs": inputs}
        text = json.dumps(job, indent=1, default=_to_json, allow_nan=False)
        (folder / "job.json").write_text(text, encoding="utf-8")
    except (OSError, ValueError, TypeError) as error:
        raise _not_written(folder, error) from error


def is_written(folder: Path) -> bool:
    """Return whether a folder holds a complete job, which can be run."""
    return (folder / "job.json").is_file()


def read_result(folder: Path, task: Task, *, in_memory: bool = False) -> Result:
    """Read and validate the result in a job folder.

    Rasters on the grid of the landscape stay on disk unless `in_memory`; other arrays are read.

    Raises
    ------
    RunFailed
        There is no result, it cannot be read, or an output does not have the landscape's rows and columns.
    """
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _unreadable(tr("The engine ended without an error but left no result.")) from error
    except (OSError, ValueError) as error:
        raise _unreadable(tr("The engine's result cannot be read."), error) from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise RunFailed(
            tr("The engine's result has another format than this plugin reads. Update Permea and its engine together.")
        )
    files, metrics = result.get("outputs"), result.get("metrics")
    if not isinstance(files, dict) or not isinstance(metrics, dict):
        raise _unreadable(tr("The engine's result is incomplete: it names no outputs or no metrics."))
    missing = [name for name in task.rasters or () if name not in files]
    if missing:
        raise _unreadable(tr("The engine's result lacks {names}.").format(names=", ".join(missing)))
    outputs = {
        name: _read_output(folder, name, file, on_disk=task.is_raster(name) and not in_memory)
        for name, file in files.items()
    }
    for name, array in outputs.items():
        if task.is_raster(name):
            _require_shape(name, array, task)
    return Result(outputs, metrics)


@contextmanager
def partial_result(
    folder: Path, task: Task, name: str, files: dict[str, Any], metrics: dict[str, Any]
) -> Iterator[PartialResult]:
    """Read a partial result, and delete its files, for which the engine waits, once it has been handled.

    Parameters
    ----------
    folder, task
        The job folder and its task.
    name, files, metrics
        As the engine reports them.

    Raises
    ------
    RunFailed
        It cannot be read, or a raster does not have the landscape's rows and columns.
    """
    on_disk = {key for key in files if task.shape is not None and key in PARTIAL_RASTERS}
    arrays = {key: _read_output(folder, key, file, on_disk=key in on_disk) for key, file in files.items()}
    for key in on_disk:
        _require_shape(key, arrays[key], task)
    yield PartialResult(name, arrays, metrics)
    for file in files.values():
        (folder / file).unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a job folder; files that another program has open are left to QGIS, which empties its temporary folder."""
    shutil.rmtree(folder, ignore_errors=True)


def _require_shape(name: str, array: np.ndarray | NpyFile, task: Task) -> None:
    if array.shape[-2:] != task.shape:
        raise _unreadable(
            tr("The engine's result '{name}' has the shape {shape}; the raster has {expected}.").format(
                name=name, shape=array.shape, expected=task.shape
            )
        )


def _read_output(folder: Path, name: str, file: Any, on_disk: bool) -> np.ndarray | NpyFile:
    # A result must not name files outside its folder.
    if not isinstance(file, str) or Path(file).name != file:
        raise _unreadable(tr("The engine's result names no proper file for '{name}'.").format(name=name))
    try:
        array = NpyFile(folder / file) if on_disk else np.load(folder / file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise _unreadable(tr("The engine's result '{name}' cannot be read.").format(name=name), error) from error
    if array.dtype.kind not in "biuf":
        raise _unreadable(
            tr("The engine's result '{name}' holds something else than numbers.").format(name=name),
            TypeError(array.dtype),
        )
    return array


def _not_written(folder: Path | str, error: Exception) -> JobNotWritten:
    text = tr("The files of the run cannot be written to {folder}: {reason}. {advice}")
    if isinstance(error, OSError):
        reason = system_reason(error)
        advice = tr("Free disk space, or choose another temporary folder in Settings ▸ Options ▸ Processing ▸ General.")
    else:
        reason, advice = tr("a parameter cannot be stored"), report_advice()
    return JobNotWritten(text.format(folder=folder, reason=reason, advice=advice), [str(error)])


def _unreadable(text: str, error: Exception | None = None) -> RunFailed:
    return RunFailed(f"{text} {report_advice()}", [] if error is None else [f"{type(error).__name__}: {error}"])


def _to_json(value: Any) -> Any:
    """Return NumPy's scalars and arrays as Python numbers and lists."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(tr("a parameter is {value}, which JSON cannot hold").format(value=repr(value)))
