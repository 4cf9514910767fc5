"""The messages of the worker, one JSON object a line, and how the user sees them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from .bounded_log import MAX_MESSAGE_LENGTH, BoundedLog, shortened
from .memory import check_memory
from .time_estimate import TimeLeft, check_time, format_duration

OnPartialResult = Callable[[str, dict, dict], None]

# Every progress text costs a redraw of QGIS's log. Texts that begin with the same word, and all texts after the first
# thousand, are shown at most once in this time; so are percentages after the first ten thousand.
PROGRESS_TEXT_SECONDS, TEXTS_AT_ONCE = 2.0, 1000
PERCENTAGE_SECONDS, PERCENTAGES_AT_ONCE = 0.1, 10_000

# The same step is shown again after this time, with the time that is left.
SECONDS_BETWEEN_TIMES = 10.0

# A step that reports nothing for this time is shown with the time that it has taken.
SILENT_SECONDS = 10.0


class MessageHandler:
    """Interprets the worker's standard output line by line.

    Parameters
    ----------
    feedback
        Receives progress, messages and warnings.
    on_partial_result
        Called with each partial result: its name, its files by name of the array, and its metrics.
    silent_seconds
        Time without progress after which `show_silence` shows how long the current step has taken.

    Attributes
    ----------
    error
        The worker's last ``error`` message, empty if there was none.
    refusal
        Why the run must be stopped: its estimate exceeds the free memory, or is of years.
    """

    def __init__(
        self,
        feedback: QgsProcessingFeedback,
        on_partial_result: OnPartialResult | None = None,
        *,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._feedback, self._on_partial_result, self._silent_seconds = feedback, on_partial_result, silent_seconds
        self._log = BoundedLog(feedback)
        self._step, self._text, self._text_at, self._texts = "", "", 0.0, 0
        self._percent, self._percentages, self._percent_at = -1.0, 0, 0.0
        self._step_start = self._last_progress = time.monotonic()
        self._time_left = TimeLeft()
        self._estimated = False
        self.error: dict[str, str] = {}
        self.refusal: QgsProcessingException | None = None

    def handle_line(self, line: str) -> bool:
        """Handle one line; return False if the worker must be stopped."""
        message = _parse(line)
        handle = getattr(self, f"_handle_{message.get('type')}", None) if message else None
        if handle is None or not handle(message):
            self._log.stray(line)
        return self.refusal is None

    def close(self) -> None:
        """Log the number of lines that were not shown."""
        self._log.close()

    def show_silence(self) -> None:
        """Show how long the current step has taken if the worker has reported no progress for a while."""
        now = time.monotonic()
        if now - self._last_progress < self._silent_seconds:
            return
        self._last_progress = now  # so that it is shown again after as long a silence
        step, elapsed = self._step or tr("Computing"), format_duration(now - self._step_start)
        text = tr("{step} (for {elapsed})").format(step=step, elapsed=elapsed)
        self._feedback.setProgressText(self._with_time_left(text))
        self._text_at = now

    def _with_time_left(self, text: str) -> str:
        """Add the time that the run still takes to a text, if it is known and worth mentioning."""
        left = "" if text.endswith(tr("left")) else self._time_left.text()  # batches of windows name it themselves
        return tr("{step}, about {left} left").format(step=text, left=left) if left else text

    # Each handler returns False if the message is incomplete; the line is then shown unchanged.

    def _handle_estimate(self, message: dict) -> bool:
        needed, free, seconds = (message.get(key) for key in ("bytes", "free_bytes", "seconds"))
        if not _is_number(needed) or not all(value is None or _is_number(value) for value in (free, seconds)):
            return False
        if not self._estimated:
            self._estimated = True
            self.refusal = check_memory(needed, free, self._feedback) or check_time(seconds, self._feedback)
            self._time_left.estimate(seconds)
        return True

    def _handle_progress(self, message: dict) -> bool:
        percent, text = message.get("percent"), message.get("text", "")
        if not _is_number(percent) or not isinstance(text, str):
            return False
        now, text = time.monotonic(), shortened(text, MAX_MESSAGE_LENGTH)
        if percent != self._percent or text != self._step:
            self._last_progress = now
        if text != self._step:
            self._step_start = now
        if self._percentages < PERCENTAGES_AT_ONCE or now - self._percent_at >= PERCENTAGE_SECONDS:
            self._feedback.setProgress(min(max(float(percent), 0.0), 100.0))
            self._percentages, self._percent_at = self._percentages + 1, now
        self._percent, self._step = percent, text
        self._time_left.progress(percent)
        is_due = now - self._text_at >= SECONDS_BETWEEN_TIMES and bool(self._time_left.text())
        if text and (text != self._text or is_due) and not self._is_too_soon(text):
            self._feedback.setProgressText(self._with_time_left(text))
            self._text, self._text_at, self._texts = text, now, self._texts + 1
        return True

    def _is_too_soon(self, text: str) -> bool:
        same_kind = text.partition(" ")[0] == self._text.partition(" ")[0] or self._texts > TEXTS_AT_ONCE
        return same_kind and time.monotonic() - self._text_at < PROGRESS_TEXT_SECONDS

    def _handle_message(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._log.info(message["text"])
        return True

    def _handle_detail(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._log.detail(message["text"])
        return True

    def _handle_warning(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._log.warning(message["text"])
        return True

    def _handle_metric(self, message: dict) -> bool:
        if not isinstance(message.get("name"), str) or "value" not in message:
            return False
        self._log.info(f"{message['name']}: {message['value']}")
        return True

    def _handle_partial_result(self, message: dict) -> bool:
        name, files, metrics = (message.get(key) for key in ("name", "files", "metrics"))
        if not (isinstance(name, str) and isinstance(files, dict) and isinstance(metrics, dict)):
            return False
        if self._on_partial_result is not None:
            self._on_partial_result(name, files, metrics)
        return True

    def _handle_error(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str) or not isinstance(message.get("kind"), str):
            return False
        self.error = {"kind": message["kind"], "text": shortened(message["text"], MAX_MESSAGE_LENGTH)}
        return True


def _parse(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
