"""Compare what the engine expects to need with the memory that is free."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .errors import OutOfMemory, smaller
from .job_folder import format_bytes

# Above half of what is free, the rest of the computer starts to feel it.
COMFORTABLE_PART = 0.5

MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """Bytes that could be had without swapping; None where the system does not say (Windows, macOS)."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def check_memory(needed: float, free: float | None, feedback: QgsProcessingFeedback) -> OutOfMemory | None:
    """Compare what the engine expects to need with what is free.

    Parameters
    ----------
    needed
        Bytes that the job is expected to need.
    free
        Bytes that are free where it will run, as the engine sees it; None has the system asked.
    feedback
        Hears a warning when more than half of it is needed.

    Returns
    -------
    OutOfMemory or None
        The reason not to start, where more is needed than is free.
    """
    available = free_memory() if free is None else free
    if available is None:
        return None
    if needed > available:
        return OutOfMemory(
            tr(
                "This run needs about {needed} of memory, and only {free} are free. It was not started. {advice}"
            ).format(needed=format_bytes(needed), free=format_bytes(available), advice=smaller())
        )
    if needed > COMFORTABLE_PART * available:
        feedback.pushWarning(
            tr(
                "This run needs about {needed} of the {free} of memory that are free: the computer may get slow."
            ).format(needed=format_bytes(needed), free=format_bytes(available))
        )
    return None
