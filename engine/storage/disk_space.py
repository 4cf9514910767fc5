"""Whether the disk has room for the batches that a run will keep, asked before any of them is computed."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

#: Bytes of a batch's file besides its numbers, with what a file system rounds up to.
FILE = 8 << 10


@runtime_checkable
class StoresBatches(Protocol):
    """A job whose batches are kept on disk."""

    result_bytes: int

    def is_empty(self, number: int) -> bool:
        """Whether a batch has no window."""


def require_disk_space(folder: Path, analysis: StoresBatches, missing: Sequence[int]) -> None:
    """Refuse a run whose batches will not fit into their folder.

    Parameters
    ----------
    folder
        Where batches are kept.
    analysis
        What is computed.
    missing
        Numbers of the batches that are not there yet.

    Raises
    ------
    ValueError
        Says how much is needed, where, how much is free, and what to do.
    """
    each = analysis.result_bytes + FILE
    free, needed = shutil.disk_usage(folder).free, len(missing) * each
    if needed > free:
        # Batches without a window keep no raster; to look for them takes time, and is seldom needed.
        needed = sum(FILE if analysis.is_empty(number) else each for number in missing)
    if needed > free:
        raise ValueError(
            f"too little disk space to keep finished batches: {len(missing):,} batches need {_in_words(needed)} in "
            f"{folder}, and {_in_words(free)} are free there. Make room, give a folder on another disk, or take more "
            "windows at a time, whose overlapping parts are then kept once. Without a folder nothing is kept"
        )


def _in_words(size: int | float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
