"""The estimated time of a run: what the user reads about it, and when a run is not started."""

from __future__ import annotations

import time
from collections.abc import Callable

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .errors import InvalidInput

MINUTE, HOUR, DAY, YEAR = 60.0, 3600.0, 86_400.0, 365.25 * 86_400.0

# Shorter runs show no estimate; those of more than an hour show it as a warning; the longest would never end, even if
# the estimate were ten times too high.
SECONDS_WITHOUT_ESTIMATE = 10.0
SECONDS_OF_WARNING = HOUR
SECONDS_OF_REFUSAL = 10 * YEAR

# Runs that have taken this long show the time that is left. From this percentage on it follows from the progress rather
# than from the estimate, because the first percents stand for preparations.
SECONDS_BEFORE_TIMES = 5.0
RELIABLE_PERCENT = 15.0


def check_time(seconds: float | None, feedback: QgsProcessingFeedback) -> InvalidInput | None:
    """Report how long a run will take, and return an error if it would take years.

    Parameters
    ----------
    seconds
        Estimate of the engine; None if there is none.
    feedback
        Receives the estimate, as a warning if the run will take more than an hour.

    Returns
    -------
    InvalidInput or None
        Why the run must not start.
    """
    if seconds is None or seconds < SECONDS_WITHOUT_ESTIMATE:
        return None
    duration = format_duration(seconds)
    if seconds >= SECONDS_OF_REFUSAL:
        return InvalidInput(
            tr("This run would take about {duration} on this computer. It was not started. {advice}").format(
                duration=duration, advice=_advice()
            )
        )
    if seconds < SECONDS_OF_WARNING:
        feedback.pushInfo(
            tr("Estimated duration of the run on this computer: about {duration}.").format(duration=duration)
        )
        return None
    feedback.pushWarning(
        tr(
            "Estimated duration of the run on this computer: about {duration}. If that is too long, cancel it. {advice}"
        ).format(duration=duration, advice=_advice())
    )
    return None


class TimeLeft:
    """The time that a run still takes, from its progress and from the estimate before it.

    Parameters
    ----------
    clock
        Returns the time in seconds.

    Examples
    --------
    >>> now = 0.0
    >>> left = TimeLeft(clock=lambda: now)
    >>> left.progress(10)
    >>> now = 30.0
    >>> left.progress(40)
    >>> left.text()
    '45 s'
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._start = clock, clock()
        self._estimate: float | None = None
        self._percent = 0.0

    def estimate(self, seconds: float | None) -> None:
        """Set the estimated time of the whole run; None if there is none."""
        self._estimate = seconds

    def progress(self, percent: float) -> None:
        """Set how much of the run is done."""
        self._percent = min(max(float(percent), 0.0), 100.0)

    def text(self) -> str:
        """Return the time that is left; empty if it is not known, or the run has just begun or is nearly done."""
        elapsed = self._clock() - self._start
        if elapsed < SECONDS_BEFORE_TIMES:
            return ""
        if self._percent >= RELIABLE_PERCENT:
            seconds = elapsed * (100.0 - self._percent) / self._percent
        elif self._estimate is not None and self._estimate > elapsed:
            seconds = self._estimate - elapsed
        else:
            return ""
        return format_duration(seconds) if seconds >= 1.0 else ""


def format_duration(seconds: float) -> str:
    """Return a duration as text, in the unit that suits it.

    Examples
    --------
    >>> format_duration(40), format_duration(150), format_duration(9_000), format_duration(200_000)
    ('40 s', '2 min', '2.5 hours', '2.3 days')
    """
    if seconds < 90:
        return tr("{count:.0f} s").format(count=seconds)
    if seconds < 90 * MINUTE:
        return tr("{count:.0f} min").format(count=seconds / MINUTE)
    if seconds < 2 * DAY:
        return tr("{count:.1f} hours").format(count=seconds / HOUR)
    if seconds < YEAR:
        return tr("{count:,.1f} days").format(count=seconds / DAY)
    return tr("{count:# year|# years}").format(count=round(seconds / YEAR))


def _advice() -> str:
    return tr(
        "Fewer focal nodes, pairs or maps, a smaller raster (clip it), or coarser cells take less time; so do larger "
        "blocks or a shorter dependency range with moving windows, and a larger landmark spacing with habitat."
    )
