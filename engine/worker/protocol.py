"""Messages of the worker: one JSON object a line on standard output."""

import json
import math
import os
from typing import Any, TextIO


class Reporter:
    """Writer of messages to the process that started the worker.

    Parameters
    ----------
    stream
        Receives the lines.

    Attributes
    ----------
    estimated_bytes
        The expected memory of the job; None before it is known.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.estimated_bytes: int | None = None

    def estimate(self, nbytes: int, seconds: float | None, free_bytes: int | None) -> None:
        """Report the expected memory and time of the job, and the free memory."""
        self.estimated_bytes = int(nbytes)
        self._write("estimate", bytes=int(nbytes), seconds=seconds, free_bytes=free_bytes)

    def progress(self, percent: int | float, text: str) -> None:
        """Report progress in percent, and the current step."""
        self._write("progress", percent=round(float(percent), 2), text=text)

    def message(self, text: str) -> None:
        """Log information for the user."""
        self._write("message", text=text)

    def detail(self, text: str) -> None:
        """Log information for engineers rather than for the user."""
        self._write("detail", text=text)

    def warning(self, text: str) -> None:
        """Log a warning for the user."""
        self._write("warning", text=text)

    def metric(self, name: str, value: float | int | str) -> None:
        """Report a scalar before the end of the job."""
        self._write("metric", name=name, value=value)

    def partial_result(self, name: str, files: dict[str, str], metrics: dict[str, Any]) -> None:
        """Report part of the result: the files of its arrays in the job folder by name, and scalars by name."""
        plain = {key: to_json(value) for key, value in metrics.items()}
        self._write("partial_result", name=name, files=files, metrics=plain)

    def ready(self, memory_bytes: int) -> None:
        """Report that the process has loaded its code and waits for jobs, with its number and its memory."""
        self._write("ready", pid=os.getpid(), memory_bytes=memory_bytes)

    def done(self, status: int, memory_bytes: int) -> None:
        """Report that a job has ended and that the process waits for the next one, with the memory that it keeps."""
        self._write("done", status=status, memory_bytes=memory_bytes)

    def probe(self, environment: dict[str, Any]) -> None:
        """Report the worker's environment."""
        self._write("probe", **environment)

    def answer(self, type_: str, **content: Any) -> None:
        """Answer a request of an interactive session; scalars that JSON cannot hold become None."""
        self._write(type_, **{key: to_json(value) for key, value in content.items()})

    def error(self, kind: str, text: str) -> None:
        """Report why the job failed; the kind is one of `failures.FailureKind`."""
        self._write("error", kind=str(kind), text=text)

    def _write(self, type_: str, **content: Any) -> None:
        self._stream.write(json.dumps({"type": type_, **content}, allow_nan=False) + "\n")
        self._stream.flush()


def to_json(value: Any) -> Any:
    """Return a scalar as JSON can hold it: NumPy's numbers as Python's, infinity and NaN as None.

    Examples
    --------
    >>> import numpy as np
    >>> to_json(np.float64(0.5)), to_json(np.inf)
    (0.5, None)
    """
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
