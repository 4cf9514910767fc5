"""A newcomer's session inside a real QGIS window, which follows the tutorial word by word, from the package on.

Reads the environment: `PERMEA_TEST_PACKAGE` (the zip), `PERMEA_TEST_WHEELS` (a folder of wheels, as index; if empty,
the package index), `PERMEA_TEST_TUTORIAL` (the tutorial) and `PERMEA_TEST_OUT` (a folder for the pictures and
`report.json`).
"""

import os
import time
from pathlib import Path

import pyplugin_installer
import tutorial
from qgis.core import QgsProject, QgsSettings
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLabel,
    QMessageBox,
)
from qgis.utils import iface, plugins
from window_session import WindowSession

OUT = Path(os.environ["PERMEA_TEST_OUT"])
WINDOW = (1366, 768)
PATIENCE_SECONDS = 900  # compiling takes minutes on a loaded machine

course = WindowSession(OUT, PATIENCE_SECONDS, WINDOW)
report, picture = course.report, course.picture
report |= {"actions": [], "engine": "", "maps": {}}
started = time.monotonic()


def act(action, function):
    """Record an action of the user and do it when control is back in QGIS, as some open modal windows."""
    minute = round((time.monotonic() - started) / 60, 2)
    report["actions"].append({"step": action.step, "text": action.target, "minute": minute})
    QTimer.singleShot(0, function)


def windows():
    """Return the visible windows, the one in front first."""
    visible = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]
    modal = QApplication.activeModalWidget()
    return sorted(visible, key=lambda w: w is not modal) + [iface.mainWindow()]


def plain(text):
    """Return the text of a button or menu entry as the user reads it."""
    return text.replace("&", "").strip()


def button(text):
    """Return the visible button with a label, that of the window in front first; None if there is none."""
    for window in windows():
        for each in window.findChildren(QAbstractButton):
            if plain(each.text()) == text and each.isVisible():
                return each
    return None


def shows(text):
    """Tell whether a visible label has a text."""
    labels = [label for window in windows() for label in window.findChildren(QLabel) if label.isVisible()]
    return any(label.text() == text for label in labels)


def dialog_of_an_algorithm():
    """Return the visible dialog of an algorithm; None if there is none."""
    return next((w for w in windows() if type(w).__name__ == "AlgorithmDialog"), None)


def has_menu_entry(path):
    """Tell whether the menu bar has an entry."""
    menu = iface.mainWindow().menuBar()
    for part in path:
        entry = next((entry for entry in menu.actions() if plain(entry.text()) == part), None)
        if entry is None:
            return False
        menu = entry.menu()
    return True


def entry_of_toolbox(path):
    """Select an entry of the toolbox by the names that it shows, and return the toolbox; None if there is none."""
    toolbox = iface.mainWindow().findChild(QDockWidget, "ProcessingToolbox")
    model, index = toolbox.algorithmTree.model(), None
    for part in path:
        parent = index or toolbox.algorithmTree.rootIndex()
        rows = [model.index(row, 0, parent) for row in range(model.rowCount(parent))]
        index = next((each for each in rows if plain(str(each.data())) == part), None)
        if index is None:
            return None
    toolbox.algorithmTree.setCurrentIndex(index)
    return toolbox


def set_parameter(label, value):
    """Choose a value of a parameter in the dialog of an algorithm, both by the words that it shows."""
    dialog = dialog_of_an_algorithm()
    if dialog is None:
        raise LookupError(f"no algorithm is open; there are {[(type(w).__name__, w.windowTitle()) for w in windows()]}")
    labels = [plain(each.text()) for each in dialog.findChildren(QLabel) if each.isVisible()]
    if not any(text in (label, f"{label} [optional]") for text in labels):
        raise LookupError(f"“{label}” is not shown; there are: {labels}")
    name = next(each.name() for each in dialog.algorithm().parameterDefinitions() if each.description() == label)
    wrapper = dialog.mainWidget().wrappers[name]
    widget = wrapper.wrappedWidget() or wrapper.widget  # made by QGIS, or by the plugin
    boxes = [widget] if isinstance(widget, QComboBox) else widget.findChildren(QComboBox)
    for box in boxes:
        for index in range(box.count()):
            if box.itemText(index) == value or box.itemText(index).startswith(f"{value} ["):
                box.setCurrentIndex(index)
                return
    raise LookupError(
        f"“{label}” has no “{value}”, but {[box.itemText(i) for box in boxes for i in range(box.count())]}"
    )


