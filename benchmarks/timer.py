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

#: A first call that takes longer, and compiles nothing, counts as a repetition: its warm-up is negligible.
LONG_CALL_SECONDS = 30.0

PROCESS_STATUS = Path("/proc/self/status")


class Timer:
    """Calls a function several times and records time and memory.

    Parameters
    ----------
    repeat
        Number of calls after the first one.
    """

    def __init__(self, repeat: int):
        self.repeat = repeat
        self.first = 0.0
        self.seconds: list[float] = []
        self.parts: dict[str, list[float]] = {}
        self.resident_before = self.peak = 0

    def time(self, run: Callable[[int], Result], *, compiled: bool) -> Result:
        """Call `run` with the number of the repetition, and return the result of the last call; the first warms up.

        Parameters
        ----------
        run
            Function that returns only when everything is computed.
        compiled
            Whether the first call compiles something; its time then never counts.
        """
        self.resident_before = psutil.Process().memory_info().rss
        start = time.perf_counter()
        result = run(0)
        self.first = time.perf_counter() - start
        # Later calls may keep more than one result alive; a user keeps one.
        self.peak = peak_memory()
        if self.first > LONG_CALL_SECONDS and not compiled:
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
        """Record the time of a part of a call as well."""
        start = time.perf_counter()
        yield
        self.parts.setdefault(name, []).append(time.perf_counter() - start)

    def scale(self, factor: float) -> None:
        """Multiply the times, to extrapolate from a part of the computation."""
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
    """Return the largest resident memory of this process so far, in bytes."""
    try:
        lines = PROCESS_STATUS.read_text(encoding="ascii").splitlines()
        (line,) = [line for line in lines if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        memory = psutil.Process().memory_info()
        return getattr(memory, "peak_wset", memory.rss)
