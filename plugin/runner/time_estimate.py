"""The estimated time of a run: what the user reads about it, and when a run is not started."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .errors import InvalidInput

MINUTE, HOUR, DAY, YEAR = 60.0, 3600.0, 86_400.0, 365.25 * 86_400.0

# Shorter runs need no estimate; longer ones are worth a second thought; the longest cannot be waited for, even if the
# estimate is wrong by a factor of ten.
SECONDS_WITHOUT_ESTIMATE = 10.0
SECONDS_OF_WARNING = HOUR
SECONDS_OF_REFUSAL = 10 * YEAR


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
    return tr("{count:,.0f} years").format(count=seconds / YEAR)


def _advice() -> str:
    return tr(
        "Fewer focal nodes, pairs or maps, a smaller raster (clip it), or coarser cells take less time; so do larger "
        "blocks or a shorter dependency range with moving windows, and a larger landmark spacing with habitat."
    )
