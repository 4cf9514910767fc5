"""Batches in the order of their numbers, whoever computes them and in whichever order they come."""

import time
from collections.abc import Callable, Iterator

from ..storage.disk_space import require_disk_space
from .batch import AbstractBatchJob, BatchResult
from .batch_checkpoint import BatchCheckpoint
from .dispatch.base import AbstractExecutor

#: The first batch is compiled for; where it takes less than so many seconds, it says nothing of the others.
ETA_AFTER_SECONDS = 60.0

#: Called with the batches done, of how many, and the seconds that are left as far as is known.
Progress = Callable[[int, int, float | None], None]


def iterate_in_order(
    analysis: AbstractBatchJob, dispatch: AbstractExecutor, kept: BatchCheckpoint | None, progress: Progress | None
) -> Iterator[BatchResult]:
    """Yield every batch in the order of the numbers, from the disk if it is there, and say how far it is.

    Parameters
    ----------
    analysis
        What is computed.
    dispatch
        Who computes.
    kept
        Where batches are kept, and taken from.
    progress
        Called after every batch that was computed.

    Raises
    ------
    ValueError
        The disk has no room for the batches that will be kept; before any is computed.
    """
    count = analysis.tiles.count
    finished = set() if kept is None else kept.finished()
    missing = [number for number in range(count) if number not in finished]
    if kept is not None:
        require_disk_space(kept.folder, analysis, missing)
    arriving = dispatch.results(analysis, missing)
    early: dict[int, BatchResult] = {}
    started, done = time.perf_counter(), 0
    first = started
    for number in range(count):
        if number in finished:
            yield kept.load(number)
            continue
        while number not in early:
            batch = next(arriving)
            early[batch.number] = batch
            done += 1
            if kept is not None:
                kept.save(batch)
            if progress is not None:
                now = time.perf_counter()
                first = now if done == 1 else first
                left = _seconds_left(len(missing) - done, done, now - started, now - first)
                progress(len(finished) + done, count, left)
        yield early.pop(number)


def _seconds_left(left: int, done: int, since_start: float, since_first: float) -> float | None:
    """Return how long the batches that are left will take, None if that is not known yet."""
    if not left:
        return 0.0
    if done == 1:
        return since_start * left if since_start > ETA_AFTER_SECONDS else None
    return since_first / (done - 1) * left
