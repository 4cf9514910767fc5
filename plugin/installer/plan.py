"""What will be installed, from where, to where, and how large it is."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsSettings

from ..engine_folders import PACKAGE_FOLDER, REQUIREMENTS, engine_folder
from .network import DEFAULT_INDEX, is_folder

#: Setting with another package index: a URL, or a folder of wheels.
INDEX_SETTING = "permea/engine/index"

#: Locked version of uv, which installs the packages.
UV_REQUIREMENTS = PACKAGE_FOLDER / "resources" / "uv-requirements.txt"

# Packages, licences and sizes, measured when the requirements were locked.
PACKAGES = PACKAGE_FOLDER / "resources" / "engine-packages.json"

#: Versions of Python for which the locked packages exist.
PYTHON_VERSIONS = ">=3.11,<3.15"


@dataclass(frozen=True)
class Package:
    """A package of the engine.

    Parameters
    ----------
    name, version, licence
        As the metadata of the package give them.
    """

    name: str
    version: str
    licence: str


@dataclass(frozen=True)
class Plan:
    """An installation of the engine.

    Parameters
    ----------
    folder
        Folder of the engine, in the profile.
    device
        ``"cpu"`` or ``"cuda"``.
    requirements, uv_requirements
        Locked requirements of the engine and of uv.
    index
        Package index: a URL, or a folder of wheels.
    download_bytes, disk_bytes
        Measured sizes.
    packages
        The packages, for the user to read.
    package_folder
        Folder that holds the `engine` package.
    timeout_seconds
        Seconds without an answer of the index after which the installation fails.
    """

    folder: Path
    device: str
    requirements: Path
    uv_requirements: Path
    index: str
    download_bytes: int
    disk_bytes: int
    packages: tuple[Package, ...] = ()
    package_folder: Path = PACKAGE_FOLDER
    timeout_seconds: int = 120

    @property
    def is_offline(self) -> bool:
        """Whether everything comes from a folder on this computer."""
        return is_folder(self.index)


def measured_devices() -> tuple[str, ...]:
    """Return the devices for which an engine can be installed."""
    return tuple(json.loads(PACKAGES.read_text(encoding="utf-8"))["devices"])


def plan_installation(device: str = "cpu") -> Plan:
    """Return the plan for this version of the plugin, this profile and the configured index."""
    measured = json.loads(PACKAGES.read_text(encoding="utf-8"))["devices"][device]
    requirements = REQUIREMENTS[device]
    index = str(QgsSettings().value(INDEX_SETTING, "") or "").strip() or DEFAULT_INDEX
    return Plan(
        folder=engine_folder(requirements, device),
        device=device,
        requirements=requirements,
        uv_requirements=UV_REQUIREMENTS,
        index=os.path.expanduser(index) if is_folder(index) else index,
        download_bytes=measured["download_bytes"],
        disk_bytes=measured["disk_bytes"],
        packages=tuple(Package(**package) for package in measured["packages"]),
    )


def locked_hashes(requirements: Path, package: str) -> tuple[str, set[str]]:
    """Return version and SHA-256 hashes of a package in locked requirements.

    Raises
    ------
    ValueError
        The package is not locked there.
    """
    version, hashes = "", set()
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if not line.startswith((" ", "#")):
            name, _, rest = line.partition("==")
            version = rest.split()[0].rstrip("\\").strip() if name.strip() == package else version
            inside = name.strip() == package
        if version and inside and "--hash=sha256:" in line:
            hashes.add(line.split("--hash=sha256:", 1)[1].split()[0])
    if not hashes:
        raise ValueError(f"{package} is not locked in {requirements}")
    return version, hashes
