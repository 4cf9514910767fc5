"""Where the engine's Python is, whether it works, and what it may see of QGIS's environment."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingException, QgsSettings

from .i18n import tr
from .subprocess_runner import LOG_LINES_SHOWN, Outcome, ProcessResult, run_process

PACKAGE_FOLDER = str(Path(__file__).resolve().parents[1])

SETTING = "permea/engine/python"
VARIABLE = "PERMEA_ENGINE_PYTHON"

# Importing JAX takes a second; the first time, from a cold or virus-scanned disk, a minute.
PROBE_SECONDS = 120

# What QGIS, a shell or another environment set for themselves and what would lead the engine's Python astray:
# PYTHONHOME and PYTHONEXECUTABLE (and, on macOS, __PYVENV_LAUNCHER__) even defeat a virtual environment.
NOT_FOR_THE_ENGINE = (
    "PYTHON",
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

# Answers of the engines that were probed in this process, by what `_fingerprint` says of the interpreter.
_probed: dict[str, EngineInfo] = {}


class EngineNotFound(QgsProcessingException):
    """There is no engine that works; the message says what to do."""


@dataclass(frozen=True)
class EngineInfo:
    """A Python that runs the engine.

    Parameters
    ----------
    python
        Path of the interpreter.
    versions
        What the probe said: ``{"python": "3.11.2", "jax": "0.10.2", …}``.
    device
        The device the engine computes on, for example ``"cpu"``.
    origin
        Who named the interpreter: ``"setting"``, ``"environment variable"`` or ``"profile"``.
    folder
        The folder that holds the `engine` package.
    probe
        The probe's whole answer.
    """

    python: str
    versions: dict = field(default_factory=dict)
    device: str = ""
    origin: str = ""
    folder: str = PACKAGE_FOLDER
    probe: dict = field(default_factory=dict)


def engine_python() -> tuple[str, str]:
    """Path of the engine's interpreter and who named it, without starting it; cheap enough for `canExecute`.

    Raises
    ------
    EngineNotFound
        No interpreter is configured, or the configured one is not there.
    """
    default = default_python()
    places = (
        ("setting", str(QgsSettings().value(SETTING, "") or "").strip()),
        ("environment variable", os.environ.get(VARIABLE, "").strip()),
        ("profile", default if os.path.exists(default) else ""),
    )
    for origin, python in places:
        if python:
            if not os.path.isfile(python):
                raise EngineNotFound(_not_working(python, origin, tr("there is no such file")))
            return python, origin
    raise EngineNotFound(
        tr(
            "Permea's engine is not installed. Open Permea ▸ Engine… to install it or to point to a Python that has "
            "it; or set the environment variable {variable} to such a Python. (Also looked for: {default}.)"
        ).format(variable=VARIABLE, default=default)
    )


def find_engine() -> EngineInfo:
    """Find the engine's Python and make sure, once per interpreter and set of packages, that it runs.

    The order: the setting ``permea/engine/python``, the environment variable ``PERMEA_ENGINE_PYTHON``, the default
    place in the profile. One that is configured and does not work is an error, never passed over for the next.

    Raises
    ------
    EngineNotFound
        None is there, or the one that is there does not work.
    """
    python, origin = engine_python()
    fingerprint = _fingerprint(python)
    if fingerprint not in _probed:
        # Only what works is remembered: whoever repairs an environment need not restart QGIS.
        probe = _remembered_probe(fingerprint)
        if probe is None:
            probe = probe_python(python, folder=PACKAGE_FOLDER, origin=origin).probe
            _remember_probe(fingerprint, probe)
        _probed[fingerprint] = _engine_of(probe, python, origin, PACKAGE_FOLDER)
    return dataclasses.replace(_probed[fingerprint], origin=origin)


def probe_python(python: str, *, folder: str = PACKAGE_FOLDER, origin: str = "") -> EngineInfo:
    """Start an interpreter with ``-m engine --probe`` and return what it says of itself; never from memory.

    Parameters
    ----------
    python
        Path of the interpreter.
    folder
        The folder that holds the `engine` package.
    origin
        Who named the interpreter; messages say so.

    Raises
    ------
    EngineNotFound
        It does not start, cannot import the engine, or answers something else.
    """
    lines: list[str] = []

    def remember(line: str) -> bool:
        lines.append(line)
        return True

    ended = run_process(
        [python, *MODULE_ARGUMENTS, "--probe"],
        environment=scrubbed_environment(folder),
        folder=folder,
        on_line=remember,
        timeout=PROBE_SECONDS,
    )
    if ended.ending is not Outcome.EXITED or ended.status != 0:
        raise EngineNotFound(_not_working(python, origin, _why_it_ended(ended), ended.log))
    for line in reversed(lines):
        answer = _json_object(line)
        if answer is not None and isinstance(answer.get("versions"), dict):
            return _engine_of(answer, python, origin, folder)
    raise EngineNotFound(_not_working(python, origin, tr("it did not answer what an engine answers"), lines))


def forget_probes() -> None:
    """Probe again at the next `find_engine`: something may have changed."""
    _probed.clear()
    _probe_file().unlink(missing_ok=True)


def cannot_run(python: str, origin: str, reason: str, log: Sequence[str] = ()) -> EngineNotFound:
    """The error for a Python that turns out, too late, not to run the engine.

    Parameters
    ----------
    python, origin
        The interpreter, and who named it.
    reason
        What is wrong with it.
    log
        What it printed.
    """
    return EngineNotFound(_not_working(python, origin, reason, log))


# -s keeps the user's own site-packages out; -I would also ignore PYTHONPATH, which names the plugin's folder.
MODULE_ARGUMENTS = ("-s", "-m", "engine")


def profile_folder() -> Path:
    """Permea's folder in the user's profile, outside the plugin's own, which an update deletes."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "permea"


