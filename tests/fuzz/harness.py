"""Processes that run draws: one that crashes or hangs costs its draw and is replaced."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUILD = Path(__file__).resolve().parents[2] / "build"

#: Seconds for one draw, and for the start of QGIS.
DRAW_SECONDS, START_SECONDS = 60.0, 120.0
#: Draws after which a process is replaced: long enough that one draw can harm the next, as in a long session.
DRAWS_A_PROCESS = 150


@dataclass
class Process:
    """A QGIS process, whose engine stays loaded and ends with it, in a folder of its own."""

    seed: int
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="permea-fuzz-")))

    def __post_init__(self) -> None:
        home = self.folder / "home"
        (home / "run").mkdir(parents=True, mode=0o700)
        # Compiled code is shared with all sessions.
        engine = self.folder / "python"
        caches = f'JAX_COMPILATION_CACHE_DIR="{BUILD}/jax-cache" NUMBA_CACHE_DIR="{BUILD}/loops"'
        python = os.environ["PERMEA_ENGINE_PYTHON"]
        engine.write_text(f'#!/bin/sh\nexport {caches}\nexec "{python}" "$@"\n', encoding="utf-8")
        engine.chmod(0o755)
        environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
        environment |= {"PERMEA_ENGINE_PYTHON": str(engine), "TMPDIR": str(self.folder)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent), "--worker", str(self.folder), "--seed", str(self.seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=self.folder,  # a relative path is one below it
            start_new_session=True,
        )
        self.numbers: list[int] = []
        self._unread = b""
        self.algorithms: list[str] = self._answer(START_SECONDS) or []

    def run(self, number: int) -> dict[str, Any]:
        """Run a draw; return its record, also if the process crashes or hangs."""
        self.numbers.append(number)
        try:
            self._process.stdin.write(f"{number}\n".encode())
            self._process.stdin.flush()
            answer = self._answer(DRAW_SECONDS)
        except BrokenPipeError:
            answer = None
        if answer is not None:
            return answer
        try:
            self._process.wait(1)
            hangs = False
        except subprocess.TimeoutExpired:
            hangs = True
            self._process.send_signal(signal.SIGUSR1)  # writes where it hangs
            select.select([], [], [], 0.5)
        status = self._process.poll()
        log = (self.folder / "qgis.log").read_text(errors="replace")[-3000:]
        what = f"no end after {DRAW_SECONDS:.0f} s" if hangs else f"QGIS ended with status {status}"
        earlier = f"; before it in this process: {self.numbers[-6:-1]}"
        record = {"number": number, "outcome": "hang" if hangs else "crash", "message": log, "seconds": DRAW_SECONDS}
        record |= {"algorithm": self.algorithms[number % len(self.algorithms)] if self.algorithms else "?"}
        return {**record, "words": (), "errors": [f"{record['outcome']}: {what}{earlier}"]}

    def _answer(self, seconds: float) -> Any:
        """Return the next answer of the process; None if it does not answer in time, or ends."""
        while b"\n" not in self._unread:
            if not select.select([self._process.stdout], [], [], seconds)[0]:
                return None
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                self._process.wait(10)
                return None
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def end(self, keep: bool = False) -> None:
        """End the process and its engine."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.poll()
        self._process.wait()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def run_draws(
    seed: int, numbers: Sequence[int], processes: int, on_record: Callable[[dict[str, Any]], None] = lambda record: None
) -> list[dict[str, Any]]:
    """Run draws in several processes; return their records in the order of their numbers.

    Parameters
    ----------
    seed, numbers
        The draws; see `draws.make_draw`.
    processes
        How many run at once.
    on_record
        Called with each record as it comes.
    """
    waiting, records, lock = list(numbers)[::-1], [], threading.Lock()

    def work() -> None:
        process = None
        while True:
            with lock:
                number = waiting.pop() if waiting else None
            if number is None or (process is not None and len(process.numbers) >= DRAWS_A_PROCESS):
                process = process.end() if process is not None else None
            if number is None:
                return
            process = process or Process(seed)
            record = process.run(number)
            if record["outcome"] in ("hang", "crash"):
                process = process.end()
                record["repeated"] = _repeat_in_new_process(seed, number)
                if record["outcome"] == "hang" and record["repeated"] not in ("hang", "crash"):
                    record["errors"] = []  # it was only slow, next to other processes
            with lock:
                records.append(record)
                on_record(record)

    threads = [threading.Thread(target=work) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(records, key=lambda record: record["number"])


def _repeat_in_new_process(seed: int, number: int) -> str:
    """Return the outcome of a draw in a process of its own."""
    process = Process(seed)
    try:
        return process.run(number)["outcome"]
    finally:
        process.end()


def all_algorithms(seed: int = 0) -> list[str]:
    """Return the names of the provider's algorithms, in the order of the draws."""
    process = Process(seed)
    process.end()
    return process.algorithms
