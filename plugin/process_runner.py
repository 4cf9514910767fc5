"""Run a subprocess and handle its output: the only module of the plugin that starts one."""

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

# Lines of a log in memory.
LOG_LINES_KEPT = 200

# Longer lines are split, so that output without line ends cannot fill the memory.
MAX_LINE_BYTES = 1 << 20

# Characters of a line of the log; of more bytes than this that arrive at a time, the log keeps the last ones.
LOG_LINE_LENGTH = 2_000
LOG_BYTES_AT_ONCE = 1 << 20


class Outcome(enum.Enum):
    """How a process ended."""

    EXITED = "exited"
    CRASHED = "crashed"
    FAILED_TO_START = "failed to start"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class ProcessResult:
    """A process that has ended.

    Parameters
    ----------
    outcome
        How it ended.
    status
        The exit status; after a crash on Linux and macOS the number of the signal.
    log
        The last lines of its standard error.
    reason
        Qt's message for a process that failed to start.
    seconds
        Its run time.
    """

    outcome: Outcome
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
    while_waiting: Callable[[], None] = lambda: None,
    next_input: Callable[[], str | None] | None = None,
    log: deque[str] | None = None,
    timeout: float | None = None,
) -> ProcessResult:
    """Run a command and pass each line of its standard output to a callback.

    The process belongs to the calling thread, which needs no event loop. It has ended when this function returns or
    raises. It may print without end: what is kept does not grow.

    Parameters
    ----------
    command
        Program and arguments; no shell is involved.
    environment
        All environment variables; none is inherited.
    folder
        Its working directory.
    on_line
        Called with each line of standard output, without its end; returns False to kill the process.
    is_cancelled
        Called about twenty times a second; returns True to kill the process.
    while_waiting
        Called as often.
    next_input
        Called as often; returns text to write to standard input, or None. It may wait: the process is left alone
        meanwhile. Without it standard input is empty.
    log
        Receives the lines of standard error, at most as many as it has room for; by default the last
        `LOG_LINES_KEPT`.
    timeout
        Seconds after which the process is killed; None for no limit.
    """
    process = QProcess()
    variables = QProcessEnvironment()
    for name, value in environment.items():
        variables.insert(name, value)
    process.setProcessEnvironment(variables)
    process.setWorkingDirectory(folder)
    if next_input is None:
        process.setStandardInputFile(QProcess.nullDevice())
    output, errors = _LineSplitter(), _LineSplitter()
    log_lines = deque(maxlen=LOG_LINES_KEPT) if log is None else log
    start = time.monotonic()

    def drain(last: bool = False) -> bool:
        written = bytes(process.readAllStandardError())[-LOG_BYTES_AT_ONCE:]
        log_lines.extend(line[:LOG_LINE_LENGTH] for line in errors.split(written, last)[-LOG_LINES_KEPT:])
        return all(on_line(line) for line in output.split(bytes(process.readAllStandardOutput()), last))

    def ended(outcome: Outcome) -> ProcessResult:
        status = process.exitCode() if outcome in (Outcome.EXITED, Outcome.CRASHED) else -1
        return ProcessResult(outcome, status, tuple(log_lines), process.errorString(), time.monotonic() - start)

    process.start(command[0], list(command[1:]))
    if not process.waitForStarted(START_MILLISECONDS):
        return ended(Outcome.FAILED_TO_START)
    try:
        while process.state() != QProcess.ProcessState.NotRunning:
            if is_cancelled():
                return ended(Outcome.CANCELLED)
            while_waiting()
            if next_input is not None and (text := next_input()) is not None:
                process.write(text.encode())
            if timeout is not None and time.monotonic() - start > timeout:
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
    """Splits a stream of bytes into lines of text."""

    def __init__(self) -> None:
        self._rest = b""

    def split(self, data: bytes, last: bool) -> list[str]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (last or len(self._rest) > MAX_LINE_BYTES):
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", errors="replace").rstrip("\r") for line in lines]
