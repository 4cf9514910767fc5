"""Progress of a step that handles the rows of a table one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from qgis.core import QgsProcessingFeedback

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from ..runner import format_duration

Row = TypeVar("Row")

# Rows between two readings of the clock; few, because a row may have thousands of cells.
ROWS_PER_CLOCK_READING = 100

# Rows, and seconds, after which progress is reported and the run stops if the user has cancelled.
ROWS_PER_REPORT, SECONDS_PER_REPORT = 20_000, 1.0

# Seconds between two texts, and until the first one.
TEXT_SECONDS = 2.0


def with_progress(
    rows: Iterable[Row],
    count: int,
    step: str,
    feedback: QgsProcessingFeedback,
    start: float = 0,
    end: float = 100,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Row]:
    """Yield rows; report progress with the time that is left, and stop if the user cancels.

    Parameters
    ----------
    rows, count
        The rows, and how many there are.
    step
        What is done with them, for the text.
    feedback
        Receives progress; can cancel.
    start, end
        Percentages at the first and the last row.
    clock
        Returns the time in seconds.
    """
    text = tr("{step}: {number:,} of {count:# row|# rows}, about {left} left")
    began = reported = shown = clock()
    reported_row = 0
    for number, row in enumerate(rows, 1):
        yield row
        if number % ROWS_PER_CLOCK_READING:
            continue
        now = clock()
        if number - reported_row < ROWS_PER_REPORT and now - reported < SECONDS_PER_REPORT:
            continue
        stop_if_cancelled(feedback)
        reported, reported_row = now, number
        feedback.setProgress(start + (end - start) * min(1.0, number / max(1, count)))
        if now - shown >= TEXT_SECONDS:
            left = format_duration((now - began) * max(0, count - number) / number)
            feedback.setProgressText(text.format(step=step, number=number, count=count, left=left))
            shown = now
