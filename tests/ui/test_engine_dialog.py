"""The dialog *Permea ▸ Engine…* with working, missing and broken engines, and its buttons."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QSettings, QTimer
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QLineEdit, QPlainTextEdit

SETTING = "permea/engine/python"
VARIABLE = "PERMEA_ENGINE_PYTHON"
QGIS_PYTHON = "/usr/bin/python3"
PATIENCE = 300  # seconds


@pytest.fixture
def engine_python():
    """Python of a real engine, named by the environment of the tests."""
    python = os.environ.get(VARIABLE)
    if not python:
        pytest.fail(f"{VARIABLE} is not set: run the tests with `make test`.")
    return python


@pytest.fixture
def open_dialog(qgis_app, monkeypatch, tmp_path):
    """Open the dialog in a QGIS without any other engine, and wait until it has checked the engine."""
    from permea.ui.engine_dialog import EngineDialog

    # Separate settings for this test, because test runs in parallel would overwrite each other's.
    usual = Path(QgsSettings().fileName()).parents[1]
    keep_settings_in(tmp_path)
    opened = []

    def open_it(variable=None, setting=None):
        if variable is None:
            monkeypatch.delenv(VARIABLE, raising=False)
        else:
            monkeypatch.setenv(VARIABLE, str(variable))
        if setting is not None:
            QgsSettings().setValue(SETTING, str(setting))
        dialog = EngineDialog()
        dialog.show()
        opened.append(dialog)
        wait_for(dialog)
        return dialog

    yield open_it
    for dialog in opened:
        dialog.close()
        dialog.deleteLater()
    keep_settings_in(usual)


def keep_settings_in(folder):
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))


def wait_until(condition, seconds=PATIENCE):
    """Process Qt events until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing happened for {seconds} s"
        QApplication.processEvents()
        time.sleep(0.02)


def wait_for(dialog):
    wait_until(lambda: not dialog.is_busy())


def press_test(dialog, python):
    """Choose a Python in the dialog, press Test and wait for the result."""
    dialog.python_chooser.chooser.setFilePath(str(python))
    dialog.python_chooser.test_button.click()
    wait_for(dialog)
    return dialog.python_chooser.test_label.text()


