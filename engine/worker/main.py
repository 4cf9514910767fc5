"""Runs one job folder, or says what this environment is."""

import os
import platform
import re
import sys
import time
import traceback
from pathlib import Path

import jax
import psutil

from .job_folder import read_job, write_result
from .protocol import Reporter
from .task import Job, tasks

DONE, FAILED, REFUSED, NO_MEMORY = 0, 1, 2, 3


def main(arguments: list[str]) -> int:
    """Run what the command line asks for and return the exit status.

    Parameters
    ----------
    arguments
        A job folder, or `--probe`.

    Returns
    -------
    int
        0 done; 1 failed; 2 the input was refused; 3 not enough memory.
    """
    # Whatever a library prints must not get between the lines of the report.
    report = Reporter(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if arguments == ["--probe"]:
        report.probe(probe())
        return DONE
    if len(arguments) != 1 or arguments[0].startswith("-"):
        report.error("input", "usage: python -m engine JOBDIR, or python -m engine --probe")
        return REFUSED
    try:
        return _run(Path(arguments[0]), report)
    except ValueError as error:
        report.error("input", str(error))
        return REFUSED
    except MemoryError as error:
        return _out_of_memory(report, error)
    except OSError as error:
        traceback.print_exc()
        report.error("internal", f"The answer could not be written: {error}. Is the disk full, or its use limited?")
        return FAILED
    except Exception as error:
        traceback.print_exc()
        # An error inside a callback reaches us wrapped in XLA's words and frames.
        text = _innermost(str(error))
        if re.search(r"RESOURCE_EXHAUSTED|Out of memory|MemoryError|bad_alloc", str(error)):
            return _out_of_memory(report, error)
        if wrapped := re.match(r"ValueError: (.*)", text):
            report.error("input", wrapped[1])
            return REFUSED
        report.error("internal", re.sub(r"^\w+: ", "", text))
        return FAILED


def _run(folder: Path, report: Reporter) -> int:
    name, parameters, inputs = read_job(folder)
    known = tasks()
    if name not in known:
        raise ValueError(f'there is no task "{name}"; this engine knows {", ".join(sorted(known))}')
    job = Job(parameters, inputs, report, folder)
    try:
        need = known[name].estimate(job)
    except KeyError as missing:
        raise ValueError(f"the job lacks {missing}") from None
    report.estimate(need.bytes, need.seconds, psutil.virtual_memory().available)
    started = time.perf_counter()
    answer = known[name].run(job)
    metrics = {
        **answer.metrics,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory_bytes": peak_memory(),
    }
    report.progress(99, "Writing the answer")
    write_result(folder, type(answer)(answer.outputs, metrics))
    report.progress(100, "Done")
    return DONE


def peak_memory() -> int:
    """Return the most memory this process has used so far, in bytes."""
    try:
        import resource
    except ImportError:  # Windows, where the system keeps the peak itself
        return psutil.Process().memory_info().peak_wset
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def probe() -> dict:
    """Return what this environment is: versions, devices, memory."""
    import equinox
    import numpy
    import scipy

    devices = jax.devices()
    return {
        "executable": sys.executable,
        "versions": {
            "python": platform.python_version(),
            "jax": jax.__version__,
            "equinox": equinox.__version__,
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
        },
        "device": devices[0].platform,
        "devices": [f"{device.platform}: {device.device_kind}" for device in devices],
        "memory_bytes": psutil.virtual_memory().total,
        "free_bytes": psutil.virtual_memory().available,
        "cores": os.cpu_count(),
    }


def _out_of_memory(report: Reporter, error: BaseException) -> int:
    free = psutil.virtual_memory().available
    report.error(
        "memory", f"the memory ran out ({_innermost(str(error)) or 'MemoryError'}); {free / 2**30:.1f} GB are free"
    )
    return NO_MEMORY


def _innermost(text: str) -> str:
    """Return the last line of an error that carries a traceback in its text: what was actually raised."""
    lines = [line for line in text.split("--------------------")[0].splitlines() if line.strip()]
    raised = [line.strip() for line in lines if re.match(r"\s*\w*(Error|Exception)\b", line)]
    return (raised or lines or [""])[-1]
