"""What is finished of a long computation, by name: taken from there instead of being done again."""

from collections.abc import Callable

import numpy as np

#: Is told how many of how many parts are done, and gives the distances so far if asked: NaN for pairs still to come.
ProgressCallback = Callable[[int, int, Callable[[], np.ndarray]], None]


class ResultCache:
    """Arrays that were worked out before, and those that are worked out now. This one keeps nothing.

    Examples
    --------
    >>> ResultCache().take("potentials-000000") is None
    True
    """

    def take(self, name: str) -> np.ndarray | None:
        """Return what was kept under a name, exactly as it was; None where nothing was."""
        return None

    def keep(self, name: str, array: np.ndarray) -> None:
        """Keep an array under a name, as a whole or not at all."""

    def get_or_compute(self, name: str, work: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what was kept under a name; where nothing was, work it out and keep it."""
        found = self.take(name)
        if found is None:
            found = work()
            self.keep(name, found)
        return found


def no_progress(done: int, of: int, matrix: Callable[[], np.ndarray]) -> None:
    """Hear how far a computation is, and leave it at that."""