def default_python() -> str:
    """Where the installer puts the engine's interpreter."""
    inside = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    return str(profile_folder().joinpath("engine", "venv", *inside))


def cache_folder() -> Path:
    """Where compiled code is kept between runs; may be deleted at any time."""
    return profile_folder() / "cache"


def scrubbed_environment(folder: str = PACKAGE_FOLDER) -> dict[str, str]:
    """The environment variables for the engine: this process's, without what would lead another Python astray.

    Home, path, temporary folder, locale, proxies, ``CUDA_VISIBLE_DEVICES``, ``XLA_FLAGS`` and ``JAX_…`` pass.

    Parameters
    ----------
    folder
        The folder that holds the `engine` package: the only addition to the path.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(NOT_FOR_THE_ENGINE)}
    cache = cache_folder()
    return {
        **kept,
        "PYTHONPATH": folder,
        "PYTHONUTF8": "1",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        # Without these two only kernels that took a second to compile are kept, and ours are many and small.
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "NUMBA_CACHE_DIR": str(cache / "loops"),
        # Large arrays on large pages, where Linux has them: fresh memory is a third of the time otherwise.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }


def _fingerprint(python: str) -> str:
    """Changes whenever the interpreter, the packages installed beside it, or the engine do."""
    beside = Path(python).parent.parent
    watched = [
        Path(python),
        Path(PACKAGE_FOLDER, "engine", "__init__.py"),
        *sorted(beside.glob("lib/python*/site-packages")),
        beside / "Lib" / "site-packages",
    ]
    times = {str(path): path.stat().st_mtime_ns for path in watched if path.exists()}
    return json.dumps([python, times])


def _probe_file() -> Path:
    return cache_folder() / "probe.json"


def _remembered_probe(fingerprint: str) -> dict | None:
    """The answer that the same interpreter gave to an earlier QGIS: asking again takes longer than many a run."""
    try:
        remembered = _json_object(_probe_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if remembered is None or remembered.get("fingerprint") != fingerprint:
        return None
    probe = remembered.get("probe")
    return probe if isinstance(probe, dict) and isinstance(probe.get("versions"), dict) else None


def _remember_probe(fingerprint: str, probe: dict) -> None:
    text = json.dumps({"fingerprint": fingerprint, "probe": probe})
    with contextlib.suppress(OSError):  # a profile that cannot be written to costs a second at every start, no more
        cache_folder().mkdir(parents=True, exist_ok=True)
        _probe_file().write_text(text, encoding="utf-8")


def _engine_of(answer: dict, python: str, origin: str, folder: str) -> EngineInfo:
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


def _why_it_ended(ended: ProcessResult) -> str:
    if ended.ending is Outcome.FAILED_TO_START:
        return tr("it does not start ({reason})").format(reason=ended.reason)
    if ended.ending is Outcome.TIMED_OUT:
        return tr("it did not answer within {seconds} seconds").format(seconds=PROBE_SECONDS)
    if ended.ending is Outcome.CRASHED:
        return tr("it crashed (signal or code {status})").format(status=ended.status)
    missing = [line for line in ended.log if line.startswith("ModuleNotFoundError")]
    return missing[-1] if missing else tr("it ended with status {status}").format(status=ended.status)


def _not_working(python: str, origin: str, reason: str, log: Sequence[str] = ()) -> str:
    named_by = {
        "setting": tr("set in Permea ▸ Engine…"),
        "environment variable": tr("set by the environment variable {variable}").format(variable=VARIABLE),
        "profile": tr("installed by Permea"),
    }
    what = f"{python} ({named_by[origin]})" if origin in named_by else python
    text = tr(
        "This Python cannot run Permea's engine: {what}: {reason}. "
        "Open Permea ▸ Engine… to repair it or to choose another."
    ).format(what=what, reason=reason)
    return "\n".join([text, *log[-LOG_LINES_SHOWN:]])
