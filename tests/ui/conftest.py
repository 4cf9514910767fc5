"""QGIS in a virtual display, for the tests that play a session in its window."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def load(path):
    """Import a file by its path; the importlib mode of pytest leaves `sys.path` alone."""
    specification = importlib.util.spec_from_file_location(f"permea_tests_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def desktop():
    """The module `desktop`, which starts QGIS in a virtual display."""
    return load(HERE / "desktop.py")


@pytest.fixture(scope="session")
def tutorial():
    """The module `tutorial`, which reads the actions of the tutorial."""
    return load(HERE / "tutorial.py")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """A folder with the locked wheels of the engine and of uv; most are in the cache of `make setup`.

    With `PERMEA_TEST_NETWORK` in the environment there is none: the engine is installed from the package index.
    """
    if os.environ.get("PERMEA_TEST_NETWORK"):
        return ""
    folder = tmp_path_factory.mktemp("wheels")
    python = os.environ["PERMEA_ENGINE_PYTHON"]
    for lock in ("engine-requirements.txt", "uv-requirements.txt"):
        command = [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--no-deps",
        ]
        command += ["--dest", str(folder), "--requirement", str(ROOT / "resources" / lock)]
        environment = os.environ | {"PIP_CACHE_DIR": str(ROOT / "build" / "pip-cache")}
        subprocess.run(command, check=True, env=environment)
    return folder
