"""The engine's Python: where it is, whether it works, and its environment variables."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import engine_folders
from .cancelled import Cancelled
from .detailed_exception import DETAIL_LINES
from .engine_errors import (
    VARIABLE,
    EngineNotFound,
    EngineNotInstalled,
    cannot_run,
    failure_reason,
    named_variables,
)
from .engine_folders import cache_folder
from .i18n import tr
from .process_runner import LOG_LINE_LENGTH, Outcome, run_process
from .settings import AUTOMATIC, DEVICE, DEVICES, PYTHON, engine_variables, settings_menu

PACKAGE_FOLDER = str(engine_folders.PACKAGE_FOLDER)

#: Arguments of the interpreter. -s excludes the user's site-packages; -I would also ignore PYTHONPATH, which names the
#: plugin's folder.
MODULE_ARGUMENTS = ("-s", "-m", "engine")

# Importing JAX takes a second; the first time, from a cold or virus-scanned disk, a minute.
PROBE_SECONDS = 120

# Prefixes of variables that QGIS, a shell or another environment set and that break another Python:
# PYTHONHOME and PYTHONEXECUTABLE (and, on macOS, __PYVENV_LAUNCHER__) even defeat a virtual environment.
REMOVED_PREFIXES = (
    "PYTHON",
    "PYTEST_",
    "__PYVENV",
    "VIRTUAL_ENV",
    "CONDA_",
    "_CONDA_",
    "GDAL_",
    "PROJ_",
    "QGIS_",
    "QT_",
    "QML",
    "LD_",
    "DYLD_",
    "GISBASE",
    "GRASS",
    "OSGEO4W",
)

# Prefixes of variables that change how the engine's libraries compute: number of digits, checks, threads, folders.
LIBRARY_PREFIXES = (
    "JAX_",
    "JAXTYPING_",
    "EQX_",
    "NUMBA_",
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "GOTO_",
    "BLIS_",
    "VECLIB_",
)

# Of these, the engine gets the choice of a device ...
DEVICE_VARIABLES = ("JAX_PLATFORMS", "JAX_CUDA_VISIBLE_DEVICES", "JAX_ROCM_VISIBLE_DEVICES")

# ... and limits for the number of threads, if they are numbers of threads.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

# Engines probed in this process, by the fingerprint of the interpreter.
_probed: dict[str, EngineInfo] = {}


@dataclass(frozen=True)
class EngineInfo:
    """A Python that runs the engine.

    Parameters
    ----------
    python
        Path of the interpreter.
    versions
        Versions from the probe: ``{"python": "3.11.2", "jax": "0.10.2", …}``.
    device
        The device on which the engine computes, for example ``"cpu"``.
    origin
        Where the interpreter is configured: ``"setting"``, ``"environment variable"`` or ``"profile"``.
    folder
        The folder that holds the `engine` package.
    probe
        The complete output of the probe.
    """

    python: str
    versions: dict = field(default_factory=dict)
    device: str = ""
    origin: str = ""
    folder: str = PACKAGE_FOLDER
    probe: dict = field(default_factory=dict)


def engine_python() -> tuple[str, str]:
    """Return the path of the engine's interpreter and where it is configured; fast enough for `canExecute`.

    Raises
    ------
    EngineNotFound
        No interpreter is configured, or the configured one does not exist.
    """
    installed = engine_folders.current_engine()
    candidates = (
        ("setting", PYTHON.text()),
        ("environment variable", os.environ.get(VARIABLE, "").strip()),
        ("profile", str(engine_folders.python_of(installed)) if installed else ""),
    )
    for origin, python in candidates:
        if python:
            if not os.path.isfile(python):
                raise cannot_run(python, origin, tr("there is no such file"))
            return python, origin
    raise EngineNotInstalled(
        tr(
            "Permea's engine is not installed. Open Plugins ▸ Permea ▸ Engine… to install it or to choose a Python "
            "that has it; or set the environment variable {variable} to such a Python."
        ).format(variable=VARIABLE)
    )


def find_engine(is_cancelled: Callable[[], bool] = lambda: False, *, folder: str = PACKAGE_FOLDER) -> EngineInfo:
    """Find the engine's Python and check, once per interpreter and set of packages, that it works.

    The order: the setting ``permea/engine/python``, the environment variable ``PERMEA_ENGINE_PYTHON``, the default
    path in the profile. A configured one that does not work is an error; the next is not tried.

    Parameters
    ----------
    is_cancelled
        Called while a Python is checked; returns True to stop.
    folder
        The folder that holds the `engine` package.

    Raises
    ------
    EngineNotFound
        There is none, or it does not work.
    Cancelled
        The user cancelled.
    """
    python, origin = engine_python()
    fingerprint = _fingerprint(python, folder)
    if fingerprint not in _probed:
        # Failures are not stored, so that repairing an environment does not require restarting QGIS.
        probe = _stored_probe(fingerprint)
        if probe is None:
            probe = probe_python(python, folder=folder, origin=origin, is_cancelled=is_cancelled).probe
            _store_probe(fingerprint, probe)
        _probed[fingerprint] = _engine_info(probe, python, origin, folder)
    return dataclasses.replace(_probed[fingerprint], origin=origin)


def probe_python(
    python: str,
    *,
    folder: str = PACKAGE_FOLDER,
    origin: str = "",
    is_cancelled: Callable[[], bool] = lambda: False,
    timeout: float = PROBE_SECONDS,
) -> EngineInfo:
    """Start an interpreter with ``-m engine --probe`` and return its description.

    Parameters
    ----------
    python
        Path of the interpreter.
    folder, is_cancelled
        See `find_engine`.
    origin
        Where the interpreter is configured, for messages.
    timeout
        Seconds to wait for the description.

    Raises
    ------
    EngineNotFound
        It does not start, cannot import the engine, or prints no description.
    Cancelled
        The user cancelled.
    """
    answers: list[dict] = []
    lines: deque[str] = deque(maxlen=DETAIL_LINES)

    def collect(line: str) -> bool:
        answer = _json_object(line)
        if answer is not None and isinstance(answer.get("versions"), dict):
            answers[:] = [answer]
        lines.append(line[:LOG_LINE_LENGTH])
        return True

    ended = run_process(
        [python, *MODULE_ARGUMENTS, "--probe"],
        environment=scrubbed_environment(folder),
        folder=folder,
        on_line=collect,
        is_cancelled=is_cancelled,
        timeout=timeout,
    )
    if ended.outcome is Outcome.CANCELLED:
        raise Cancelled(tr("Cancelled."))
    if ended.outcome is not Outcome.EXITED or ended.status != 0:
        refusal = _refusal(lines)
        if not refusal and (variables := named_variables(ended.log)):
            text = tr("Permea's engine does not start. {variables}")
            raise EngineNotFound(text.format(variables=variables), [*lines, *ended.log])
        reason = refusal or failure_reason(ended, timeout)
        if "JAX_PLATFORMS" in reason and DEVICE.value() != AUTOMATIC:
            reason = tr("it cannot compute on the device “{device}”, which is chosen in {place}").format(
                device=DEVICES[DEVICE.value()], place=settings_menu()
            )
        raise cannot_run(python, origin, reason, [*lines, *ended.log])
    if answers:
        return _engine_info(answers[0], python, origin, folder)
    raise cannot_run(python, origin, tr("its reply is not that of an engine"), lines)


def forget_probes() -> None:
    """Make the next `find_engine` probe again."""
    _probed.clear()
    _probe_file().unlink(missing_ok=True)


def scrubbed_environment(folder: str = PACKAGE_FOLDER) -> dict[str, str]:
    """Return the environment variables for the engine: those of this process without `REMOVED_PREFIXES`.

    Home, path, temporary folder, locale, proxies, ``CUDA_VISIBLE_DEVICES`` and ``XLA_FLAGS`` remain; of the settings of
    libraries, those of a device and of numbers of threads (see `ignored_variables`). Permea's settings go before both.

    Parameters
    ----------
    folder
        The folder that holds the `engine` package: the only addition to the path.

    Raises
    ------
    InvalidSetting
        A setting cannot be used.
    """
    ignored = ignored_variables()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(REMOVED_PREFIXES) and name not in ignored
    }
    return {
        # JAX takes three quarters of a graphics card's memory otherwise, and an engine that stays loaded keeps them.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        **inherited,
        "PYTHONPATH": folder,
        "PYTHONUTF8": "1",
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "jax"),
        # By default JAX caches only kernels that took a second to compile; the engine has many small ones.
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "NUMBA_CACHE_DIR": str(cache_folder() / "loops"),
        # Huge pages for large arrays on Linux: page faults take a third of the time otherwise.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        **engine_variables(),
    }


def ignored_variables() -> dict[str, str]:
    """Return the settings of the engine's libraries in this process's environment that the engine does not get."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(LIBRARY_PREFIXES)
        and name.upper() not in DEVICE_VARIABLES
        and not (name.upper() in THREAD_VARIABLES and _is_number_of_threads(value))
    }


