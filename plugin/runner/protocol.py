"""The messages of the worker, one JSON object a line, and how the user sees them."""

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

# Every line in QGIS's log costs a redraw: a worker that prints without end must not freeze the window.
MAX_STRAY_LINES = 50

# So does every progress text: of texts that begin with the same word, only one in this time is shown.
PROGRESS_TEXT_SECONDS = 2.0


class MessageHandler:
    """Interprets the worker's standard output line by line.

    Parameters
    ----------
    feedback
        Receives progress, messages and warnings.
    on_partial_result
        Called with each partial result: its name, its files by name of the array, and its metrics.

    Attributes
    ----------
    error
        The worker's last ``error`` message, empty if there was none.
    refusal
        Why the run must be stopped, if its estimate exceeds the free memory.
    """

    def __init__(self, feedback: QgsProcessingFeedback, on_partial_result: OnPartialResult | None = None) -> None:
        self._feedback, self._on_partial_result = feedback, on_partial_result
        self._text, self._text_at = "", 0.0
        self._stray = 0
        self.error: dict[str, str] = {}
        self.refusal: OutOfMemory | None = None

    def handle_line(self, line: str) -> bool:
        """Handle one line; return False if the worker must be stopped."""
        message = _parse(line)
        handle = getattr(self, f"_handle_{message.get('type')}", None) if message else None
        if handle is None or not handle(message):
            self._show_stray_line(line)
        return self.refusal is None

    def close(self) -> None:
        """Log the number of lines that were not shown."""
        if self._stray > MAX_STRAY_LINES:
            self._feedback.pushConsoleInfo(
                tr("({count} more lines of this kind)").format(count=self._stray - MAX_STRAY_LINES)
            )

    # Each handler returns False if the message is incomplete; the line is then shown unchanged.

    def _handle_estimate(self, message: dict) -> bool:
        needed, free = message.get("bytes"), message.get("free_bytes")
        if not _is_number(needed) or not (free is None or _is_number(free)):
            return False
        self.refusal = check_memory(needed, free, self._feedback)
        return True

    def _handle_progress(self, message: dict) -> bool:
        percent, text = message.get("percent"), message.get("text", "")
        if not _is_number(percent) or not isinstance(text, str):
            return False
        self._feedback.setProgress(min(max(float(percent), 0.0), 100.0))
        if text and text != self._text and not self._is_too_soon(text):
            self._feedback.setProgressText(text)
            self._text, self._text_at = text, time.monotonic()
        return True

    def _is_too_soon(self, text: str) -> bool:
        same_kind = text.partition(" ")[0] == self._text.partition(" ")[0]
        return same_kind and time.monotonic() - self._text_at < PROGRESS_TEXT_SECONDS

    def _handle_message(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._feedback.pushInfo(message["text"])
        return True

    def _handle_warning(self, message: dict) -> bool:
        if not isinstance(message.get("text"), str):
            return False
        self._feedback.pushWarning(message["text"])
        return True

    def _handle_metric(self, message: dict) -> bool:
        if not isinstance(message.get("name"), str) or "value" not in message:
            return False
        self._feedback.pushInfo(f"{message['name']}: {message['value']}")
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
        self.error = {"kind": message["kind"], "text": message["text"]}
        return True

    def _show_stray_line(self, line: str) -> None:
        if not line.strip():
            return
        self._stray += 1
        if self._stray <= MAX_STRAY_LINES:
            self._feedback.pushConsoleInfo(line[:1000])


def _parse(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
