"""A process of the engine that runs one job after the other."""

from __future__ import annotations

import dataclasses
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..detailed_exception import internal_error
from ..process_runner import LOG_LINES_KEPT, Outcome, ProcessResult, run_process

# Seconds between two checks for cancellation.
POLL_SECONDS = 0.05

# Most batches of lines that wait to be handled; the process waits while there are more.
BATCHES = 16

# Beginnings of the lines by which the engine reports that it is loaded, and that a job has ended.
READY, DONE = '{"type": "ready"', '{"type": "done"'

# Status of a job that needs a process of its own.
DECLINED_STATUS = 4


@dataclass(frozen=True)
class JobEnd:
    """How a job ended.

    Parameters
    ----------
    result
        The end of the process or, if that goes on, of the job.
    begun
        Whether the engine has reported anything about the job; if not, another process can run it.
    memory_bytes
        Memory that the process keeps; None if it has ended.
    """

    result: ProcessResult
    begun: bool
    memory_bytes: int | None = None

    @property
    def is_declined(self) -> bool:
        """Whether the job needs a process of its own."""
        return self.memory_bytes is not None and self.result.status == DECLINED_STATUS


class WorkerProcess:
    """A process of the engine, started at once, that waits for jobs.

    A thread starts the process, reads its output, and ends with it; all methods may be called from any thread.

    Parameters
    ----------
    command
        Program and arguments, ``python -m engine --serve``.
    environment
        All environment variables.
    folder
        The working directory.
    idle_seconds
        Time without a job after which the process is ended; None for no limit.

    Attributes
    ----------
    process_id
        The number that the engine gives when it is loaded and its first job has been sent; None before.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: str,
        *,
        idle_seconds: float | None = None,
    ) -> None:
        self.idle_seconds = idle_seconds
        self.process_id: int | None = None
        self._jobs: queue.Queue[str | None] = queue.Queue()
        self._output: queue.Queue[list[str] | ProcessResult] = queue.Queue(BATCHES)
        self._batch: list[str] = []
        self._log: deque[str] = deque(maxlen=LOG_LINES_KEPT)
        self._is_busy = False
        self._killed = threading.Event()
        self._command, self._environment, self._folder = list(command), dict(environment), folder
        # A daemon: it must not keep Python from ending, and the process ends when its standard input is closed.
        self._thread = threading.Thread(target=self._supervise, name="permea-engine", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process may take a job, as far as is known."""
        return self._thread.is_alive() and not self._killed.is_set()

    def run_job(
        self,
        folder: Path,
        *,
        on_line: Callable[[str], bool],
        is_cancelled: Callable[[], bool],
        while_waiting: Callable[[], None] = lambda: None,
    ) -> JobEnd:
        """Run a job folder and wait for it; the callbacks, as of `run_process`, are called in this thread.

        Parameters
        ----------
        folder
            The job folder.
        on_line, is_cancelled, while_waiting
            See `run_process`.
        """
        start, begun = time.monotonic(), False
        self._jobs.put(json.dumps({"job": str(folder)}) + "\n")
        try:
            while True:
                if is_cancelled():
                    return self._stopped(Outcome.CANCELLED, begun)
                while_waiting()
                try:
                    lines = self._output.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(lines, ProcessResult):
                    cancelled = is_cancelled() and lines.outcome is Outcome.EXITED
                    outcome = Outcome.CANCELLED if cancelled else lines.outcome
                    return JobEnd(dataclasses.replace(lines, outcome=outcome), begun)
                for line in lines:
                    if line.startswith(DONE) and (done := _numbers(line, "status", "memory_bytes")):
                        seconds = time.monotonic() - start
                        outcome = Outcome.CANCELLED if is_cancelled() else Outcome.EXITED
                        return JobEnd(ProcessResult(outcome, done[0], tuple(self._log), "", seconds), begun, done[1])
                    if line.startswith(READY) and (ready := _numbers(line, "pid")):
                        (self.process_id,) = ready
                        continue
                    begun = True
                    if not on_line(line):
                        return self._stopped(Outcome.STOPPED, begun)
        except BaseException:
            self.end()
            raise

    def kill(self) -> None:
        """End the process within a twentieth of a second, without waiting for it."""
        self._killed.set()
        self._jobs.put(None)

    def end(self) -> ProcessResult:
        """End the process, and return when it has ended; its remaining output is dropped."""
        self.kill()
        while not isinstance(lines := self._output.get(), ProcessResult):
            continue
        self._output.put(lines)
        return lines

    def _stopped(self, outcome: Outcome, begun: bool) -> JobEnd:
        return JobEnd(dataclasses.replace(self.end(), outcome=outcome), begun)

    # In the thread of the process

    def _supervise(self) -> None:
        try:
            ended = run_process(
                self._command,
                environment=self._environment,
                folder=self._folder,
                on_line=self._collect,
                is_cancelled=self._killed.is_set,
                while_waiting=self._pass_on,
                next_input=self._next_job,
                log=self._log,
            )
        except Exception as error:  # a run that waits for its job must learn of it
            ended = ProcessResult(Outcome.FAILED_TO_START, -1, (internal_error(), repr(error)), str(error), 0.0)
        self._pass_on()
        self._output.put(ended)

    def _collect(self, line: str) -> bool:
        self._batch.append(line)
        if line.startswith(DONE):
            self._is_busy = False
        return True

    def _pass_on(self) -> None:
        batch, self._batch = self._batch, []
        while batch:
            try:
                self._output.put(batch, timeout=POLL_SECONDS)
                return
            except queue.Full:
                if self._killed.is_set():
                    return

    def _next_job(self) -> str | None:
        if self._is_busy:
            return None
        try:
            job = self._jobs.get(timeout=self.idle_seconds)
        except queue.Empty:
            job = None
        if job is None:
            self._killed.set()
            return None
        self._is_busy = True
        self._log.clear()
        return job


def _numbers(line: str, *names: str) -> tuple[int, ...] | None:
    """Return whole numbers of a message by their names; None if the line is something else."""
    try:
        message = json.loads(line)
        return tuple(int(message[name]) for name in names)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
