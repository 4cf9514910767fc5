"""Entry point of the worker: run one job folder, or describe this environment."""

import dataclasses
import os
import platform
import sys
import time
from pathlib import Path

import jax
import psutil

from ..parallel import available_memory, end_first_if_memory_runs_out, peak_memory
from ..storage import format_bytes
from .explore import explore
from .failures import FailureKind, describe_failure, traceback_text
from .job_folder import read_job, write_result
from .protocol import Reporter
from .task import Job
from .tasks import TASKS
from .warm_up import warm_up

#: Exit statuses.
DONE, FAILED, INVALID_INPUT, OUT_OF_MEMORY = 0, 1, 2, 3
STATUSES = {FailureKind.INPUT: INVALID_INPUT, FailureKind.MEMORY: OUT_OF_MEMORY}


def run_command(arguments: list[str]) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments
        A job folder, `--probe` to describe the environment, `--warm-up` to compile what jobs need, or `--explore` and a
        folder for an interactive session.

    Returns
    -------
    int
        0 done; 1 failed; 2 invalid input; 3 out of memory.
    """
    # What libraries print to standard output must not get between the messages.
    report = Reporter(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if len(arguments) == 2 and arguments[0] == "--explore":
        return _explore(Path(arguments[1]), report)
    if len(arguments) != 1 or (arguments[0].startswith("-") and arguments[0] not in ("--probe", "--warm-up")):
        report.error("input", "usage: python -m engine JOBDIR, python -m engine --probe or python -m engine --warm-up")
        return INVALID_INPUT
    try:
        require_device()
        if arguments == ["--probe"]:
            report.probe(probe())
            return DONE
        if arguments == ["--warm-up"]:
            warm_up(report)
            return DONE
        return _run(Path(arguments[0]), report)
    except Exception as error:
        failure = describe_failure(error)
        if failure.kind is not FailureKind.INPUT or error.__cause__ is not None:
            sys.stderr.write(traceback_text(error) + "\n")
        report.error(failure.kind, failure.text + _estimated_memory(failure.kind, report))
        return STATUSES.get(failure.kind, FAILED)


def _explore(folder: Path, report: Reporter) -> int:
    """Run an interactive session until standard input ends."""
    try:
        require_device()
        explore(folder, report, sys.stdin)
    except Exception as error:
        sys.stderr.write(traceback_text(error) + "\n")
        failure = describe_failure(error)
        report.error(failure.kind, failure.text)
        return STATUSES.get(failure.kind, FAILED)
    return DONE


def _estimated_memory(kind: FailureKind, report: Reporter) -> str:
    """Return the estimate of a job that ran out of memory, to append to the error."""
    if kind is not FailureKind.MEMORY:
        return ""
    needed = report.estimated_bytes
    return f". The whole run was estimated to need {format_bytes(needed)}." if needed else "."


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


def require_device() -> None:
    """Raise a `ValueError` if JAX cannot compute on the devices that the environment names."""
    try:
        jax.devices()
    except Exception as error:  # an AssertionError without a text where JAX's plugin for the device is missing
        named = os.environ.get("JAX_PLATFORMS", "")
        raise ValueError(
            f'the environment variable JAX_PLATFORMS is "{named}", and JAX cannot compute there. Remove the variable, '
            "or set it to cpu"
            if named
            else "JAX cannot compute on any device of this computer"
        ) from error


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