def program(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def quick_engine(tmp_path):
    """A program that answers at once what an engine answers."""
    versions = {"python": "3.11.2", "jax": "0.10.2"}
    return str(program(tmp_path / "quick", f"#!/bin/sh\necho '{json.dumps({'versions': versions})}'\n"))


def test_working_engine_is_described_without_importing_jax(open_dialog, engine_python):
    dialog = open_dialog(variable=engine_python)
    assert dialog.headline() == "The engine is ready."
    assert dialog.facts["python"].text() == engine_python
    assert VARIABLE in dialog.facts["origin"].text()
    for name in ("Python 3", "JAX", "NumPy", "SciPy", "Equinox"):
        assert name in dialog.facts["versions"].text()
    assert dialog.facts["device"].text() not in ("", "–")
    assert "GB" in dialog.facts["memory"].text()
    assert dialog.log_box.isCollapsed()
    assert "jax" not in sys.modules


def test_missing_engine_is_reported(open_dialog):
    dialog = open_dialog()
    assert "ready" not in dialog.headline()
    assert "engine" in dialog.headline().lower()
    assert dialog.facts["versions"].text() == "–"


def test_missing_configured_python_is_reported(open_dialog, tmp_path):
    gone = tmp_path / "gone" / "python"
    dialog = open_dialog(setting=gone)
    assert str(gone) in dialog.headline() + dialog.log.toPlainText()
    assert dialog.python_chooser.default_button.isEnabled()


def test_errors_of_broken_python_are_logged(open_dialog, tmp_path):
    broken = program(tmp_path / "python", "#!/bin/sh\necho the disk is on fire >&2\nexit 3\n")
    dialog = open_dialog()
    verdict = press_test(dialog, broken)
    assert verdict
    assert "the disk is on fire" in dialog.log.toPlainText()
    assert not dialog.log_box.isCollapsed()
    assert not dialog.python_chooser.use_button.isEnabled()


def test_file_that_is_not_executable_is_rejected(open_dialog, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear reader,", encoding="utf-8")
    dialog = open_dialog()
    verdict = press_test(dialog, letter)
    assert str(letter) in verdict + dialog.log.toPlainText()
    assert not dialog.python_chooser.use_button.isEnabled()


def test_program_other_than_python_is_rejected(open_dialog):
    dialog = open_dialog()
    verdict = press_test(dialog, "/bin/echo")
    assert verdict
    assert not dialog.python_chooser.use_button.isEnabled()


def test_python_without_jax_is_rejected(open_dialog):
    dialog = open_dialog()
    press_test(dialog, QGIS_PYTHON)
    assert "jax" in dialog.python_chooser.test_label.text().lower() + dialog.log.toPlainText().lower()
    assert not dialog.python_chooser.use_button.isEnabled()


def test_tested_python_can_be_used_and_reset(open_dialog, engine_python):
    dialog = open_dialog()
    assert not dialog.python_chooser.default_button.isEnabled()
    assert "JAX" in press_test(dialog, engine_python)
    dialog.python_chooser.use_button.click()
    wait_for(dialog)
    assert QgsSettings().value(SETTING) == engine_python
    assert dialog.headline() == "The engine is ready."
    dialog.python_chooser.default_button.click()
    wait_for(dialog)
    assert not QgsSettings().contains(SETTING)
    assert dialog.headline() != "The engine is ready."


def test_changed_path_must_be_tested_again(open_dialog, quick_engine):
    dialog = open_dialog()
    press_test(dialog, quick_engine)
    assert dialog.python_chooser.use_button.isEnabled()
    dialog.python_chooser.chooser.setFilePath(QGIS_PYTHON)
    assert not dialog.python_chooser.use_button.isEnabled()
    assert dialog.python_chooser.test_label.text() == ""


def test_dialog_stays_responsive_while_python_hangs(open_dialog, tmp_path):
    slow = program(tmp_path / "python", "#!/bin/sh\nexec sleep 60\n")
    dialog = open_dialog()
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(50)
    dialog.python_chooser.chooser.setFilePath(str(slow))
    dialog.python_chooser.test_button.click()
    wait_until(lambda: len(ticks) > 10)
    assert dialog.is_busy()
    dialog.close()
    assert not dialog.isVisible()
    assert not dialog.is_busy()
    # The program has ended, too: it would delay the end of QGIS.
    wait_until(lambda: all(thread.name != "permea-background" for thread in threading.enumerate()), seconds=20)


def test_log_can_be_copied(open_dialog, tmp_path):
    broken = program(tmp_path / "python", "#!/bin/sh\necho what a day >&2\nexit 1\n")
    dialog = open_dialog()
    press_test(dialog, broken)
    dialog.copy_button.click()
    assert "what a day" in QApplication.clipboard().text()


def test_widgets_are_accessible(open_dialog):
    dialog = open_dialog()
    for button in (
        dialog.python_chooser.test_button,
        dialog.python_chooser.use_button,
        dialog.python_chooser.default_button,
        dialog.copy_button,
    ):
        assert "&" in button.text()
        assert button.toolTip()
    shortcuts = [
        button.text()[button.text().index("&") + 1].lower()
        for button in dialog.findChildren(QAbstractButton)
        if "&" in button.text()
    ]
    assert len(shortcuts) == len(set(shortcuts))
    for kind in (QLineEdit, QPlainTextEdit):
        for widget in dialog.findChildren(kind):
            assert widget.accessibleName()


def test_dialog_closes_for_a_run_that_waits_once_there_is_an_engine(qgis_app, monkeypatch, engine_python):
    from permea.ui.engine_dialog import EngineDialog

    monkeypatch.delenv(VARIABLE)
    dialog = EngineDialog(for_run=True)
    dialog.show()
    wait_for(dialog)
    assert dialog.isVisible() and "The run starts once the engine is installed" in dialog.reason_label.text()
    monkeypatch.setenv(VARIABLE, engine_python)
    dialog.refresh()
    wait_for(dialog)
    assert not dialog.isVisible() and dialog.result() == EngineDialog.DialogCode.Accepted
    dialog.deleteLater()
