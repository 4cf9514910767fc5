"""Entry point of the worker: run job folders, or describe this environment."""

import os
import platform
import sys
from pathlib import Path

import jax
import psutil

from ..parallel import available_memory, cpu_count, memory_limit
from .explore import explore
from .job_run import DONE, INVALID_INPUT, report_failure, run_job
from .job_stream import JobLines, end_with_parent, take_standard_input
from .protocol import Reporter
from .serve import serve
from .warm_up import warm_up

OPTIONS = ("--probe", "--serve", "--warm-up")


def run_command(arguments: list[str]) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments
        A job folder; `--serve` to run the jobs that standard input names, one line of JSON each; `--explore` and a
        folder for an interactive session; `--probe` to describe the environment; or `--warm-up` to compile the code
        that jobs need.

    Returns
    -------
    int
        0 done; 1 failed; 2 invalid input; 3 out of memory.
    """
    # Libraries that print to standard output must not disturb the messages.
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    report = Reporter(stream)
    if len(arguments) == 2 and arguments[0] == "--explore":
        return _explore(Path(arguments[1]), report)
    if len(arguments) != 1 or (arguments[0].startswith("-") and arguments[0] not in OPTIONS):
        options = ", ".join(OPTIONS)
        report.error("input", f"usage: python -m engine JOBDIR; or {options} or --explore FOLDER instead of JOBDIR")
        return INVALID_INPUT
    try:
        if arguments == ["--serve"]:
            end_with_parent()
        require_device()
        require_limits()
        if arguments == ["--probe"]:
            report.probe(probe())
            return DONE
        if arguments == ["--warm-up"]:
            warm_up(report)
            return DONE
        if arguments == ["--serve"]:
            return serve(JobLines(take_standard_input()), stream)
        return run_job(Path(arguments[0]), report).status
    except Exception as error:
        return report_failure(error, report)


def _explore(folder: Path, report: Reporter) -> int:
    """Run an interactive session until standard input ends."""
    try:
        end_with_parent()
        require_device()
        require_limits()
        explore(folder, report, sys.stdin)
    except Exception as error:
        return report_failure(error, report)
    return DONE


def require_device() -> None:
    """Raise a `ValueError` if JAX cannot compute on the devices that the environment names."""
    try:
        jax.devices()
    except Exception as error:  # an AssertionError without text if JAX's plugin for the device is missing
        named = os.environ.get("JAX_PLATFORMS", "")
        raise ValueError(
            f'the environment variable JAX_PLATFORMS is "{named}", and JAX cannot compute there. Remove the variable, '
            "or set it to cpu"
            if named
            else "JAX cannot compute on any device of this computer"
        ) from error


def require_limits() -> None:
    """Raise a `ValueError` if the environment limits threads or memory by something other than a number."""
    cpu_count()
    memory_limit()


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
        "threads": cpu_count(),
    }
