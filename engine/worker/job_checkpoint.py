"""The checkpoint folder of a job, and the store of intermediate arrays in it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..storage import ArrayStore, CheckpointFolder, format_bytes, free_bytes, hash_raster, to_manifest
from .task import Job

#: Parameters without an effect on the values of results: which are written, and where a run resumes.
NON_RESULT_PARAMETERS = ("per_run_outputs", "maximum", "completed_runs", "checkpoint", "max_pending")


def checkpoint_parameter(job: Job) -> str | None:
    """Return the folder that the parameter `checkpoint` names, None without one."""
    folder = job.parameters.get("checkpoint")
    if folder is not None and not isinstance(folder, str):
        raise ValueError(f'parameter "checkpoint" must be a folder, not {folder!r}')
    return folder or None


def open_checkpoint(job: Job, task: str) -> CheckpointFolder | None:
    """Open the checkpoint folder of a job, None without one.

    Opening it first also protects the caller's output files: a folder with results of other inputs is refused before
    any file is replaced.

    Parameters
    ----------
    job
        With the parameter `checkpoint`.
    task
        Name of the task.

    Raises
    ------
    ValueError
        The folder belongs to a run with other inputs or parameters; the message names them.
    """
    folder = checkpoint_parameter(job)
    return CheckpointFolder(folder, _manifest(job, task)) if folder else None


def open_array_store(job: Job, checkpoint: CheckpointFolder | None, needed: int = 0) -> ArrayStore | None:
    """Return the store of intermediate arrays, None without a checkpoint.

    Nor is there a store if the disk is too full, with a warning: a run that cannot be resumed is better than none.

    Parameters
    ----------
    job
        The job.
    checkpoint
        Its checkpoint folder.
    needed
        Bytes of all arrays, at most.
    """
    if checkpoint is None:
        return None
    store = ArrayStore(checkpoint)
    free = free_bytes(checkpoint.folder) + store.nbytes
    if needed <= free:
        return store
    job.report.warning(
        f"intermediate solutions are not saved, so that an interrupted run computes them again: they would take "
        f"{format_bytes(needed)}, and the disk with {checkpoint.folder} has {format_bytes(free)} left"
    )
    return None


def _manifest(job: Job, task: str) -> Mapping[str, Any]:
    """Return everything that the results depend on."""
    parameters = {name: value for name, value in job.parameters.items() if name not in NON_RESULT_PARAMETERS}
    hashes = {name: hash_raster(np.atleast_2d(array)) for name, array in sorted(job.inputs.items())}
    return to_manifest({"task": task, **parameters, **hashes})
