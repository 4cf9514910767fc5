"""The checkpoint folder of a job, and the intermediate arrays in it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..storage import ArrayStore, CheckpointFolder, free_bytes, hash_raster, to_manifest
from .task import Job

#: Parameters that decide only which results are written, and where a run is resumed.
NON_RESULT_PARAMETERS = ("per_run_outputs", "maximum", "completed_runs", "checkpoint", "max_pending")


def checkpoint_parameter(job: Job) -> str | None:
    """Return the folder that the parameter `checkpoint` names, None if there is none."""
    folder = job.parameters.get("checkpoint")
    if folder is not None and not isinstance(folder, str):
        raise ValueError(f'parameter "checkpoint" must be a folder, not {folder!r}')
    return folder or None


def open_checkpoint(job: Job, task: str) -> CheckpointFolder | None:
    """Open the checkpoint folder of a job, None if it names none.

    Opening it also protects the caller's output files: a folder with results of other inputs is refused before any of
    them is replaced.

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

    If the disk is too full there is none either, with a warning: a run that cannot be resumed is better than no run.

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
        f"intermediate solutions are not saved, so that the run starts anew if it is interrupted: they would take "
        f"{needed / 1e9:.1f} GB, and the disk with {checkpoint.folder} has {free / 1e9:.1f} GB left"
    )
    return None


def _manifest(job: Job, task: str) -> Mapping[str, Any]:
    """Return everything that the results depend on."""
    parameters = {name: value for name, value in job.parameters.items() if name not in NON_RESULT_PARAMETERS}
    hashes = {name: hash_raster(np.atleast_2d(array)) for name, array in sorted(job.inputs.items())}
    return to_manifest({"task": task, **parameters, **hashes})
