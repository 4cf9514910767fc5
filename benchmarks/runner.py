"""Runner of the benchmarks: measures each case in a separate process and stores its report."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from .case import Case, Implementation
from .landscapes import ROOT
from .targets import Reports

#: Limit of a measurement, so that a process that hangs does not block the others.
TIMEOUT_SECONDS = 3600

#: Factor by which sides are reduced in a quick trial, and the smallest side.
QUICK_REDUCTION = 20
QUICK_MIN_SIDE = 12

#: Folder of Numba's cache in that of compiled kernels.
NUMBA_CACHE = "numba"

PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

# The first two select kernels of OpenBLAS that are slower than its own choice; the others would import packages of the
# user, or change the compilation.
UNSET_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH", "PYTHONHOME", "XLA_FLAGS")


@dataclass(frozen=True)
class Measurement:
    """One implementation of one case on one raster."""

    case: Case
    implementation: Implementation
    landscape: str
    side: int

    @property
    def name(self) -> str:
        """Name of its file."""
        words = (self.case.name, self.implementation.label, self.landscape, str(self.side))
        return "--".join(re.sub(r"\W+", "-", word.lower()).strip("-") for word in words)


def measurements(case: Case, quick: bool) -> Iterator[Measurement]:
    """Yield all measurements of a case; on small rasters of one landscape in a quick trial."""
    landscapes = case.landscapes[-1:] if quick else case.landscapes
    sides = case.sides
    if quick:
        sides = sorted({max(QUICK_MIN_SIDE, side // QUICK_REDUCTION) for side in case.sides})
    for landscape in landscapes:
        for side in sides:
            for implementation in case.implementations:
                if side <= implementation.max_side and (implementation.quick or not quick):
                    yield Measurement(case, implementation, landscape, side)


class BenchmarkRunner:
    """Runner of measurements, which stores their reports.

    Parameters
    ----------
    folder
        Folder of the reports, one JSON file for each measurement.
    repeat
        Repetitions after the first run.
    gpu
        Whether to measure on a GPU: Permea alone, with this Python.
    """

    def __init__(self, folder: Path, *, repeat: int = 3, gpu: bool = False):
        self.folder = folder
        self.repeat = repeat
        self.gpu = gpu
        folder.mkdir(parents=True, exist_ok=True)

    def measure(self, measurement: Measurement) -> dict:
        """Make a measurement, store its report and return it."""
        implementation = measurement.implementation
        cache = self._kernel_cache(implementation)
        case = {
            "program": implementation.program,
            "options": self._options(measurement),
            "landscape": measurement.landscape,
            "side": measurement.side,
            "repeat": measurement.case.repeat or self.repeat,
        }
        python = sys.executable if implementation.is_permea else str(PEERS_PYTHON)
        command = [python, "-m", f"{__package__}.subprocess_main", json.dumps(case)]
        try:
            completed = subprocess.run(
                command,
                cwd=ROOT,
                env=self._environment(cache, implementation.is_permea),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
            )
            report = _parse_report(completed)
        except subprocess.TimeoutExpired:
            report = {"error": f"not done after {TIMEOUT_SECONDS} s"}
        measured = date.today().isoformat()
        stored = {"case": case, "implementation": asdict(implementation), "measured": measured, **report}
        self._file(measurement).write_text(json.dumps(stored, indent=1), encoding="utf-8")
        return report

    def earlier_report(self, measurement: Measurement) -> dict | None:
        """Return the stored report of a measurement, if there is one."""
        file = self._file(measurement)
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def reports(self, case: Case, landscape: str, quick: bool = False) -> Reports:
        """Return all stored reports of a case on a landscape."""
        reports: Reports = {}
        for measurement in measurements(case, quick):
            report = self.earlier_report(measurement) if measurement.landscape == landscape else None
            if report is not None:
                reports.setdefault(measurement.implementation.label, {})[measurement.side] = report
        return reports

    def _file(self, measurement: Measurement) -> Path:
        return self.folder / f"{measurement.name}.json"

    def _options(self, measurement: Measurement) -> dict:
        options = dict(measurement.implementation.options)
        if "count" in options and "side" in options:  # windows must be smaller than the landscape
            options["side"] = min(options["side"], measurement.side // 2)
        return options

    def _kernel_cache(self, implementation: Implementation) -> Path:
        """Return the folder of compiled kernels: one for all, or one for each program whose compilation is measured."""
        if not implementation.cache:
            return self.folder / "jax-cache"
        cache = self.folder / ("jax-cache-" + implementation.program.replace(":", "-"))
        if implementation.cache == "empty":
            shutil.rmtree(cache, ignore_errors=True)
        elif implementation.cache == "numba":
            for kernel in cache.glob("*"):
                if kernel.name != NUMBA_CACHE:
                    shutil.rmtree(kernel) if kernel.is_dir() else kernel.unlink()
        return cache

    def _environment(self, cache: Path, is_permea: bool) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in UNSET_VARIABLES}
        return {
            **inherited,
            "JAX_PLATFORMS": "cuda" if self.gpu else "cpu",
            "JAX_ENABLE_X64": "1",  # for JAXScape; the engine sets it itself
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "NUMBA_CACHE_DIR": str(cache / NUMBA_CACHE),
            # As the plugin starts its worker; peers run with the defaults.
            **({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if is_permea else {}),
            # As the plugin sets them: Permea's kernels are many and small.
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        }


def _parse_report(completed: subprocess.CompletedProcess) -> dict:
    lines = completed.stdout.strip().splitlines()
    if completed.returncode == 0 and lines:
        return json.loads(lines[-1])
    if completed.returncode == -9:
        return {"error": "ended by the system, out of memory"}
    last_line = (completed.stderr.strip().splitlines() or ["no message"])[-1]
    return {"error": f"ended with {completed.returncode}: {last_line}"}
