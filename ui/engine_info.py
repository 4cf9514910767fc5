"""Texts about an engine for the engine dialog; no widgets."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..plugin.byte_sizes import format_bytes
from ..plugin.engine_environment import EngineInfo
from ..plugin.engine_folders import is_for_graphics_card
from ..plugin.i18n import tr
from ..plugin.settings import CPU, DEVICE

NAMES = (("python", "Python"), ("jax", "JAX"), ("numpy", "NumPy"), ("scipy", "SciPy"), ("equinox", "Equinox"))


def origin_text(origin: str) -> str:
    """Describe where the path to the interpreter comes from.

    Parameters
    ----------
    origin
        `EngineInfo.origin`: ``"setting"``, ``"environment variable"`` or ``"profile"``.
    """
    known = {
        "setting": tr("chosen in this dialog"),
        "environment variable": tr("environment variable PERMEA_ENGINE_PYTHON"),
        "profile": tr("installed by Permea in your QGIS profile"),
    }
    return known.get(origin, origin)


def versions_text(engine: EngineInfo) -> str:
    """List the versions of Python and the main packages in one line.

    Examples
    --------
    >>> versions_text(EngineInfo("python", {"python": "3.11.2", "jax": "0.10.2"}))
    'Python 3.11.2, JAX 0.10.2'
    """
    return ", ".join(f"{name} {engine.versions[key]}" for key, name in NAMES if engine.versions.get(key))


def device_text(engine: EngineInfo) -> str:
    """Describe the device of the engine.

    Examples
    --------
    >>> device_text(EngineInfo("python", device="cpu", probe={"cores": 8}))
    'processor (CPU), 8 cores'
    """
    if engine.device != "cpu":
        return ", ".join(engine.probe.get("devices") or [engine.device])
    text = tr("processor (CPU)")
    if engine.probe.get("cores"):
        text = tr("processor (CPU), {cores:# core|# cores}").format(cores=engine.probe["cores"])
    if is_for_graphics_card(engine.python) and DEVICE.value() != CPU:
        text += tr("; it found no NVIDIA graphics card that it can use")
    return text


def clear_folder(folder: Path) -> None:
    """Delete the contents of a folder, but not the folder itself.

    Raises
    ------
    OSError
        A file or folder cannot be deleted.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def memory_text(engine: EngineInfo) -> str:
    """Describe free and total memory; a dash if unknown.

    Examples
    --------
    >>> memory_text(EngineInfo("python", probe={"memory_bytes": 17_179_869_184, "free_bytes": 8_589_934_592}))
    '8.59 GB free of 17.2 GB'
    """
    total, free = engine.probe.get("memory_bytes"), engine.probe.get("free_bytes")
    if total is None or free is None:
        return "–"
    return tr("{free} free of {total}").format(free=format_bytes(free), total=format_bytes(total))
