"""Job folders and the worker that runs them, as the plugin starts it."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import warm_worker

ROOT = Path(__file__).resolve().parents[3]
LANDSCAPE = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [1.0, 1.0]}


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its status, what it said, its log, and the folder with what it wrote."""

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


def start(*arguments, warm=True):
    """Run `python -m engine …` from the folder of the plugin and wait for it.

    Jobs of a test session share one process unless `warm` is False; see `warm_worker`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # As in the tests' own process: small jobs spend their time in the compiler, and both share what is compiled.
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    command = [_warm_python() if warm else sys.executable, "-m", "engine", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return Ended(done.returncode, lines, done.stderr, Path(arguments[0]) if arguments else ROOT)


@cache
def _warm_python():
    folder = Path(tempfile.mkdtemp(prefix="permea-warm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(warm_worker.stop, folder)
    return str(warm_worker.launcher(folder, sys.executable))


def run_job(folder, task, parameters, **inputs):
    """Write a job folder and run it; `valid` is everything that is not NaN unless given."""
    if "landscape" in inputs and "valid" not in inputs:
        inputs["valid"] = ~np.isnan(inputs["landscape"])
    return start(write_job(folder, task, parameters, inputs))
