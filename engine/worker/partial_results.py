"""Parts of a result that are handed over as they come, so that a run that ends early has not been for nothing."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .task import Job

#: Seconds between two looks at whether a piece has been read, and between two signs of life while it has not.
LOOK, SIGN_OF_LIFE = 0.005, 1.0

#: Of the time that the work takes, the part that may be spent on handing over what is known so far.
MAX_OVERHEAD_FRACTION = 0.1


class PartialResultWriter:
    """Hands over parts of a result: files in the job's folder, and a line about each.

    Parameters
    ----------
    job
        With the parameter `max_pending`, work stops while so many pieces have not been deleted by whoever reads
        them; without, all of them stay in the folder.
    """

    def __init__(self, job: Job):
        limit = job.parameters.get("max_pending")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f'parameter "max_pending" must be a whole number of 1 or more, not {limit!r}')
        self._job, self._limit = job, limit
        self._unread: list[list[Path]] = []

    def give(self, name: str, arrays: dict[str, np.ndarray], **metrics: Any) -> None:
        """Hand over a piece.

        Parameters
        ----------
        name
            Of the piece, fit for a file name.
        arrays
            By what they hold.
        metrics
            Numbers that belong to it.
        """
        files = {}
        for what, array in arrays.items():
            path = self._job.folder / f"{name}-{what}.npy"
            unfinished = path.with_suffix(".part")
            with unfinished.open("wb") as file:
                np.save(file, np.ascontiguousarray(array), allow_pickle=False)
            os.replace(unfinished, path)
            files[what] = path.name
        self._job.report.partial_result(name, files, metrics)
        if self._limit is not None:
            self._unread.append([self._job.folder / file for file in files.values()])
            self._wait()

    def unread(self, name: str) -> bool:
        """Tell whether a piece of a name waits to be read by somebody who deletes what was read."""
        return self._limit is not None and any(self._job.folder.glob(f"{name}-*.npy"))

    def _wait(self) -> None:
        spoke = time.monotonic()
        while True:
            self._unread = [files for files in self._unread if any(file.exists() for file in files)]
            if len(self._unread) < self._limit:
                return
            time.sleep(LOOK)
            if time.monotonic() - spoke > SIGN_OF_LIFE:
                # Also ends the work where nobody listens any more.
                self._job.report.metric("pending_partial_results", len(self._unread))
                spoke = time.monotonic()


class ThrottledMatrixWriter:
    """Hands over a matrix again and again while it fills, as far as that takes but little of the time.

    Parameters
    ----------
    pieces
        Where it is handed over; None for nowhere.
    name
        Of the piece.
    what
        The matrix holds.
    arrays
        What is handed over with it.
    """

    def __init__(self, pieces: PartialResultWriter | None, name: str, what: str, arrays: dict[str, np.ndarray]):
        self._pieces, self._name, self._what, self._arrays = pieces, name, what, arrays
        self._gave, self._cost = -np.inf, 0.0

    def give(self, matrix: Callable[[], np.ndarray]) -> None:
        """Hand over the matrix, unless that was just done and would take more time than the work itself.

        Parameters
        ----------
        matrix
            Gives it; NaN for what is still to come.
        """
        began = time.monotonic()
        if self._pieces is None or began - self._gave < self._cost / MAX_OVERHEAD_FRACTION:
            return
        # One that waits would be replaced, and its successor be deleted in its place.
        if self._pieces.unread(self._name):
            return
        self._pieces.give(self._name, {**self._arrays, self._what: matrix()})
        self._gave = time.monotonic()
        self._cost = self._gave - began
