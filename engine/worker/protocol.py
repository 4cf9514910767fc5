"""The worker's voice: one JSON object a line on standard output."""

import json
import math
from typing import Any, TextIO


class Reporter:
    """Says to the process that started the worker what happens.

    Parameters
    ----------
    stream
        Where the lines go.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def progress(self, percent: int | float, text: str) -> None:
        """Say how far the work is, 0 to 100, and what is being done."""
        self._say("progress", percent=round(float(percent), 2), text=text)

    def message(self, text: str) -> None:
        """Say something that the user may want to read."""
        self._say("message", text=text)

    def warning(self, text: str) -> None:
        """Say something that the user should read."""
        self._say("warning", text=text)

    def metric(self, name: str, value: float | int | str) -> None:
        """Say a number before the end."""
        self._say("metric", name=name, value=value)

    def partial_result(self, name: str, files: dict[str, str], metrics: dict[str, Any]) -> None:
        """Say that a part of the result lies in the job's folder: its files by what they hold, and what is known."""
        self._say(
            "partial_result", name=name, files=files, metrics={key: plain(value) for key, value in metrics.items()}
        )

    def estimate(self, bytes_: int, seconds: float | None, free_bytes: int | None) -> None:
        """Say what the job will need and what there is, in bytes and seconds."""
        self._say("estimate", bytes=int(bytes_), seconds=seconds, free_bytes=free_bytes)

    def probe(self, what: dict[str, Any]) -> None:
        """Say what this environment is."""
        self._say("probe", **what)

    def error(self, kind: str, text: str) -> None:
        """Say why the job failed: kind is "input", "memory" or "internal"."""
        self._say("error", kind=kind, text=text)

    def _say(self, type_: str, **what: Any) -> None:
        self._stream.write(json.dumps({"type": type_, **what}, allow_nan=False) + "\n")
        self._stream.flush()


def plain(value: Any) -> Any:
    """Return a number that JSON can hold: infinite and NaN become None, NumPy's become Python's."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
