"""Compare the memory that a run is expected to need with the free memory."""

from __future__ import annotations

import re

from qgis.core import QgsProcessingFeedback

from ..byte_sizes import format_bytes
from ..i18n import tr
from .errors import OutOfMemory, memory_advice
from .system_memory import free_memory, used_memory

# Units in which NumPy names the size of an array that it could not allocate.
NUMPY_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

# Above this fraction of the free memory other programs may become slow.
WARNING_FRACTION = 0.5


def check_memory(needed: float, free: float | None, feedback: QgsProcessingFeedback) -> OutOfMemory | None:
    """Compare the memory that a job is estimated to need with the free memory.

    Parameters
    ----------
    needed
        Bytes that the job is estimated to need.
    free
        Free bytes as the engine reports them; None to ask the system.
    feedback
        Receives the estimate, and a warning if the job needs more than half of the free memory.

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
                "This run needs about {needed} of the {free} of memory that are free: the computer may become slow."
            ).format(needed=format_bytes(needed), free=format_bytes(available))
        )
    else:
        feedback.pushInfo(
            tr("The run needs about {needed} of memory in the engine and {used} in QGIS; {free} are free.").format(
                needed=format_bytes(needed), used=format_bytes(used_memory()), free=format_bytes(available)
            )
        )
    return None


def require_memory(needed: float, what: str) -> None:
    """Raise an error if QGIS is about to read more than fits in memory.

    Parameters
    ----------
    needed
        Bytes that QGIS and the engine need at least, in addition to what QGIS already uses.
    what
        What is read, as the subject of the message, for example "'landscape' (20,000 × 20,000 cells)".

    Raises
    ------
    OutOfMemory
        Less memory is free.
    """
    available = free_memory()
    if available is not None and needed > available:
        raise OutOfMemory(
            tr("{what} needs at least {needed} of memory, and only {free} are free. Nothing was read. {advice}").format(
                what=what, needed=format_bytes(needed), free=format_bytes(available), advice=memory_advice()
            )
        )


def out_of_memory(error: MemoryError) -> OutOfMemory:
    """Return the exception to show for memory that ran out in QGIS itself.

    Parameters
    ----------
    error
        As Python or NumPy raised it; NumPy's says how large the array would have been.
    """
    free, needed = free_memory(), _bytes_needed(str(error))
    text = tr("QGIS ran out of memory{needed}{free}. {advice}").format(
        needed=tr(": {needed} more were needed").format(needed=format_bytes(needed)) if needed else "",
        free=tr("; {free} are free").format(free=format_bytes(free)) if free is not None else "",
        advice=memory_advice(),
    )
    return OutOfMemory(text, [str(error)] if str(error) else [])


def _bytes_needed(text: str) -> float | None:
    """Return the size of the array that NumPy could not allocate."""
    match = re.match(r"Unable to allocate ([0-9.]+) (bytes|[KMGTPE]iB)", text)
    return float(match[1]) * 1024 ** NUMPY_UNITS.index(match[2]) if match else None
