"""Cumulative current with a checkpoint, so that an interrupted job resumes after the last stored run."""

import time

import numpy as np

from ..circuits import CumulativeCurrent, CurrentAccumulator
from ..counts import count_of
from ..storage import CheckpointFolder

FILE = "cumulative.npz"

#: Largest time spent on storing, relative to that of the runs.
MAX_OVERHEAD_FRACTION = 0.1


class AccumulatorCheckpoint:
    """The cumulative current of the runs of a job, and their resistances.

    Parameters
    ----------
    checkpoint
        Where it is stored and read from; None to hold it in memory only.
    zero_map
        A map of zeros, NaN where there is no node; see `CurrentAccumulator`.

    Attributes
    ----------
    completed
        Number of completed runs; they are the first ones in the order of the job.
    resistances
        Resistance of each completed run in ohm, by name.

    Raises
    ------
    ValueError
        The file is damaged.
    """

    def __init__(self, checkpoint: CheckpointFolder | None, zero_map: np.ndarray):
        self._checkpoint, self._accumulator = checkpoint, CurrentAccumulator(zero_map)
        self.completed, self.resistances = 0, {}
        self._stored_at, self._duration = time.monotonic(), 0.0
        stored = None if checkpoint is None else checkpoint.read_arrays(FILE)
        if stored is not None:
            runs, residual = int(stored["runs"]), float(stored["residual"])
            self._accumulator.result = CumulativeCurrent(stored["total"], stored["maximum"], runs, residual)
            self.completed = int(stored["completed"])
            self.resistances = dict(zip(stored["names"].tolist(), stored["resistances"].tolist(), strict=True))

    @property
    def result(self) -> CumulativeCurrent:
        """The cumulative current."""
        return self._accumulator.result

    def add_run(self, index: int, name: str, currents: np.ndarray, resistance: float, residual: float) -> None:
        """Add the current map of a run; earlier runs that were not added have no current."""
        self._accumulator.add(currents, residual)
        self.resistances[name] = resistance
        self.completed = index + 1
        self._store()

    def add_sum(self, runs: int, currents: CumulativeCurrent, *, is_last: bool) -> None:
        """Add the cumulative current of the next runs."""
        self._accumulator.add_sum(currents)
        self.completed += runs
        self._store(force=is_last)

    def finish(self, runs: int) -> None:
        """Store the cumulative current of all runs."""
        self.completed = runs
        self._store(force=True)

    def _store(self, *, force: bool = False) -> None:
        start = time.monotonic()
        if self._checkpoint is None:
            return
        if not force and start - self._stored_at < self._duration / MAX_OVERHEAD_FRACTION:
            return
        result = self.result
        arrays = {
            "total": result.total,
            "maximum": result.maximum,
            "runs": np.array(result.runs),
            "residual": np.array(result.residual),
            "completed": np.array(self.completed),
            "names": np.array(list(self.resistances), dtype=str),
            "resistances": np.array(list(self.resistances.values()), dtype=float),
        }
        stored = f"the cumulative currents of {count_of(self.completed, 'run')}"
        self._checkpoint.write_arrays(FILE, arrays, stored=stored)
        self._stored_at = time.monotonic()
        self._duration = self._stored_at - start
