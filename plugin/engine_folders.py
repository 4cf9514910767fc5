"""Folders of installed engines in the user's profile, and which of them is in use.

permea/                     in the profile, where no update of the plugin deletes it
  cache/                    compiled code and downloads
  engines/
    current.json            names the folder in use
    uv/, python/            the installer, and a Python that it has downloaded
    4f1c9b02a7de-cpu/       one for each set of locked requirements and device
      venv/                 the engine's Python
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from qgis.core import QgsApplication

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]

#: Locked requirements of the engine, by the device it computes on.
REQUIREMENTS = {
    "cpu": PACKAGE_FOLDER / "resources" / "engine-requirements.txt",
    "cuda": PACKAGE_FOLDER / "resources" / "engine-requirements-cuda.txt",
}

# Digits of the hash in a folder's name.
KEY_DIGITS = 12

ENGINE_NAME = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}-({'|'.join(REQUIREMENTS)})")


def profile_folder() -> Path:
    """Return Permea's folder in the user's profile; an update deletes the plugin's folder, but not this one."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "permea"


def cache_folder() -> Path:
    """Return the cache folder of compiled code; it may be deleted at any time."""
    return profile_folder() / "cache"


def engines_folder() -> Path:
    """Return the folder of the installed engines."""
    return profile_folder() / "engines"


def engine_folder(requirements: Path, device: str) -> Path:
    """Return the folder for an engine with these locked requirements."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return engines_folder() / f"{digest[:KEY_DIGITS]}-{device}"


def python_of(engine: Path) -> Path:
    """Return the path of the interpreter in the folder of an engine."""
    inside = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    return engine.joinpath("venv", *inside)


def current_engine() -> Path | None:
    """Return the folder of the engine in use; None if none is installed."""
    try:
        name = json.loads(_current_file().read_text(encoding="utf-8"))["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    folder = engines_folder() / str(name)
    return folder if folder.parent == engines_folder() and python_of(folder).exists() else None


def switch_to(engine: Path) -> None:
    """Make an engine the one in use; after an interruption either the old or the new one is."""
    unfinished = _current_file().with_suffix(".part")
    unfinished.write_text(json.dumps({"folder": engine.name}), encoding="utf-8")
    os.replace(unfinished, _current_file())


def is_for_graphics_card(python: str) -> bool:
    """Return whether an interpreter belongs to an installed engine for NVIDIA graphics cards."""
    engine = current_engine()
    return engine is not None and python == str(python_of(engine)) and engine.name.endswith("-cuda")


def is_outdated(engine: Path) -> bool:
    """Return whether this version of the plugin comes with other locked requirements than an engine has."""
    return all(
        engine.name != engine_folder(file, device).name for device, file in REQUIREMENTS.items() if file.exists()
    )


def other_engines() -> list[Path]:
    """Return the folders of complete and incomplete engines that are not in use."""
    folder, current = engines_folder(), current_engine()
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.is_dir() and ENGINE_NAME.fullmatch(path.name))
    return sorted(path for path in found if path != current)


def remove_engine(engine: Path) -> None:
    """Delete the folder of an engine that is not in use.

    Raises
    ------
    OSError
        A file cannot be deleted.
    """
    if engine == current_engine() or engine.parent != engines_folder() or not ENGINE_NAME.fullmatch(engine.name):
        raise OSError(f"{engine} is in use or no engine")
    shutil.rmtree(engine)


def _current_file() -> Path:
    return engines_folder() / "current.json"
