"""Job folders: reading the question, writing the answer."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..storage.npy_raster import NpyRaster
from .protocol import plain
from .task import TaskResult

FORMAT = 2

#: Inputs on disk from this size on are mapped, not read: a task that needs but parts of them reads those.
MAPPED_FROM = 1 << 22  # bytes


def read_job(folder: Path) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Read a job folder.

    Returns
    -------
    task, parameters, inputs
        The task's name, its parameters, its arrays by name.

    Raises
    ------
    ValueError
        It is not a job folder, or not of a kind that this engine understands.
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
            raise ValueError(f'input "{name}" must lie in the job folder itself, not at {file}')
        try:
            mode = "r" if (folder / file).stat().st_size >= MAPPED_FROM else None
            inputs[name] = np.load(folder / file, mmap_mode=mode, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(f'input "{name}" cannot be read from {file}: {error}') from None
    return job["task"], job["parameters"], inputs


def write_result(folder: Path, answer: TaskResult) -> None:
    """Write the arrays, then `result.json`, which appears only when all is there.

    Raises
    ------
    OSError
        The folder cannot be written, or the disk is full.
    """
    files = {}
    for name, array in answer.outputs.items():
        if not isinstance(array, NpyRaster):
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        files[name] = f"{name}.npy"
    numbers = {name: plain(value) for name, value in answer.metrics.items()}
    unfinished = folder / "result.json.part"
    text = json.dumps({"format": FORMAT, "outputs": files, "metrics": numbers}, allow_nan=False, indent=1)
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, folder / "result.json")
