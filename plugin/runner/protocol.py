"""What the engine prints while it works, passed on to the user."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .errors import OutOfMemory
from .memory import check_memory

OnPartialResult = Callable[[str, dict, dict], None]

# Every line in QGIS's log costs a redraw: a worker gone wild must not freeze the window.
STRAY_LINES_SHOWN = 50

# So does every step of the progress that is told in words: of steps of one kind, one in so many seconds is shown.
SECONDS_BETWEEN_STEPS = 2.0


class MessageHandler:
    """Listens to the worker's standard output, line by line.

    Parameters
    ----------
    feedback
        Hears what the lines say.
    on_partial_result
        Takes each part of the result that is there before the end: its name, its files by what they hold, and what
        else is known of it.

    Attributes
    ----------
    error
        The worker's last ``error`` line, empty as long as there was none.
    refusal
        Why the run must not go on, once the estimate says so.
    """

    def __init__(self, feedback: QgsProcessingFeedback, on_partial_result: OnPartialResult | None = None) -> None:
        self._feedback, self._on_partial_result = feedback, on_partial_result
        self._text, self._text_at = "", 0.0
        self._stray = 0
        self.error: dict[str, str] = {}
        self.refusal: OutOfMemory | None = None

    def hear(self, line: str) -> bool:
        """Take one line; False means that the worker must be stopped."""
        message = _parsed(line)
        take = getattr(self, f"_take_{message.get('type')}", None) if message else None
        if take is None or not take(message):
            self._show_as_it_came(line)
        return self.refusal is None

    def close(self) -> None:
        """Say how much was left unsaid."""
        if self._stray > STRAY_LINES_SHOWN:
            self._feedback.pushConsoleInfo(
                tr("({count} more lines of this kind)").format(count=self._stray - STRAY_LINES_SHOWN)
            )

    # Each of these returns False where the line lacks what its type promises: it is then shown as it came.

    def _take_estimate(self, message: dict) -> bool:
        needed, free = message.get("bytes"), message.get("free_bytes")
        if not _is_number(needed) or not (free is None or _is_number(free)):
            return False
        self.refusal = check_memory(needed, free, self._feedback)
        return True

    def _take_progress(self, message: dict) -> bool:
        percent, text = message.get("percent"), message.get("text", "")
        if not _is_number(percent) or not isinstance(text, str):
            return False
        self._feedback.setProgress(min(max(float(percent), 0.0), 100.0))
        if text and text != self._text and not self._too_soon(text):
            self._feedback.setProgressText(text)
            self._text, self._text_at = text, time.monotonic()
        return True

    def _too_soon(self, text: str) -> bool:
        same_kind = text.partition(" ")[0] == self._text.partition(" ")[0]
        return same_kind and time.monotonic() - self._text_at < SECONDS_BETWEEN_STEPS

    def _take_message(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._feedback.pushInfo(message["text"])
        return True

    def _take_warning(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._feedback.pushWarning(message["text"])
        return True

    def _take_metric(self, message: dict) -> bool:
        if not isinstance(message.get("name"), str) or "value" not in message:
            return False
        self._feedback.pushInfo(f"{message['name']}: {message['value']}")
        return True

    def _take_partial_result(self, message: dict) -> bool:
        name, files, metrics = (message.get(key) for key in ("name", "files", "metrics"))
        if not (isinstance(name, str) and isinstance(files, dict) and isinstance(metrics, dict)):
            return False
        if self._on_partial_result is not None:
            self._on_partial_result(name, files, metrics)
        return True

    def _take_error(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str) or not isinstance(message.get("kind"), str):
            return False
        self.error = {"kind": message["kind"], "text": message["text"]}
        return True

    def _show_as_it_came(self, line: str) -> None:
        if not line.strip():
            return
        self._stray += 1
        if self._stray <= STRAY_LINES_SHOWN:
            self._feedback.pushConsoleInfo(line[:1000])


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
