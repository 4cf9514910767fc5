"""Job folders: read the job, write its result."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..storage import NpyBands, NpyRaster, write_atomically
from .protocol import to_json
from .task import TaskResult

#: Version of the format of `job.json` and `result.json`.
FORMAT = 2

#: Size from which an input is memory-mapped instead of read: many tasks need only slices of it.
MEMORY_MAP_BYTES = 1 << 22


def read_job(folder: Path) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Read a job folder.

    Returns
    -------
    task, parameters, inputs
        Name of the task, its parameters, its arrays by name.

    Raises
    ------
    ValueError
        It is not a job folder, its format is not that of this engine, or an input cannot be read.
    """
    path = folder / "job.json"
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist: give the folder of a job") from None
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(job, dict) or job.get("format") != FORMAT:
        raise ValueError(f"{path} is not of format {FORMAT}, the one this engine reads")
    for key, kind in (("task", str), ("parameters", dict), ("inputs", dict)):
        if not isinstance(job.get(key), kind):
            raise ValueError(f'{path} has no "{key}" of type {kind.__name__}')
    inputs = {}
    for name, file in job["inputs"].items():
        if Path(file).name != file:
            raise ValueError(f'input "{name}" must be a file in the job folder itself, not {file}')
        try:
            mode = "r" if (folder / file).stat().st_size >= MEMORY_MAP_BYTES else None
            inputs[name] = np.load(folder / file, mmap_mode=mode, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(f'input "{name}" cannot be read from {file}: the file is damaged or incomplete') from error
    return job["task"], job["parameters"], inputs


def write_result(folder: Path, result: TaskResult) -> None:
    """Write the arrays, then `result.json`, which appears only when all arrays are complete.

    Raises
    ------
    OSError
        The folder cannot be written, or the disk is full.
    """
    files = {}
    for name, array in result.outputs.items():
        if not isinstance(array, (NpyBands, NpyRaster)):
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        files[name] = f"{name}.npy"
    metrics = {name: to_json(value) for name, value in result.metrics.items()}
    text = json.dumps({"format": FORMAT, "outputs": files, "metrics": metrics}, allow_nan=False, indent=1)
    write_atomically(folder / "result.json", lambda file: file.write(text.encode()))
