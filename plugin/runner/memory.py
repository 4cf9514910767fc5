"""Compare the memory that a job is estimated to need with the free memory."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .errors import OutOfMemory, memory_advice
from .job_folder import format_bytes

# Above this fraction of the free memory other programs may become slow.
WARNING_FRACTION = 0.5

MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """Return the bytes available without swapping; None if the system does not report them (Windows, macOS)."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def check_memory(needed: float, free: float | None, feedback: QgsProcessingFeedback) -> OutOfMemory | None:
    """Compare the memory that a job is estimated to need with the free memory.

    Parameters
    ----------
    needed
        Bytes that the job is estimated to need.
    free
        Free bytes as the engine reports them; None to ask the system.
    feedback
        Receives a warning if the job needs more than half of it.

    Returns
    -------
    OutOfMemory or None
        Why the job must not start, if it needs more memory than is free.
    """
    available = free_memory() if free is None else free
    if available is None:
        return None
    if needed > available:
        return OutOfMemory(
            tr(
                "This run needs about {needed} of memory, and only {free} are free. It was not started. {advice}"
            ).format(needed=format_bytes(needed), free=format_bytes(available), advice=memory_advice())
        )
    if needed > WARNING_FRACTION * available:
        feedback.pushWarning(
            tr(
                "This run needs about {needed} of the {free} of memory that are free: the computer may get slow."
            ).format(needed=format_bytes(needed), free=format_bytes(available))
        )
    return None
