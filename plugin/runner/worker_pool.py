"""The process of the engine that stays loaded between runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from ..engine_environment import MODULE_ARGUMENTS, EngineInfo, engine_files, scrubbed_environment
from ..process_runner import Outcome
from ..settings import KEEP_MINUTES, stored_settings
from .system_memory import free_memory
from .worker_process import JobEnd, WorkerProcess

# A process that keeps more than this fraction of the free memory after a run is ended.
KEPT_FRACTION = 0.25

SECONDS_PER_MINUTE = 60.0


class WorkerPool:
    """Runs jobs in processes of the engine, of which at most one waits for the next job.

    A process is used again if the interpreter, the engine's files, the environment and the settings are the same as
    when it was started, and its last job ended well: with a result, or with an error about the input. It is ended after
    a time without a job, which is a setting, with QGIS, and before a job that needs much memory. Runs at the same time
    have processes of their own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: tuple[object, WorkerProcess] | None = None
        self._idle_memory: int | None = None

    def run_job(
        self,
        engine: EngineInfo,
        folder: Path,
        *,
        on_line: Callable[[str], bool],
        is_cancelled: Callable[[], bool],
        while_waiting: Callable[[], None] = lambda: None,
    ) -> JobEnd:
        """Run a job folder and wait for it.

        Parameters
        ----------
        engine
            The engine.
        folder, on_line, is_cancelled, while_waiting
            See `WorkerProcess.run_job`.

        Returns
        -------
        JobEnd
            With the memory of the process if it stays loaded.
        """
        key, seconds = _key(engine), _idle_seconds()

        def run_in(worker: WorkerProcess) -> JobEnd:
            worker.idle_seconds = seconds
            return worker.run_job(folder, on_line=on_line, is_cancelled=is_cancelled, while_waiting=while_waiting)

        worker = self._take(key)
        if worker is not None:
            end = run_in(worker)
            died_before = not end.begun and end.memory_bytes is None and end.result.outcome is not Outcome.CANCELLED
            if not (died_before or end.is_declined):
                return self._keep(key, engine, worker, end)
            worker.kill()
        worker = _start(engine)
        return self._keep(key, engine, worker, run_in(worker))

    def waits(self) -> bool:
        """Return whether a process waits for a job."""
        with self._lock:
            return self._idle is not None and self._idle[1].is_alive

    def waiting_process_id(self) -> int | None:
        """Return the number of the process that waits and has run jobs; None if there is none."""
        with self._lock:
            return self._idle[1].process_id if self._idle is not None and self._idle[1].is_alive else None

    def idle_memory(self) -> int | None:
        """Return the bytes that the process which waits has kept after its last job; None if there is none."""
        return self._idle_memory if self.waits() else None

    def close(self) -> None:
        """End the process that waits, if any."""
        with self._lock:
            idle, self._idle = self._idle, None
        if idle is not None:
            idle[1].end()

    def _take(self, key: object) -> WorkerProcess | None:
        with self._lock:
            idle, self._idle = self._idle, None
        if idle is None:
            return None
        idle_key, worker = idle
        if idle_key == key and worker.is_alive:
            return worker
        worker.kill()
        return None

    def _keep(self, key: object, engine: EngineInfo, worker: WorkerProcess, end: JobEnd) -> JobEnd:
        """Keep the process of a job that ended well, or start another one in the background; return the end."""
        stays = (
            end.memory_bytes is not None and end.result.outcome is Outcome.EXITED and not _is_large(end.memory_bytes)
        )
        if stays and _idle_seconds() > 0:
            self._replace_idle(key, worker, end.memory_bytes)
            return end
        worker.kill()
        if _idle_seconds() > 0 and worker.process_id is not None and end.result.outcome is not Outcome.CRASHED:
            self._replace_idle(key, _start(engine))
        return JobEnd(end.result, end.begun)

    def _replace_idle(self, key: object, worker: WorkerProcess, memory_bytes: int | None = None) -> None:
        with self._lock:
            previous, self._idle, self._idle_memory = self._idle, (key, worker), memory_bytes
        if previous is not None:
            previous[1].kill()


def _idle_seconds() -> float:
    """Return how long a process stays loaded without a job."""
    return SECONDS_PER_MINUTE * KEEP_MINUTES.value()


def _start(engine: EngineInfo) -> WorkerProcess:
    command = [engine.python, *MODULE_ARGUMENTS, "--serve"]
    return WorkerProcess(command, scrubbed_environment(engine.folder), engine.folder, idle_seconds=_idle_seconds())


def _key(engine: EngineInfo) -> object:
    """Return what must be the same for a process to be used again."""
    return (
        engine.python,
        engine_files(engine.python, engine.folder),
        scrubbed_environment(engine.folder),
        stored_settings(),
    )


def _is_large(memory_bytes: int) -> bool:
    free = free_memory()
    return free is not None and memory_bytes > KEPT_FRACTION * (free + memory_bytes)


#: The pool of this QGIS.
WORKERS = WorkerPool()
