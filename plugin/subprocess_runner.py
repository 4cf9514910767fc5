"""Start one process and listen to it: the only place in the plugin that does."""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qgis.PyQt.QtCore import QProcess, QProcessEnvironment

POLL_MILLISECONDS = 50
START_MILLISECONDS = 30_000
KILL_MILLISECONDS = 5_000

# What is kept of a log, and how much of that an error message shows: enough to see why it ended.
LOG_LINES_KEPT = 200
LOG_LINES_SHOWN = 15

# A "line" longer than this is no line of ours; it is passed on in pieces so that it cannot fill the memory.
LONGEST_LINE = 1 << 20


class Outcome(enum.Enum):
    """How a process came to its end."""

    EXITED = "exited"
    CRASHED = "crashed"
    FAILED_TO_START = "failed to start"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class ProcessResult:
    """What is known about a process that has ended.

    Parameters
    ----------
    ending
        How.
    status
        The exit status, or, of a crash on Linux and macOS, the signal's number.
    log
        The last lines of its standard error.
    reason
        What Qt says about a process that failed to start.
    seconds
        How long it ran.
    """

    ending: Outcome
    status: int
    log: tuple[str, ...]
    reason: str
    seconds: float


def run_process(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: str,
    on_line: Callable[[str], bool],
    is_cancelled: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> ProcessResult:
    """Run a command and hand over each line of its standard output as it comes.

    The process lives and dies in the calling thread, which needs no event loop. However this function is left, the
    process has ended by then.

    Parameters
    ----------
    command
        Program and arguments; no shell is involved.
    environment
        All its environment variables: nothing is inherited.
    folder
        Where it starts.
    on_line
        Takes one line of standard output, without its end; returns False to have the process killed.
    is_cancelled
        Asked about twenty times a second; True has the process killed.
    timeout
        Seconds after which it is killed, or None.
    """
    process = QProcess()
    variables = QProcessEnvironment()
    for name, value in environment.items():
        variables.insert(name, value)
    process.setProcessEnvironment(variables)
    process.setWorkingDirectory(folder)
    process.setStandardInputFile(QProcess.nullDevice())
    output, log = _LineSplitter(), _LineSplitter()
    kept: deque[str] = deque(maxlen=LOG_LINES_KEPT)
    began = time.monotonic()

    def drain(last: bool = False) -> bool:
        kept.extend(log.take(bytes(process.readAllStandardError()), last))
        return all(on_line(line) for line in output.take(bytes(process.readAllStandardOutput()), last))

    def ended(ending: Outcome) -> ProcessResult:
        status = process.exitCode() if ending in (Outcome.EXITED, Outcome.CRASHED) else -1
        return ProcessResult(ending, status, tuple(kept), process.errorString(), time.monotonic() - began)

    process.start(command[0], list(command[1:]))
    if not process.waitForStarted(START_MILLISECONDS):
        return ended(Outcome.FAILED_TO_START)
    try:
        while process.state() != QProcess.ProcessState.NotRunning:
            if is_cancelled():
                return ended(Outcome.CANCELLED)
            if timeout is not None and time.monotonic() - began > timeout:
                return ended(Outcome.TIMED_OUT)
            if not process.waitForReadyRead(POLL_MILLISECONDS):
                # Returns at once when standard output is closed: without this the loop would spin.
                process.waitForFinished(POLL_MILLISECONDS // 5)
            if not drain():
                return ended(Outcome.STOPPED)
        if not drain(last=True):
            return ended(Outcome.STOPPED)
        if is_cancelled():
            return ended(Outcome.CANCELLED)
        crashed = process.exitStatus() == QProcess.ExitStatus.CrashExit
        return ended(Outcome.CRASHED if crashed else Outcome.EXITED)
    finally:
        if process.state() != QProcess.ProcessState.NotRunning:
            process.kill()
            process.waitForFinished(KILL_MILLISECONDS)


class _LineSplitter:
    """Cuts a stream of bytes into lines of text."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, piece: bytes, last: bool) -> list[str]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if self._rest and (last or len(self._rest) > LONGEST_LINE):
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", errors="replace").rstrip("\r") for line in lines]
