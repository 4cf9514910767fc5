"""Partial results: arrays written into the job folder before the job ends, which outlast an interruption."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..storage import write_atomically
from .task import Job

#: Seconds between two checks of whether a partial result has been read.
POLL_SECONDS = 0.005

#: Seconds between two messages while waiting. If the reader has ended, writing one ends the process.
HEARTBEAT_SECONDS = 1.0

#: Largest time spent on writing incomplete matrices, relative to that of the computation.
MAX_OVERHEAD_FRACTION = 0.1


class PartialResultWriter:
    """Writer of partial results into the job folder, which reports each.

    Parameters
    ----------
    job
        With its parameter `max_pending`, writing waits while that many partial results have not been read; the reader
        deletes the files that it has read. Without the parameter all files stay in the folder.
    """

    def __init__(self, job: Job):
        limit = job.parameters.get("max_pending")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f'parameter "max_pending" must be a whole number of 1 or more, not {limit!r}')
        self._folder, self._report, self._limit = job.folder, job.report, limit
        self._pending: list[list[Path]] = []

    def write(self, name: str, arrays: dict[str, np.ndarray], **metrics: Any) -> None:
        """Write a partial result.

        Parameters
        ----------
        name
            Name of the partial result, with which its files begin.
        arrays
            Arrays by name.
        metrics
            Scalars by name.
        """
        paths = {key: self._folder / f"{name}-{key}.npy" for key in arrays}
        for key, array in arrays.items():
            content = np.ascontiguousarray(array)
            write_atomically(paths[key], lambda file, content=content: np.save(file, content, allow_pickle=False))
        self._report.partial_result(name, {key: path.name for key, path in paths.items()}, metrics)
        if self._limit is not None:
            self._pending.append(list(paths.values()))
            self._wait()

    def is_pending(self, name: str) -> bool:
        """Return whether a partial result of this name has not been read yet; False without `max_pending`."""
        return self._limit is not None and any(self._folder.glob(f"{name}-*.npy"))

    def _wait(self) -> None:
        reported = time.monotonic()
        while True:
            self._pending = [paths for paths in self._pending if any(path.exists() for path in paths)]
            if len(self._pending) < self._limit:
                return
            time.sleep(POLL_SECONDS)
            if time.monotonic() - reported > HEARTBEAT_SECONDS:
                self._report.metric("pending_partial_results", len(self._pending))
                reported = time.monotonic()


class ThrottledMatrixWriter:
    """Writer of an incomplete matrix, which skips writes that would take too much of the time.

    Parameters
    ----------
    writer
        Writer of the partial results; None to write nothing.
    name
        Name of the partial result.
    key
        Name of the matrix among the arrays of the partial result.
    arrays
        Further arrays that are written with the matrix.
    """

    def __init__(self, writer: PartialResultWriter | None, name: str, key: str, arrays: dict[str, np.ndarray]):
        self._writer, self._name, self._key, self._arrays = writer, name, key, arrays
        self._written_at, self._duration = -np.inf, 0.0

    def write(self, matrix: Callable[[], np.ndarray]) -> None:
        """Write the matrix, unless this would exceed `MAX_OVERHEAD_FRACTION` or the previous one has not been read.

        Parameters
        ----------
        matrix
            Function that returns the matrix, NaN where entries are missing.
        """
        start = time.monotonic()
        if self._writer is None or start - self._written_at < self._duration / MAX_OVERHEAD_FRACTION:
            return
        # Otherwise the reader would delete this file after reading the previous one.
        if self._writer.is_pending(self._name):
            return
        self._writer.write(self._name, {**self._arrays, self._key: matrix()})
        self._written_at = time.monotonic()
        self._duration = self._written_at - start
