"""QGIS in a virtual display, for the tests that play a session in its window."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


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
