"""A part of a run that shows how much of its time is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from ..runner import TimeLeft
from .step_feedback import StepFeedback

# Seconds between two texts with the time that is left.
TEXT_SECONDS = 5.0


class TimedStep(StepFeedback):
    """A step whose progress text is repeated, every few seconds, with an estimate of the time that is left.

    Parameters
    ----------
    parent, start, end
        As for `StepFeedback`.
    clock
        Returns the time in seconds.
    """

    def __init__(
        self,
        parent: QgsProcessingFeedback,
        start: float,
        end: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent, start, end)
        self._clock, self._text, self._shown = clock, "", clock()
        self._time_left = TimeLeft(clock)

    def setProgressText(self, text: str) -> None:
        """Show what is being done."""
        self._text, self._shown, self._time_left = text, self._clock(), TimeLeft(self._clock)
        super().setProgressText(text)

    def _forward_progress(self, percent: float) -> None:
        super()._forward_progress(percent)
        self._time_left.progress(percent)
        left = self._time_left.text()
        if self._text and left and self._clock() - self._shown >= TEXT_SECONDS:
            self._shown = self._clock()
            super().setProgressText(tr("{step}, about {left} left").format(step=self._text, left=left))
