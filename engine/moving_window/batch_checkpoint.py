"""Completed batches on disk, so that an interrupted run can be resumed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..counts import count_of
from ..storage import CheckpointFolder
from .batch import BatchResult


class BatchCheckpoint:
    """The completed batches of a run, one file each in a checkpoint folder.

    Parameters
    ----------
    folder, content
        See `CheckpointFolder`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     BatchCheckpoint(folder, {"range": 25}).save(BatchResult(3, 0.5, 1, np.ones((1, 2))))
    ...     resumed = BatchCheckpoint(folder, {"range": 25})
    ...     resumed.completed(), resumed.load(3).total
    ({3}, 0.5)
    """

    def __init__(self, folder: str | os.PathLike, content: Mapping[str, Any]):
        self._checkpoint = CheckpointFolder(folder, content)
        self._completed = {int(path.stem.split("-")[1]) for path in self._checkpoint.files("batch-*.npz")}

    @property
    def folder(self) -> Path:
        """The checkpoint folder."""
        return self._checkpoint.folder

    def completed(self) -> set[int]:
        """Return the numbers of the stored batches."""
        return set(self._completed)

    def save(self, batch: BatchResult) -> None:
        """Store a batch.

        Raises
        ------
        OSError
            The disk is full; the batches stored before are unchanged.
        """
        arrays = {"total": np.array(batch.total), "windows": np.array(batch.windows)}
        if batch.raster is not None:
            arrays["raster"] = batch.raster
        stored = count_of(len(self._completed), "finished batch", "finished batches")
        self._checkpoint.write_arrays(_file_name(batch.number), arrays, stored=stored)
        self._completed.add(batch.number)

    def load(self, number: int) -> BatchResult:
        """Return a stored batch.

        Raises
        ------
        ValueError
            Its file is damaged.
        """
        arrays = self._checkpoint.read_arrays(_file_name(number))
        return BatchResult(number, float(arrays["total"]), int(arrays["windows"]), arrays.get("raster"))


def _file_name(number: int) -> str:
    return f"batch-{number:08d}.npz"
