"""The engine dialog while it installs an engine: offer, progress, result, and what the user may press."""

import time
from pathlib import Path

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QSettings
from qgis.PyQt.QtWidgets import QApplication, QPushButton

from permea.plugin import engine_environment, engine_folders
from permea.plugin.installer import installation_commands, measured_devices, plan_installation
from permea.ui import installer_panel
from permea.ui.engine_dialog import EngineDialog
from permea.ui.installation_task import InstallationTask, running_installation

SCREEN_HEIGHT = 768
PATIENCE = 120  # seconds


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"nothing happened for {PATIENCE} s"
        QApplication.processEvents()
        time.sleep(0.02)


@pytest.fixture
def open_dialog(plan, monkeypatch, tmp_path):
    """Open the dialog in a QGIS without an engine; it installs the small engine."""
    monkeypatch.setattr(engine_environment, "PACKAGE_FOLDER", str(plan.package_folder))
    monkeypatch.setattr(installer_panel, "plan_installation", lambda device: plan)
    usual = Path(QgsSettings().fileName()).parents[1]
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    pressed, dialogs = [], []

    def opened():
        dialog = EngineDialog(None, lambda: pressed.append("sample"), lambda: pressed.append("toolbox"))
        dialog.pressed = pressed
        dialog.show()
        dialogs.append(dialog)
        wait_until(lambda: not dialog._tasks)
        return dialog

    yield opened
    for dialog in dialogs:
        dialog.close()
        dialog.deleteLater()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(usual))


def visible_buttons(dialog):
    return {button.text().replace("&", "") for button in dialog.findChildren(QPushButton) if button.isVisible()}


def test_install_button_leads_to_a_ready_engine(open_dialog, plan):
    dialog = open_dialog()
    assert dialog.headline() == "Permea's engine is not installed yet."
    assert {"Install", "Use an existing Python…", "Copy the commands"} <= visible_buttons(dialog)
    assert str(plan.folder) in dialog.installer.offer.text() and "60 MB to download" in dialog.installer.offer.text()
    dialog.installer.install_button.click()
    assert dialog.headline() == "Installing the engine…" and "Cancel" in visible_buttons(dialog)
    wait_until(lambda: not dialog.is_busy())
    assert dialog.headline() == "The engine is ready."
    assert dialog.facts["origin"].text() == "installed by Permea in your QGIS profile"
    assert {"Load the sample", "Open the toolbox"} <= visible_buttons(dialog) and dialog.installer.isCollapsed()
    assert "Remove older engines" not in visible_buttons(dialog)
    assert "pip install --require-hashes" in dialog.log.toPlainText()
    dialog.next_steps["sample"].click()
    assert dialog.pressed == ["sample"] and not dialog.isVisible()


def test_closed_dialog_lets_the_installation_go_on(open_dialog):
    dialog = open_dialog()
    dialog.installer.install_button.click()
    dialog.close()
    assert running_installation() is not None
    again = open_dialog()
    assert again.installer.is_installing()
    wait_until(lambda: not again.is_busy())
    assert again.headline() == "The engine is ready."


def test_cancel_stops_and_offers_again(open_dialog):
    dialog = open_dialog()
    dialog.installer.install_button.click()
    dialog.installer.cancel_button.click()
    wait_until(lambda: not dialog.is_busy())
    assert dialog.headline() == "Cancelled. What is downloaded is kept."
    assert "Install" in visible_buttons(dialog) and engine_folders.current_engine() is None


def test_failure_is_explained_and_logged(open_dialog, plan):
    plan.requirements.write_text(plan.requirements.read_text().replace("smallarrays==1.0", "smallarrays==2.0"))
    dialog = open_dialog()
    dialog.installer.install_button.click()
    wait_until(lambda: not dialog.is_busy())
    assert dialog.headline() == "The engine was not installed."
    assert dialog.reason_label.text().startswith("The packages could not be installed: ")
    assert not dialog.log_box.isCollapsed() and "Install" in visible_buttons(dialog)


def test_dialog_fits_a_small_screen(open_dialog):
    dialog = open_dialog()
    assert dialog.height() <= SCREEN_HEIGHT - 60
    dialog.python_chooser.setCollapsed(False)
    dialog.log_box.setCollapsed(False)
    QApplication.processEvents()
    assert dialog.minimumSizeHint().height() <= SCREEN_HEIGHT - 60


def test_older_engines_are_removed_on_request(open_dialog):
    older = engine_folders.engines_folder() / "0123456789ab-cpu"
    older.mkdir(parents=True)
    dialog = open_dialog()
    dialog.installer.remove_button.click()
    assert not older.exists() and not dialog.installer.remove_button.isVisible()


@pytest.mark.parametrize(
    ("system", "first", "python"),
    [
        ("linux", "python3 -m venv", "bin/python"),
        ("darwin", "python3 -m venv", "bin/python"),
        ("win32", "py -3", "exe"),
    ],
)
def test_commands_have_the_paths_of_this_computer(plan, system, first, python):
    commands = installation_commands(plan, system)
    lines = commands.splitlines()
    assert lines[1].startswith(first) and str(plan.folder) in lines[1]
    assert "--require-hashes" in lines[2] and str(plan.requirements) in lines[2] and str(plan.index) in lines[2]
    assert lines[-1].endswith(python)


def test_measured_sizes_and_licences_are_those_of_the_lock(qgis_app):
    plan = plan_installation()
    assert "cpu" in measured_devices() and 1e8 < plan.download_bytes < plan.disk_bytes < 2e9
    locked = plan.requirements.read_text(encoding="utf-8")
    assert len(plan.packages) > 10
    for package in plan.packages:
        assert f"{package.name.replace('_', '-').lower()}=={package.version}" in locked and package.licence


def test_error_of_the_program_is_reported_without_its_traceback(plan):
    plan.uv_requirements.write_text("", encoding="utf-8")
    task = InstallationTask(plan)
    assert not task.run()
    assert task.message.startswith("Permea stopped because of an error in its own program.")
    assert "ValueError" in task.lines[-1]