def _is_number_of_threads(value: str) -> bool:
    """Return whether a value is a number of threads, or one for each level of nested parallel regions."""
    return all(part.strip().isdecimal() and int(part) > 0 for part in value.split(","))


def _fingerprint(python: str, folder: str) -> str:
    """Return text that changes with the interpreter, its installed packages, or the engine."""
    prefix = Path(python).parent.parent
    watched = [
        Path(python),
        Path(folder, "engine", "__init__.py"),
        *sorted(prefix.glob("lib/python*/site-packages")),
        prefix / "Lib" / "site-packages",
    ]
    times = {str(path): path.stat().st_mtime_ns for path in watched if path.exists()}
    return json.dumps([python, times, DEVICE.text()])


def engine_files(python: str, folder: str) -> str:
    """Return text that changes with the interpreter, its packages, and any file of the engine or the plugin's version.

    Parameters
    ----------
    python
        Path of the interpreter.
    folder
        The folder that holds the `engine` package.
    """
    files = [*sorted(Path(folder, "engine").rglob("*.py")), Path(folder, "metadata.txt")]
    newest = max((path.stat().st_mtime_ns for path in files if path.exists()), default=0)
    return json.dumps([_fingerprint(python, folder), len(files), newest])


def _probe_file() -> Path:
    return cache_folder() / "probe.json"


