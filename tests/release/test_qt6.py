"""On Qt 6: every name of Qt that the plugin uses exists, its windows open, its processes run."""

import importlib
import json
import stat
import time

import pytest
import qt_names

SHIPPED = ("plugin", "ui")
MODULES = [".".join(("permea", *file.with_suffix("").parts)) for file in qt_names.sources("ui")]


@pytest.mark.parametrize("folder", SHIPPED)
def test_names_of_qt_exist(folder):
    missing = []
    for file in qt_names.sources(folder):
        for name in qt_names.used_names(file):
            if name.module.startswith("qgis.PyQt"):
                try:
                    qt_names.resolved(name, importlib.import_module(name.module))
                except AttributeError:
                    missing.append(str(name))
    assert not missing, "\n" + "\n".join(missing)


@pytest.mark.parametrize(
    ("line", "exists"),
    [
        ("Qt.UserRole", False),
        ("Qt.ItemDataRole.UserRole", True),
        ("QVariant.Type.Int", False),
        ("QMetaType.Type.Int", True),
        ("QRegExp", False),
        ("QRegularExpression", True),
    ],
)
def test_missing_names_are_recognised(line, exists, tmp_path):
    module = tmp_path / "module.py"
    module.write_text(f"from qgis.PyQt.QtCore import {line.split('.')[0]}\n{line}\n")
    names = qt_names.used_names(module)
    if exists:
        assert [qt_names.resolved(name, importlib.import_module(name.module)) for name in names]
    else:
        with pytest.raises(AttributeError):
            [qt_names.resolved(name, importlib.import_module(name.module)) for name in names]


@pytest.mark.parametrize("module", MODULES)
def test_windows_can_be_imported(module):
    importlib.import_module(module)


def wait_until(condition, application, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing happened for {seconds} s"
        application.processEvents()
        time.sleep(0.01)


@pytest.fixture
def engine_dialog(application, monkeypatch):
    """Open the engine dialog with the engine that a path names, and wait until it has been checked."""
    from permea.ui.engine_dialog import EngineDialog

    opened = []

    def open_it(python=""):
        monkeypatch.setenv("PERMEA_ENGINE_PYTHON", str(python))
        dialog = EngineDialog()
        dialog.show()
        opened.append(dialog)
        wait_until(lambda: not dialog.is_busy(), application)
        return dialog

    yield open_it
    for dialog in opened:
        dialog.close()


@pytest.fixture
def engine(tmp_path):
    """A program that answers at once what an engine answers."""
    path = tmp_path / "python"
    answer = json.dumps({"versions": {"python": "3.12.1", "jax": "0.12.0"}})
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_engine_dialog_describes_an_engine(engine_dialog, engine):
    dialog = engine_dialog(engine)
    assert dialog.headline() == "The engine is ready."
    assert "JAX 0.12.0" in dialog.facts["versions"].text()


def test_engine_dialog_offers_to_install_one(engine_dialog):
    dialog = engine_dialog()
    assert "ready" not in dialog.headline()
    assert dialog.installer.install_button.isVisible()
    assert "to download" in dialog.installer.offer.text()
    assert not dialog.grab().isNull()


def test_python_is_tested_and_used(engine_dialog, engine, application):
    dialog = engine_dialog()
    dialog.python_chooser.chooser.setFilePath(str(engine))
    dialog.python_chooser.test_button.click()
    wait_until(lambda: not dialog.is_busy(), application)
    assert "JAX 0.12.0" in dialog.python_chooser.test_label.text()
    dialog.python_chooser.use_button.click()
    wait_until(lambda: not dialog.is_busy(), application)
    assert dialog.headline() == "The engine is ready."


def test_processes_run_fail_and_are_cancelled(application):
    from permea.plugin.process_runner import Outcome, run_process

    def run(*command, **options):
        lines = []
        options |= {"environment": {"PATH": "/usr/bin:/bin"}, "folder": "/"}
        ended = run_process(command, on_line=lambda line: lines.append(line) or True, **options)
        return ended.outcome, ended.status, lines

    assert run("sh", "-c", "echo one; echo two; exit 3") == (Outcome.EXITED, 3, ["one", "two"])
    assert run("sh", "-c", "kill -9 $$")[0] is Outcome.CRASHED
    assert run("no-such-program")[0] is Outcome.FAILED_TO_START
    assert run("sleep", "60", is_cancelled=lambda: True)[0] is Outcome.CANCELLED
    assert run("sleep", "60", timeout=0.1)[0] is Outcome.TIMED_OUT
