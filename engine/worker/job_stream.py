"""Jobs from standard input, one line of JSON each, in a process that ends when its parent ends."""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import psutil

#: Seconds between two checks of the parent process.
PARENT_SECONDS = 1.0


class JobLines:
    r"""The lines of a stream, which a thread reads as they arrive.

    Parameters
    ----------
    stream
        For example standard input.

    Examples
    --------
    >>> from io import BytesIO
    >>> [job_folder(line).name for line in JobLines(BytesIO(b'{"job": "a"}\n{"job": "b"}\n'))]
    ['a', 'b']
    """

    def __init__(self, stream: Iterable[bytes]):
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(stream,), name="permea-jobs", daemon=True).start()

    def __iter__(self) -> Iterator[bytes]:
        """Wait for the lines and yield them, until the stream is closed."""
        while (line := self._lines.get()) is not None:
            yield line

    def is_waiting(self) -> bool:
        """Return whether a line, or the end of the stream, has arrived."""
        return not self._lines.empty()

    def _read(self, stream: Iterable[bytes]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)


def take_standard_input() -> BinaryIO:
    """Return standard input, and give libraries and child processes an empty one in its place."""
    stream = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    return stream


def job_folder(line: bytes) -> Path:
    """Return the job folder that a line names.

    Raises
    ------
    ValueError
        The line is not a JSON object with the path of a folder under the key ``job``.

    Examples
    --------
    >>> job_folder(b'{"job": "jobs/1"}') == Path("jobs/1")
    True
    """
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("job"), str):
        shown = line.decode("utf-8", errors="replace").strip()
        raise ValueError(f'a line of standard input is {shown!r}: give {{"job": "FOLDER"}}')
    return Path(request["job"])


def end_with_parent(seconds: float = PARENT_SECONDS) -> None:
    """End this process, whatever it is doing, when its parent process has ended.

    Parameters
    ----------
    seconds
        Seconds between two checks of the parent.
    """
    number = os.getppid()
    try:
        parent = psutil.Process(number)
    except psutil.NoSuchProcess:
        os._exit(1)

    def watch() -> None:
        """Check the parent until it has ended."""
        # On Linux and macOS an orphan has another parent; on Windows it keeps the number of the dead one.
        while os.getppid() == number and parent.is_running():
            time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, name="permea-parent", daemon=True).start()
