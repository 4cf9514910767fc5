"""The plugin uses what Qt 6 and QGIS 4 still have: enum members through their enum, no removed names."""

import enum
import importlib
import inspect
from itertools import pairwise

import pytest
import qt_names
from qgis.PyQt.QtCore import Qt

# Everything that runs in QGIS, scripts and tests included.
FOLDERS = ("plugin", "ui", "resources/scripts", "tests/plugin", "tests/ui", "tests/fuzz")
SHIPPED = ("plugin", "ui")

# Removed in Qt 6 or PyQt6, or no longer in the module that has them in Qt 5.
REMOVED_NAMES = {"QRegExp", "QDesktopWidget", "QTextCodec", "QStringRef", "QMatrix", "QGLWidget", "qApp", "QVariant"}
MOVED_NAMES = {"QAction", "QActionGroup", "QShortcut", "QUndoCommand", "QUndoStack", "QFileSystemModel"}
REMOVED_METHODS = {
    "exec_",
    "print_",
    "toTime_t",
    "fromTime_t",
    "setTime_t",
    "localPos",
    "windowPos",
    "screenPos",
    "globalX",
    "globalY",
    "setMargin",
    "setResizeMode",
    "desktop",
    "setCodec",
}


ENUMS = (type(Qt.ItemDataRole), enum.EnumMeta)  # of Qt 5's bindings, and of Python


def is_member(thing):
    return isinstance(type(thing), ENUMS)


def is_enum(thing):
    return isinstance(thing, ENUMS)


def is_unscoped(name):
    """Whether a name reaches the member of an enum through another class than the enum."""
    try:
        objects = qt_names.resolved(name, importlib.import_module(name.module))
    except AttributeError:  # of another version
        return False
    return any(
        inspect.isclass(owner) and not is_enum(owner) and is_member(member) for owner, member in pairwise(objects)
    )


@pytest.fixture(scope="module")
def members(qgis_app):
    """Names of the members that classes of QGIS and Qt have without their enum: `FlagAdvanced`, `UserRole`."""
    found = set()
    for name in ("qgis.core", "qgis.gui", "qgis.PyQt.QtCore", "qgis.PyQt.QtGui", "qgis.PyQt.QtWidgets"):
        for thing in vars(importlib.import_module(name)).values():
            if inspect.isclass(thing) and not is_enum(thing):
                found |= {key for key, value in vars(thing).items() if is_member(value)}
    return found


def findings(file, members):
    unscoped = [f"{name} is not scoped" for name in qt_names.used_names(file) if is_unscoped(name)]
    # Of `self.FlagAdvanced` only the name is known.
    unscoped += [
        f"{file}:{line}: {'.'.join(path)} is not scoped"
        for line, path in qt_names.attributes(file)
        if path[-1] in members and path[-1][0].isupper() and path[-2] in ("self", "cls")
    ]
    return unscoped


@pytest.mark.parametrize("folder", FOLDERS)
def test_enums_are_scoped(folder, members):
    found = [finding for file in qt_names.sources(folder) for finding in findings(file, members)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("folder", FOLDERS)
def test_qt_is_imported_through_qgis(folder):
    found = [
        f"{file}:{line}: {module}"
        for file in qt_names.sources(folder)
        for line, module in qt_names.imported_modules(file)
        if module.split(".")[0] in ("PyQt5", "PyQt6", "PySide2", "PySide6", "sip") or module == "qgis.PyQt.Qt"
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("folder", SHIPPED)
def test_no_name_is_used_that_qt_6_has_removed_or_moved(folder):
    found = [
        str(name)
        for file in qt_names.sources(folder)
        for name in qt_names.used_names(file)
        if name.path[0] in REMOVED_NAMES or (name.path[0] in MOVED_NAMES and name.module.endswith("QtWidgets"))
    ]
    found += [
        f"{file}:{line}: {path[-1]}"
        for file in qt_names.sources(folder)
        for line, path in qt_names.attributes(file)
        if path[-1] in REMOVED_METHODS
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("line", "unscoped"),
    [
        ("Qt.UserRole", True),
        ("Qt.ItemDataRole.UserRole", False),
        ("QMessageBox.Ok | QMessageBox.Cancel", True),
        ("QMessageBox.StandardButton.Ok", False),
        ("Qgis.Info", True),
        ("Qgis.MessageLevel.Info", False),
        ("QgsProcessing.TypeVectorPoint", True),
        ("QgsProcessing.SourceType.TypeVectorPoint", False),
        ("class A(QgsTask):\n    def f(self):\n        return self.CanCancel", True),
        ("class A(QgsTask):\n    def f(self):\n        return QgsTask.Flag.CanCancel", False),
    ],
)
def test_unscoped_enums_are_recognised(line, unscoped, members, tmp_path):
    module = tmp_path / "module.py"
    imports = (
        "from qgis.core import Qgis, QgsProcessing, QgsTask\n"
        "from qgis.PyQt.QtCore import Qt\nfrom qgis.PyQt.QtWidgets import QMessageBox\n"
    )
    module.write_text(f"{imports}{line}\n", encoding="utf-8")
    assert bool(findings(module, members)) is unscoped
