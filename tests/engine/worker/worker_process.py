"""Job folders and the worker that runs them, as the plugin starts it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    def numbers(self):
        return self.result["numbers"]

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
    job = {"format": 1, "task": task, "parameters": {**LANDSCAPE, **parameters}, "inputs": files}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return folder


def start(*arguments):
    """Run `python -m engine …` from the folder of the plugin and wait for it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-m", "engine", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return Ended(done.returncode, lines, done.stderr, Path(arguments[0]) if arguments else ROOT)


def run_job(folder, task, parameters, **inputs):
    """Write a job folder and run it; `valid` is everything that is not NaN unless given."""
    if "landscape" in inputs and "valid" not in inputs:
        inputs["valid"] = ~np.isnan(inputs["landscape"])
    return start(write_job(folder, task, parameters, inputs))
