"""Interface of a cache of intermediate arrays, and of progress reports of long computations."""

from collections.abc import Callable

import numpy as np

#: Called with the number of completed parts, the number of all parts, and a function that returns the matrix computed
#: so far, NaN where entries are missing.
ProgressCallback = Callable[[int, int, Callable[[], np.ndarray]], None]


class ResultCache:
    """A cache that stores nothing; `ArrayStore` is the one on disk.

    Examples
    --------
    >>> ResultCache().get("potentials-000000") is None
    True
    >>> ResultCache().get_or_compute("potentials-000000", lambda: np.zeros(2))
    array([0., 0.])
    """

    def get(self, name: str) -> np.ndarray | None:
        """Return the array stored under a name, unchanged to the last bit; None if there is none."""
        return None

    def put(self, name: str, array: np.ndarray) -> None:
        """Store an array under a name, completely or not at all."""

    def get_or_compute(self, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the array stored under a name; compute and store it if there is none."""
        array = self.get(name)
        if array is None:
            array = compute()
            self.put(name, array)
        return array


def no_progress(done: int, total: int, matrix: Callable[[], np.ndarray]) -> None:
    """Ignore a progress report."""
