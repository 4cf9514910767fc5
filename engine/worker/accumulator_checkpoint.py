"""Sums over the runs of a circuit, kept on disk, so that a run that was ended goes on where it was."""

import os
import time
import zipfile
from typing import Any

import numpy as np

from ..circuits.accumulator import CumulativeCurrent, CurrentAccumulator
from ..storage.checkpoint import CheckpointFolder

FILE = "cumulative.npz"

#: Of the time that runs take, the part that may be spent on keeping their sums.
SHARE = 0.1


class AccumulatorCheckpoint(CheckpointFolder):
    """The sums over the first runs of a job.

    Parameters
    ----------
    folder, content
        As of `CheckpointFolder`.
    nothing
        As of `CurrentAccumulator`: a map of zeros, NaN where there is no node.

    Attributes
    ----------
    sums
        Over the runs up to now.
    done
        How many runs, in their order, these are.
    values
        A number of each of these runs, by its name.

    Raises
    ------
    ValueError
        As of `CheckpointFolder`; or the file of the sums is damaged.
    """

    pattern = FILE

    def __init__(self, folder: str | os.PathLike, content: dict[str, Any], nothing: np.ndarray):
        super().__init__(folder, content)
        self.sums, self.done, self.values = CurrentAccumulator(nothing), 0, {}
        self._saved, self._cost = time.monotonic(), 0.0
        path = self.folder / FILE
        if not path.exists():
            return
        try:
            with np.load(path, allow_pickle=False) as kept:
                runs, residual = int(kept["runs"]), float(kept["residual"])
                self.sums.result = CumulativeCurrent(kept["total"], kept["largest"], runs, residual)
                self.done = int(kept["done"])
                self.values = dict(zip(kept["names"].tolist(), kept["values"].tolist(), strict=True))
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as problem:
            raise ValueError(f"{path} is damaged ({problem}): delete it, and its runs are computed again") from problem

    def keep(self, *, now: bool = False) -> None:
        """Write the sums, unless that was just done and would take more time than the runs themselves.

        Raises
        ------
        OSError
            The disk is full; what was kept before is as it was.
        """
        began = time.monotonic()
        if not now and began - self._saved < self._cost / SHARE:
            return
        found = self.sums.result
        arrays = {
            "total": found.total,
            "largest": found.largest,
            "runs": np.array(found.runs),
            "residual": np.array(found.residual),
            "done": np.array(self.done),
            "names": np.array(list(self.values), dtype=str),
            "values": np.array(list(self.values.values()), dtype=float),
        }
        self.write(FILE, lambda file: np.savez(file, **arrays))
        self._saved = time.monotonic()
        self._cost = self._saved - began

    def kept(self) -> str:
        """Say how many runs are kept."""
        return f"the sums over {self.done:,} runs are kept there"
