"""Intermediate arrays of a run in its checkpoint folder."""

from pathlib import Path

import numpy as np

from ..counts import count_of
from .checkpoint import CheckpointFolder
from .result_cache import ResultCache

#: The array NAME is stored in the file `cached-NAME.npy`.
PREFIX = "cached-"


class ArrayStore(ResultCache):
    """A result cache on disk.

    Parameters
    ----------
    checkpoint
        The folder.

    Attributes
    ----------
    hits
        Number of arrays that were read instead of computed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = ArrayStore(CheckpointFolder(folder, {"task": "an example"}))
    ...     store.put("potentials-000000", np.array([0.1]))
    ...     store.get("potentials-000000"), store.get("potentials-000016"), store.hits
    (array([0.1]), None, 1)
    """

    def __init__(self, checkpoint: CheckpointFolder):
        self._checkpoint = checkpoint
        self.hits = 0

    def get(self, name: str) -> np.ndarray | None:
        """Return the array stored under a name; None if there is none.

        Raises
        ------
        ValueError
            Its file is damaged.
        """
        array = self._checkpoint.read_array(f"{PREFIX}{name}.npy")
        self.hits += array is not None
        return array

    def put(self, name: str, array: np.ndarray) -> None:
        """Store an array.

        Raises
        ------
        OSError
            The disk is full; the arrays stored before are unchanged.
        """
        stored = count_of(len(self._files()), "intermediate result")
        self._checkpoint.write_array(f"{PREFIX}{name}.npy", array, stored=stored)

    @property
    def nbytes(self) -> int:
        """Size on disk in bytes."""
        return sum(path.stat().st_size for path in self._files())

    def _files(self) -> list[Path]:
        return self._checkpoint.files(f"{PREFIX}*.npy")
