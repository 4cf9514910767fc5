"""Time and memory of one process."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

Result = TypeVar("Result")

#: Where the first call takes this long (and nothing is compiled), it counts: what warms up is lost in it.
LONG = 30.0  # seconds

STATUS = Path("/proc/self/status")


class Timer:
    """Call something several times and keep what it took.

    Parameters
    ----------
    repeat
        How often to call it after the first time.
    """

    def __init__(self, repeat: int):
        self.repeat = repeat
        self.first = 0.0
        self.seconds: list[float] = []
        self.parts: dict[str, list[float]] = {}
        self.resident_before = self.peak = 0

    def time(self, run: Callable[[int], Result], *, compiled: bool) -> Result:
        """Call `run` with the number of the repetition; the first call warms up. Return what the last call gave.

        Parameters
        ----------
        run
            Must return only when everything is computed.
        compiled
            Whether the first call compiles something, so that its time never counts.
        """
        self.resident_before = psutil.Process().memory_info().rss
        start = time.perf_counter()
        result = run(0)
        self.first = time.perf_counter() - start
        # Later calls may keep more than one answer alive; a user makes one.
        self.peak = peak_memory()
        if self.first > LONG and not compiled:
            self.seconds.append(self.first)
        for repetition in range(1, self.repeat + 1 - len(self.seconds)):
            result = None
            gc.collect()
            start = time.perf_counter()
            result = run(repetition)
            self.seconds.append(time.perf_counter() - start)
        return result

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Keep the time of a part of a call, too."""
        start = time.perf_counter()
        yield
        self.parts.setdefault(name, []).append(time.perf_counter() - start)

    def scale(self, factor: float) -> None:
        """Multiply the times: what was called was a part of the work."""
        self.seconds = [factor * seconds for seconds in self.seconds]

    def report(self) -> dict:
        """Return medians and memory, ready for JSON; times in seconds, memory in bytes."""
        return {
            "seconds": statistics.median(self.seconds),
            "all_seconds": self.seconds,
            "first_seconds": self.first,
            # The last calls are the repetitions; the one before them warmed up.
            "parts": {name: statistics.median(times[-self.repeat :]) for name, times in self.parts.items()},
            "memory_before": self.resident_before,
            "peak_memory": self.peak,
        }


def peak_memory() -> int:
    """Return the most bytes that this process has held at once."""
    try:
        (line,) = [line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        memory = psutil.Process().memory_info()
        return getattr(memory, "peak_wset", memory.rss)
