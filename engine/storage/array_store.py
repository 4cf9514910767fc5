"""What is worked out of a job, kept on disk array by array, so that a run that was ended goes on where it was."""

import zipfile
from pathlib import Path

import numpy as np

from .checkpoint import CheckpointFolder
from .result_cache import ResultCache

PREFIX = "cached-"


class ArrayStore(CheckpointFolder, ResultCache):
    """Arrays by their names, each there as a whole or not at all; see `CheckpointFolder` and `ResultCache`.

    Attributes
    ----------
    taken
        How many were there from an earlier run and were taken.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ArrayStore(folder, {"task": "an example"}).keep("potentials-000000", np.array([0.1]))
    ...     ArrayStore(folder, {"task": "an example"}).take("potentials-000000")
    array([0.1])
    """

    pattern = f"{PREFIX}*.npy"

    taken = 0

    def take(self, name: str) -> np.ndarray | None:
        """Return what was kept under a name, None where nothing was.

        Raises
        ------
        ValueError
            Its file is damaged.
        """
        path = self._file(name)
        if not path.exists():
            return None
        try:
            found = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as problem:
            raise ValueError(f"{path} is damaged ({problem}): delete it, and it is computed again") from problem
        self.taken += 1
        return found

    def keep(self, name: str, array: np.ndarray) -> None:
        """Write an array.

        Raises
        ------
        OSError
            The disk is full; what was kept before is as it was.
        """
        self.write(self._file(name).name, lambda file: np.save(file, np.ascontiguousarray(array), allow_pickle=False))

    @property
    def size(self) -> int:
        """Bytes of the arrays that are kept."""
        return sum(path.stat().st_size for path in self.folder.glob(self.pattern))

    def kept(self) -> str:
        """Say how much is kept."""
        return f"{sum(1 for _ in self.folder.glob(self.pattern)):,} finished parts are kept there"

    def _file(self, name: str) -> Path:
        return self.folder / f"{PREFIX}{name}.npy"
