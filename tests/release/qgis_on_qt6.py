"""`qgis` on Qt 6, as QGIS 4 has it: `qgis.PyQt` is the real PyQt6, QGIS's own classes are the simplest that serve.

Names that nothing here defines are empty classes, so that every module can be imported.
"""

import importlib
import sys
import types
from pathlib import Path

from PyQt6 import QtCore, QtGui, QtWidgets

QT_MODULES = ("QtCore", "QtGui", "QtWidgets", "QtNetwork", "QtSvg", "QtXml", "QtTest", "QtPrintSupport")

#: The folder of the profile; tests set it.
profile = Path()


class _AnyName(type):
    """The class of classes with every attribute, such as enums that no test looks at."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _AnyName(name, (), {})

    def __or__(cls, other):
        return cls

    __ror__ = __and__ = __getitem__ = __or__

    def __iter__(cls):
        return iter((cls, cls))

    def __call__(cls, *args, **options):
        return cls if cls.__init__ is object.__init__ else type.__call__(cls, *args, **options)


class _StandIn(types.ModuleType):
    """A module that has every name."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, _AnyName(name, (), {}))
        return self.__dict__[name]


class QgsSettings(QtCore.QSettings):
    """Settings in a file of the profile."""

    def __init__(self):
        super().__init__(str(profile / "QGIS4.ini"), QtCore.QSettings.Format.IniFormat)


class QgsProcessingException(Exception):  # noqa: N818  (QGIS's name)
    """Error of an algorithm."""


class QgsFeedback(QtCore.QObject):
    """Cancels something."""

    canceled = QtCore.pyqtSignal()

    def __init__(self):
        super().__init__()
        self._cancelled = False

    def cancel(self):
        self._cancelled = True
        self.canceled.emit()

    def isCanceled(self):  # noqa: N802
        return self._cancelled


class QgsTask(QtCore.QObject):
    """A task that runs in the main thread, between two events."""

    Flag = _AnyName("Flag", (), {})

    def __init__(self, description="", flags=None):
        super().__init__()
        self._cancelled = False

    def setProgress(self, progress):  # noqa: N802
        pass

    def cancel(self):
        self._cancelled = True

    def isCanceled(self):  # noqa: N802
        return self._cancelled


class _TaskManager:
    def addTask(self, task):  # noqa: N802
        QtCore.QTimer.singleShot(0, lambda: task.finished(task.run()))


class QgsApplication(QtWidgets.QApplication):
    """The application."""

    @staticmethod
    def taskManager():  # noqa: N802
        return _TaskManager()

    @staticmethod
    def getThemeIcon(name):  # noqa: N802
        return QtGui.QIcon()

    @staticmethod
    def qgisSettingsDirPath():  # noqa: N802
        return f"{profile}/"

    @staticmethod
    def qgisUserDatabaseFilePath():  # noqa: N802
        return str(profile / "qgis.db")


class QgsCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box that shows its contents or not."""

    def __init__(self, title="", parent=None):
        super().__init__(title, parent)
        self._collapsed = False

    def setSaveCollapsedState(self, saved):  # noqa: N802
        pass

    def setCollapsed(self, collapsed):  # noqa: N802
        self._collapsed = collapsed

    def isCollapsed(self):  # noqa: N802
        return self._collapsed


class QgsFileWidget(QtWidgets.QWidget):
    """A path."""

    fileChanged = QtCore.pyqtSignal(str)  # noqa: N815
    StorageMode = _AnyName("StorageMode", (), {})

    def __init__(self, parent=None):
        super().__init__(parent)
        self._line = QtWidgets.QLineEdit(self)
        self._line.textChanged.connect(self.fileChanged)

    def setFilePath(self, path):  # noqa: N802
        self._line.setText(path)

    def filePath(self):  # noqa: N802
        return self._line.text()

    def lineEdit(self):  # noqa: N802
        return self._line

    def __getattr__(self, name):
        if not name.startswith("set"):
            raise AttributeError(name)
        return lambda value: None


class Qgis(metaclass=_AnyName):
    """The version."""

    QGIS_VERSION_INT = 40000
    QGIS_VERSION = "4.0.0"


CORE = (Qgis, QgsApplication, QgsFeedback, QgsProcessingException, QgsSettings, QgsTask)
GUI = (QgsCollapsibleGroupBox, QgsFileWidget)


def install():
    """Make `qgis` importable, and what else only QGIS's Python has."""
    stand_ins = ("qgis", "qgis.core", "qgis.gui", "qgis.analysis", "qgis.utils", "osgeo", "processing")
    stand_ins += ("processing.core", "processing.gui", "processing.gui.wrappers", "processing.gui.AlgorithmDialog")
    for name in stand_ins:
        sys.modules[name] = _StandIn(name)
    for name in stand_ins:
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])
    for module, classes in (("qgis.core", CORE), ("qgis.gui", GUI)):
        for each in classes:
            setattr(sys.modules[module], each.__name__, each)
    qt = types.ModuleType("qgis.PyQt")
    qt.__path__ = ()
    sys.modules["qgis.PyQt"] = sys.modules["qgis"].PyQt = qt
    for name in QT_MODULES:
        module = importlib.import_module(f"PyQt6.{name}")
        sys.modules[f"qgis.PyQt.{name}"] = module
        setattr(qt, name, module)