def close_message_boxes():
    """Confirm the plugin manager's message that a plugin was installed."""
    for box in QApplication.topLevelWidgets():
        if isinstance(box, QMessageBox) and box.isVisible():
            box.accept()


def session():
    """Follow the tutorial."""
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, *WINDOW)
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "ProcessingToolbox"))
    if os.environ["PERMEA_TEST_WHEELS"]:
        QgsSettings().setValue("permea/engine/index", os.environ["PERMEA_TEST_WHEELS"])
    for number, action in enumerate(tutorial.read(os.environ["PERMEA_TEST_TUTORIAL"])):
        report["now"] = f"step {action.step}: {action.kind} {action.target}"
        yield from FOLLOW[action.kind](action)
        yield 300
        iface.messageBar().clearWidgets() if action.target == "Close" else None
        picture(f"newcomer-{action.step}-{number + 1:02d}")
    report["minutes"] = round((time.monotonic() - started) / 60, 2)


def choose(action):
    """Look the menu entry up; the last part is a page of the window that it opens."""
    if not has_menu_entry(action.path[:-1]):
        raise LookupError(f"there is no menu entry {action.target}")
    yield 0


def press(action):
    """Press a button, and wait for what it starts."""
    if action.target == "Install Plugin":
        # The plugin manager's own window would first look for plugins on the network.
        install = pyplugin_installer.instance().installFromZipFile
        act(action, lambda: install(os.environ["PERMEA_TEST_PACKAGE"]))
        yield lambda: "permea" in plugins or close_message_boxes()
        close_message_boxes()
        return
    yield lambda: button(action.target)
    yield 500
    pressed, dialog = button(action.target), dialog_of_an_algorithm()
    if dialog is None or action.target != "Run":
        act(action, pressed.click)
        yield 1000
        return
    before, ended = set(QgsProject.instance().mapLayers()), []
    dialog.algorithmFinished.connect(lambda successful, results: ended.append(successful))
    act(action, pressed.click)
    yield lambda: ended
    if not ended[0]:
        raise RuntimeError(f"{dialog.algorithm().displayName()} failed")
    yield lambda: set(QgsProject.instance().mapLayers()) - before
    yield lambda: not iface.mapCanvas().isDrawing()
    yield 1500
    made = set(QgsProject.instance().mapLayers()) - before
    report["maps"][action.step] = sorted(QgsProject.instance().mapLayer(layer).name() for layer in made)


def wait(action):
    """Wait for a text, or for the failure of the installation."""
    yield lambda: shows(action.target) or shows("The engine was not installed.")
    if not shows(action.target):
        dialog = next(w for w in windows() if type(w).__name__ == "EngineDialog")
        raise RuntimeError(dialog.reason_label.text() + dialog.log.toPlainText())
    report["engine"] = action.target
    report["installed_minutes"] = round((time.monotonic() - started) / 60, 2)


def open_algorithm(action):
    """Open an algorithm from the toolbox."""
    toolbox = entry_of_toolbox(action.path[1:])
    if action.path[0] != iface.mainWindow().findChild(QDockWidget, "ProcessingToolbox").windowTitle() or not toolbox:
        raise LookupError(f"there is no {action.target}")
    act(action, toolbox.executeAlgorithm)
    yield dialog_of_an_algorithm
    dialog_of_an_algorithm().move(200, 20)
    yield 1000


def set_value(action):
    """Set a parameter; the plugin manager's only field is the package."""
    if action.step == 1:
        yield 0
        return
    act(action, lambda: None)
    set_parameter(action.target, action.value)
    yield 300


FOLLOW = {"choose": choose, "press": press, "wait": wait, "open": open_algorithm, "set": set_value}
course.start(session())
