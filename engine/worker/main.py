"""Entry point of the worker: run one job folder, or describe this environment."""

import dataclasses
import os
import platform
import re
import sys
import time
import traceback
from pathlib import Path

import jax
import psutil

from ..parallel import available_memory, end_first_if_memory_runs_out, peak_memory
from ..storage import format_bytes
from .job_folder import read_job, write_result
from .protocol import Reporter
from .task import Job
from .tasks import TASKS

#: Exit statuses.
DONE, FAILED, INVALID_INPUT, OUT_OF_MEMORY = 0, 1, 2, 3


def run_command(arguments: list[str]) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments
        A job folder, or `--probe`.

    Returns
    -------
    int
        0 done; 1 failed; 2 invalid input; 3 out of memory.
    """
    # What libraries print to standard output must not get between the messages.
    report = Reporter(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if arguments == ["--probe"]:
        report.probe(probe())
        return DONE
    if len(arguments) != 1 or arguments[0].startswith("-"):
        report.error("input", "usage: python -m engine JOBDIR, or python -m engine --probe")
        return INVALID_INPUT
    try:
        return _run(Path(arguments[0]), report)
    except ValueError as error:
        report.error("input", str(error))
        return INVALID_INPUT
    except MemoryError as error:
        return _report_out_of_memory(report, error)
    except OSError as error:
        traceback.print_exc()
        report.error("internal", f"The result could not be written: {error}. Is the disk full, or its use limited?")
        return FAILED
    except Exception as error:
        traceback.print_exc()
        # An error inside a callback is wrapped in XLA's message and traceback.
        text = _innermost_error(str(error))
        if re.search(r"RESOURCE_EXHAUSTED|Out of memory|MemoryError|bad_alloc", str(error)):
            return _report_out_of_memory(report, error)
        if wrapped := re.match(r"ValueError: (.*)", text):
            report.error("input", wrapped[1])
            return INVALID_INPUT
        report.error("internal", re.sub(r"^\w+: ", "", text))
        return FAILED


def _run(folder: Path, report: Reporter) -> int:
    name, parameters, inputs = read_job(folder)
    if name not in TASKS:
        raise ValueError(f'there is no task "{name}"; this engine knows {", ".join(sorted(TASKS))}')
    task, job = TASKS[name], Job(parameters, inputs, report, folder)
    try:
        estimate = task.estimate(job)
    except KeyError as missing:
        raise ValueError(f"the job lacks {missing}") from None
    free = available_memory()
    report.estimate(estimate.bytes, estimate.seconds, free)
    if estimate.bytes > free:
        # Compiled code that runs out of memory may crash instead of raising an error.
        needed, left = format_bytes(estimate.bytes), format_bytes(free)
        report.error(
            "memory", f"this job needs about {needed} of memory, and only {left} are free; it was not started."
        )
        return OUT_OF_MEMORY
    end_first_if_memory_runs_out()
    start = time.perf_counter()
    result = task.run(job)
    seconds = round(time.perf_counter() - start, 3)
    metrics = {**result.metrics, "seconds": seconds, "peak_memory_bytes": peak_memory()}
    report.progress(99, "Writing the result")
    write_result(folder, dataclasses.replace(result, metrics=metrics))
    report.progress(100, "Done")
    return DONE


def probe() -> dict:
    """Return versions, devices and memory of this environment."""
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
        "free_bytes": available_memory(),
        "cores": os.cpu_count(),
    }


def _report_out_of_memory(report: Reporter, error: BaseException) -> int:
    cause = _innermost_error(str(error)) or "MemoryError"
    text = f"the memory ran out ({cause}); {format_bytes(available_memory())} are free"
    if report.estimated_bytes:
        text += f", and the whole run was estimated to need {format_bytes(report.estimated_bytes)}"
    report.error("memory", f"{text}.")
    return OUT_OF_MEMORY


def _innermost_error(text: str) -> str:
    """Return the last error in a message that contains a traceback: the one that was raised first."""
    lines = [line for line in text.split("--------------------")[0].splitlines() if line.strip()]
    errors = [line.strip() for line in lines if re.match(r"\s*\w*(Error|Exception)\b", line)]
    return (errors or lines or [""])[-1]
