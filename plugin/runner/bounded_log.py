"""A log that stays readable and small, whatever the engine writes into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from qgis.core import QgsProcessingFeedback

from ..i18n import tr

# Every line in QGIS's log costs a redraw and stays in memory: an engine that writes without end must not freeze it.
MAX_STRAY_LINES = 50
MAX_MESSAGES = 1000

# Characters of a line.
MAX_STRAY_LENGTH = 1000
MAX_MESSAGE_LENGTH = 10_000


class BoundedLog:
    """Passes messages to the user's log, up to a number of each kind, and counts the others.

    Parameters
    ----------
    feedback
        Receives them.
    """

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._counts: Counter[str] = Counter()

    def info(self, text: str) -> None:
        """Log information."""
        self._push("info", text, self._feedback.pushInfo)

    def warning(self, text: str) -> None:
        """Log a warning."""
        self._push("warning", text, self._feedback.pushWarning)

    def detail(self, text: str) -> None:
        """Log what is of interest to engineers."""
        self._push("detail", text, self._feedback.pushConsoleInfo)

    def stray(self, line: str) -> None:
        """Log a line that is no message, for example of a library."""
        if not line.strip():
            return
        self._counts["stray"] += 1
        if self._counts["stray"] <= MAX_STRAY_LINES:
            self._feedback.pushConsoleInfo(line[:MAX_STRAY_LENGTH])

    def close(self) -> None:
        """Log how many lines were not shown."""
        if (more := self._counts["stray"] - MAX_STRAY_LINES) > 0:
            self._feedback.pushConsoleInfo(tr("({count:# more line|# more lines} of this kind)").format(count=more))
        if (more := self._counts["info"] - MAX_MESSAGES) > 0:
            self._feedback.pushInfo(tr("({count:# more message is|# more messages are} not shown)").format(count=more))
        if (more := self._counts["warning"] - MAX_MESSAGES) > 0:
            self._feedback.pushWarning(
                tr("({count:# more warning is|# more warnings are} not shown)").format(count=more)
            )

    def _push(self, kind: str, text: str, push: Callable[[str], None]) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= MAX_MESSAGES:
            push(shortened(text, MAX_MESSAGE_LENGTH))


def shortened(text: str, length: int) -> str:
    """Return a text, cut to a number of characters if it is longer.

    Examples
    --------
    >>> shortened("abcdef", 3)
    'abc…'
    """
    return text if len(text) <= length else text[:length] + "…"
