"""Batches in ascending order, whichever executor computes them and in whichever order they are completed."""

import time
from collections.abc import Callable, Iterator, Sequence

from ..counts import count_of
from ..storage import free_bytes, require_disk_space
from .batch import AbstractBatchJob, BatchResult
from .batch_checkpoint import BatchCheckpoint
from .dispatch.base import AbstractExecutor

#: The first batch includes compilation, so that its time predicts that of the others only if it takes longer than this.
ETA_AFTER_SECONDS = 60.0

#: Bytes of a batch's file besides its raster, with the blocks that a file system rounds up to.
FILE_OVERHEAD_BYTES = 8 << 10

#: Called with the completed batches, the number of all batches, and the remaining seconds, None if unknown.
Progress = Callable[[int, int, float | None], None]


def iterate_in_order(
    job: AbstractBatchJob,
    executor: AbstractExecutor,
    checkpoint: BatchCheckpoint | None,
    progress: Progress | None,
) -> Iterator[BatchResult]:
    """Yield every batch in ascending order, from the checkpoint if it is stored there.

    Parameters
    ----------
    job
        The computation.
    executor
        Computes the missing batches.
    checkpoint
        Where batches are stored; None to store none.
    progress
        Called after every computed batch.

    Raises
    ------
    ValueError
        The disk is too full for the missing batches; raised before any is computed.
    """
    count = job.tiles.count
    stored = set() if checkpoint is None else checkpoint.completed()
    missing = [number for number in range(count) if number not in stored]
    if checkpoint is not None:
        _require_space_for_batches(job, checkpoint, missing)
    results = executor.results(job, missing)
    early: dict[int, BatchResult] = {}
    start, computed = time.perf_counter(), 0
    first_end = start
    for number in range(count):
        if number in stored:
            yield checkpoint.load(number)
            continue
        while number not in early:
            batch = next(results)
            early[batch.number] = batch
            computed += 1
            if checkpoint is not None:
                checkpoint.save(batch)
            if progress is not None:
                now = time.perf_counter()
                first_end = now if computed == 1 else first_end
                seconds = _remaining_seconds(len(missing) - computed, computed, now - start, now - first_end)
                progress(len(stored) + computed, count, seconds)
        yield early.pop(number)


def _require_space_for_batches(job: AbstractBatchJob, checkpoint: BatchCheckpoint, missing: Sequence[int]) -> None:
    """Raise a ValueError unless the disk has space for the missing batches."""
    file_bytes = job.result_bytes + FILE_OVERHEAD_BYTES
    needed = len(missing) * file_bytes
    if needed > free_bytes(checkpoint.folder):
        # Batches without a window store no raster; finding them takes time and is seldom necessary.
        needed = sum(FILE_OVERHEAD_BYTES if job.is_empty(number) else file_bytes for number in missing)
    require_disk_space(
        checkpoint.folder,
        needed,
        "keep finished batches",
        count_of(len(missing), "batch", "batches"),
        "Free some space, give a folder on another disk, or use larger batches, whose overlapping buffers are then "
        "stored once. Without a checkpoint folder nothing is stored",
    )


def _remaining_seconds(remaining: int, computed: int, since_start: float, since_first: float) -> float | None:
    """Estimate the remaining seconds from the batches after the first, which includes compilation; None if unknown."""
    if not remaining:
        return 0.0
    if computed == 1:
        return since_start * remaining if since_start > ETA_AFTER_SECONDS else None
    return since_first / (computed - 1) * remaining
