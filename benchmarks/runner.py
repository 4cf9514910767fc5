"""Measures each case in a process of its own, one after the other, and keeps what it reports."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .case import Case, Implementation
from .landscapes import ROOT
from .targets import Reports

#: Longer than any measurement should take; a process that hangs must not hold up the rest.
TIMEOUT = 3600  # seconds

#: How much smaller the sides are where the benchmarks are only tried, and the smallest.
QUICKER = 20
SMALLEST = 12

#: Where Numba keeps its loops, in the folder of compiled kernels.
LOOPS = "loops"

PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

# The first two choose kernels of OpenBLAS that are slower than what it chooses by itself; the others would bring in
# somebody's packages, or compile otherwise.
LEFT_OUT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH", "PYTHONHOME", "XLA_FLAGS")


@dataclass(frozen=True)
class Measurement:
    """One contender at one work on one raster."""

    work: Case
    contender: Implementation
    landscape: str
    side: int

    @property
    def name(self) -> str:
        """A file's name."""
        words = (self.work.name, self.contender.label, self.landscape, str(self.side))
        return "--".join(re.sub(r"\W+", "-", word.lower()).strip("-") for word in words)


def measurements(work: Case, quick: bool) -> Iterator[Measurement]:
    """List everything that a work needs measured; in the small if it is only to be tried."""
    landscapes = work.landscapes[-1:] if quick else work.landscapes
    for landscape in landscapes:
        for side in sorted({max(SMALLEST, side // QUICKER) for side in work.sides}) if quick else work.sides:
            for contender in work.contenders:
                if side <= contender.largest and (contender.quick or not quick):
                    yield Measurement(work, contender, landscape, side)


class BenchmarkRunner:
    """Where measurements are made and kept.

    Parameters
    ----------
    folder
        Where the reports are kept, as JSON, one a measurement.
    repeat
        How often each is repeated after the first time.
    gpu
        Whether to measure on a GPU; only Permea is, with the Python that runs this.
    """

    def __init__(self, folder: Path, *, repeat: int = 3, gpu: bool = False):
        self.folder = folder
        self.repeat = repeat
        self.gpu = gpu
        folder.mkdir(parents=True, exist_ok=True)

    def measure(self, measurement: Measurement) -> dict:
        """Run a measurement, keep its report and return it."""
        cache = self._cache(measurement)
        case = {
            "program": measurement.contender.program,
            "options": self._options(measurement),
            "landscape": measurement.landscape,
            "side": measurement.side,
            "repeat": measurement.work.repeat or self.repeat,
        }
        python = sys.executable if measurement.contender.is_ours else str(PEERS_PYTHON)
        command = [python, "-m", f"{__package__}.child", json.dumps(case)]
        try:
            ended = subprocess.run(
                command,
                cwd=ROOT,
                env=self._environment(cache, measurement.contender.is_ours),
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
            report = _report(ended)
        except subprocess.TimeoutExpired:
            report = {"error": f"not done after {TIMEOUT} s"}
        kept = {"case": case, "contender": asdict(measurement.contender), **report}
        self._file(measurement).write_text(json.dumps(kept, indent=1), encoding="utf-8")
        return report

    def known(self, measurement: Measurement) -> dict | None:
        """Return the report of an earlier measurement."""
        file = self._file(measurement)
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def reports(self, work: Case, landscape: str, quick: bool = False) -> Reports:
        """Return all that is known of a work on a landscape."""
        found: Reports = {}
        for measurement in measurements(work, quick):
            report = self.known(measurement) if measurement.landscape == landscape else None
            if report is not None:
                found.setdefault(measurement.contender.label, {})[measurement.side] = report
        return found

    def _file(self, measurement: Measurement) -> Path:
        return self.folder / f"{measurement.name}.json"

    def _options(self, measurement: Measurement) -> dict:
        options = dict(measurement.contender.options)
        if "count" in options and "side" in options:  # windows must be smaller than the landscape
            options["side"] = min(options["side"], measurement.side // 2)
        return options

    def _cache(self, measurement: Measurement) -> Path:
        """Return a folder for compiled kernels: one for all, but one for each program whose compilation is timed."""
        contender = measurement.contender
        if not contender.cache:
            return self.folder / "jax-cache"
        cache = self.folder / ("jax-cache-" + contender.program.replace(":", "-"))
        if contender.cache == "empty":
            shutil.rmtree(cache, ignore_errors=True)
        elif contender.cache == "loops":
            for kernel in cache.glob("*"):
                if kernel.name != LOOPS:
                    shutil.rmtree(kernel) if kernel.is_dir() else kernel.unlink()
        return cache

    def _environment(self, cache: Path, ours: bool) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        return {
            **kept,
            "JAX_PLATFORMS": "cuda" if self.gpu else "cpu",
            "JAX_ENABLE_X64": "1",  # for JAXScape; the engine does so by itself
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "NUMBA_CACHE_DIR": str(cache / LOOPS),
            # As the plugin starts its worker; peers run as they come.
            **({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if ours else {}),
            # As the plugin sets them: our kernels are many and small.
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        }


def _report(ended: subprocess.CompletedProcess) -> dict:
    lines = ended.stdout.strip().splitlines()
    if ended.returncode == 0 and lines:
        return json.loads(lines[-1])
    if ended.returncode == -9:
        return {"error": "ended by the system, out of memory"}
    last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
    return {"error": f"ended with {ended.returncode}: {last}"}