def _stored_probe(fingerprint: str) -> dict | None:
    """Return the probe stored by an earlier QGIS for this interpreter: probing takes longer than many a run."""
    try:
        stored = _json_object(_probe_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if stored is None or stored.get("fingerprint") != fingerprint:
        return None
    probe = stored.get("probe")
    return probe if isinstance(probe, dict) and isinstance(probe.get("versions"), dict) else None


def _store_probe(fingerprint: str, probe: dict) -> None:
    with contextlib.suppress(OSError):  # in a read-only profile every start takes a second longer
        cache_folder().mkdir(parents=True, exist_ok=True)
        _probe_file().write_text(json.dumps({"fingerprint": fingerprint, "probe": probe}), encoding="utf-8")


def _engine_info(answer: dict, python: str, origin: str, folder: str) -> EngineInfo:
    return EngineInfo(python, answer["versions"], _device(answer), origin, folder, answer)


def _json_object(line: str) -> dict | None:
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _device(answer: dict) -> str:
    if isinstance(answer.get("device"), str):
        return answer["device"]
    devices = answer.get("devices")
    return ", ".join(str(device) for device in devices) if isinstance(devices, list) else ""


def _refusal(lines: Iterable[str]) -> str:
    """Return why an engine cannot compute, from its error message; empty if it has given no reason."""
    answers = [_json_object(line) or {} for line in lines]
    errors = [answer for answer in answers if answer.get("type") == "error" and answer.get("kind") != "internal"]
    return str(errors[0].get("text", "")) if errors else ""
