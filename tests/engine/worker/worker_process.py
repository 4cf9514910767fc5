"""Job folders and the worker that runs them, as the plugin starts it."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
#: Exit statuses of the worker.
DONE, REFUSED = 0, 2
LANDSCAPE = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [1.0, 1.0]}


@dataclass(frozen=True)
class Ended:
    """How a job ended: its status, the messages of the worker, its log, and the folder with its results."""

    status: int
    lines: list
    log: str
    folder: Path

    def said(self, type_):
        return [line for line in self.lines if line["type"] == type_]

    @property
    def error(self):
        return self.said("error")[-1]

    @property
    def result(self):
        return json.loads((self.folder / "result.json").read_text(encoding="utf-8"))

    @property
    def metrics(self):
        return self.result["metrics"]

    def output(self, name):
        return np.load(self.folder / self.result["outputs"][name], allow_pickle=False)


def write_job(folder, task, parameters, inputs):
    """Write a job folder; arrays that are None are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, array in inputs.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
            files[name] = f"{name}.npy"
    job = {"format": 2, "task": task, "parameters": {**LANDSCAPE, **parameters}, "inputs": files}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return folder


def command(*arguments):
    """The command line of the worker, its folder and its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # As in the tests' own process: both share what is compiled.
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    return {"args": [sys.executable, "-m", "engine", *map(str, arguments)], "cwd": ROOT, "env": environment}


def start(*arguments):
    """Run a job folder in the process that the session's jobs share, or an option in a process of its own."""
    if len(arguments) != 1 or str(arguments[0]).startswith("-"):
        return start_separately(*arguments)
    if not _servers or _servers[0].process.poll() is not None:
        end_servers()
        _servers.append(Server())
    return _servers[0].run(arguments[0])


def start_separately(*arguments, **environment):
    """Run `python -m engine …` from the folder of the plugin, in a process of its own, and wait for it."""
    how = command(*arguments)
    how["env"] |= environment
    done = subprocess.run(**how, capture_output=True, text=True, timeout=600)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return Ended(done.returncode, lines, done.stderr, Path(arguments[0]) if arguments else ROOT)


class Server:
    """A process that runs one job after the other, as QGIS keeps it."""

    def __init__(self, **environment):
        how = command("--serve")
        how["env"] |= environment
        self._log = tempfile.TemporaryFile("w+")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
        self.process = subprocess.Popen(**how, **pipes, text=True)

    def run(self, folder):
        """Run a job folder and wait for its end, or for that of the process."""
        start = self._log.seek(0, os.SEEK_END)
        self.process.stdin.write(json.dumps({"job": str(folder)}) + "\n")
        self.process.stdin.flush()
        lines, status = [], None
        while status is None:
            line = self.process.stdout.readline()
            lines += [json.loads(line)] if line else []
            if not line:
                status = self.process.wait(60)
            elif lines[-1]["type"] == "done":
                status = lines[-1]["status"]
        self._log.seek(start)
        return Ended(status, lines, self._log.read(), Path(folder))

    def end(self):
        """End the process and close its pipes."""
        self.process.kill()
        self.process.communicate()
        self._log.close()


_servers = []


@atexit.register
def end_servers():
    """End the process that the jobs of a session share."""
    while _servers:
        _servers.pop().end()


def run_job(folder, task, parameters, **inputs):
    """Write a job folder and run it; `valid` marks the cells that are not NaN unless given."""
    if "landscape" in inputs and "valid" not in inputs:
        inputs["valid"] = ~np.isnan(inputs["landscape"])
    return start(write_job(folder, task, parameters, inputs))
