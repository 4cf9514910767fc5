"""Finished batches on disk, so that an interrupted run can be resumed."""

import zipfile
from pathlib import Path

import numpy as np

from ..storage.checkpoint import CheckpointFolder
from .batch import BatchResult


class BatchCheckpoint(CheckpointFolder):
    """A folder of finished batches; see `CheckpointFolder`.

    Parameters
    ----------
    folder, content
        As of `CheckpointFolder`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = BatchCheckpoint(folder, {"range": 25})
    ...     kept.save(BatchResult(3, 0.5, 1, np.ones((1, 2))))
    ...     BatchCheckpoint(folder, {"range": 25}).finished(), kept.load(3).total
    ({3}, 0.5)
    """

    pattern = "batch-*.npz"

    def finished(self) -> set[int]:
        """Return the numbers of the batches that are there."""
        return {int(path.stem.split("-")[1]) for path in self.folder.glob(self.pattern)}

    def save(self, batch: BatchResult) -> None:
        """Keep a batch.

        Raises
        ------
        OSError
            The disk is full; all that was kept before is as it was.
        """
        arrays = {"total": np.array(batch.total), "windows": np.array(batch.windows)}
        if batch.raster is not None:
            arrays["raster"] = batch.raster
        self.write(self._file(batch.number).name, lambda file: np.savez(file, **arrays))

    def load(self, number: int) -> BatchResult:
        """Return a batch that was kept.

        Raises
        ------
        ValueError
            Its file is damaged.
        """
        path = self._file(number)
        try:
            with np.load(path, allow_pickle=False) as kept:
                raster = kept["raster"] if "raster" in kept else None
                return BatchResult(number, float(kept["total"]), int(kept["windows"]), raster)
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as problem:
            raise ValueError(f"{path} is damaged ({problem}): delete it, and it is computed again") from problem

    def kept(self) -> str:
        """Say how many batches are kept."""
        return f"{len(self.finished()):,} finished batches are kept there"

    def _file(self, number: int) -> Path:
        return self.folder / f"batch-{number:08d}.npz"
