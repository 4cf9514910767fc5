"""Fixtures: the plugin package, built once from this checkout, and unpacked."""

import importlib.util
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build_zip():
    """The script that builds the package, as a module."""
    spec = importlib.util.spec_from_file_location("build_zip", ROOT / "resources" / "scripts" / "build_zip.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def package(build_zip, tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "permea.zip"
    build_zip.build(path)
    return path


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder / "permea"
