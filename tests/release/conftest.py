"""Fixtures: the plugin package, and QGIS's classes on Qt 6."""

import os

import pytest
from package_fixtures import build_zip, package, root, unpacked

from . import qgis_on_qt6

__all__ = ["build_zip", "package", "root", "unpacked"]

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
qgis_on_qt6.install()


@pytest.fixture(scope="session")
def application():
    """The application of Qt 6, which windows need."""
    from PyQt6.QtWidgets import QApplication

    return QApplication.instance() or QApplication(["permea"])


@pytest.fixture(autouse=True)
def settings_of_its_own(tmp_path):
    """Give each test settings and a profile that no other has."""
    qgis_on_qt6.profile = tmp_path / "profile"
    qgis_on_qt6.profile.mkdir()
