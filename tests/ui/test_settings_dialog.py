"""The dialog of the settings shows what is stored, refuses what is wrong, and deletes the compiled code."""

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox

from permea.plugin import engine_environment
from permea.plugin.settings import CLUSTER, DEVICE, KEEP_JOBS, KEEP_MINUTES, MEMORY, PYTHON, SETTINGS, THREADS


@pytest.fixture
def settings_dialog(qgis_app, monkeypatch, tmp_path):
    """Open the dialog with a cache of its own and nothing stored."""
    from permea.ui.settings_dialog import SettingsDialog

    monkeypatch.setattr(engine_environment, "cache_folder", lambda: tmp_path / "cache")
    before = {setting.key: QgsSettings().value(setting.key) for setting in SETTINGS}
    for key in before:
        QgsSettings().remove(key)
    opened = []

    def open_it():
        opened.append(SettingsDialog())
        opened[-1].show()
        return opened[-1]

    yield open_it
    for dialog in opened:
        dialog.close()
        dialog.deleteLater()
    for key, value in before.items():
        QgsSettings().remove(key) if value is None else QgsSettings().setValue(key, value)


def test_settings_are_shown_stored_and_reset(settings_dialog):
    DEVICE.store("cpu")
    dialog = settings_dialog()
    editors = dialog.editors
    assert editors[DEVICE.key].currentText() == "Processor (CPU)" and editors[KEEP_MINUTES.key].value() == 10
    editors[THREADS.key].setValue(2)
    editors[MEMORY.key].setValue(4.5)
    editors[KEEP_MINUTES.key].setValue(0)
    editors[CLUSTER.key].setText("tcp://10.0.0.1:8786 ")
    editors[KEEP_JOBS.key].setChecked(True)
    dialog.accept()
    assert dialog.result() == QDialog.DialogCode.Accepted
    stored = [setting.value() for setting in (DEVICE, THREADS, MEMORY, KEEP_MINUTES, CLUSTER, KEEP_JOBS)]
    assert stored == ["cpu", 2, 4.5, 0, "tcp://10.0.0.1:8786", True]
    again = settings_dialog()
    assert again.editors[CLUSTER.key].text() == "tcp://10.0.0.1:8786" and again.editors[KEEP_JOBS.key].isChecked()
    buttons = again.findChild(QDialogButtonBox)
    buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).click()
    assert THREADS.value() == 2  # not before OK
    again.accept()
    assert not any(QgsSettings().contains(setting.key) for setting in SETTINGS)


@pytest.mark.parametrize("text", ["1.25", "0.04", "8"])
def test_settings_that_are_not_touched_keep_all_their_digits(settings_dialog, text):
    MEMORY.store(text)
    dialog = settings_dialog()
    assert dialog.editors[MEMORY.key].text() == f"{text} GB"
    dialog.accept()
    assert MEMORY.value() == float(text)


@pytest.mark.parametrize(
    ("setting", "enter", "reason"),
    [
        (THREADS, lambda editor: editor.setValue(9000), "give a whole number from 0 to 4,096"),
        (CLUSTER, lambda editor: editor.setText("my computer"), "give the address of a scheduler"),
        (PYTHON, lambda editor: editor.setFilePath("/nowhere/python"), "there is no such file"),
    ],
)
def test_wrong_value_keeps_the_dialog_open_and_nothing_is_stored(settings_dialog, setting, enter, reason):
    dialog = settings_dialog()
    dialog.editors[KEEP_MINUTES.key].setValue(3)
    enter(dialog.editors[setting.key])
    dialog.accept()
    assert dialog.isVisible() and dialog.message.isVisible()
    assert f"{setting.label}: {reason}" in dialog.message.text()
    assert not any(QgsSettings().contains(each.key) for each in SETTINGS)


def test_wrong_value_that_is_stored_is_named(settings_dialog):
    QgsSettings().setValue(THREADS.key, "many")
    dialog = settings_dialog()
    assert "is 'many': give a whole number" in dialog.message.text()
    dialog.accept()
    assert not THREADS.text()


def test_clear_deletes_only_compiled_code(settings_dialog, tmp_path):
    cache = tmp_path / "cache"
    (cache / "jax").mkdir(parents=True)
    (cache / "jax" / "kernel").write_bytes(b"x" * 3_000_000)
    (tmp_path / "letter.txt").write_text("keep me", encoding="utf-8")
    dialog = settings_dialog()
    assert "3 MB" in dialog.cache.label.text()
    dialog.cache.clear_button.click()
    assert list(cache.iterdir()) == []
    assert (tmp_path / "letter.txt").is_file()
    assert "0 bytes" in dialog.cache.label.text() and not dialog.cache.clear_button.isEnabled()


def test_dialog_is_accessible_and_fits_a_small_screen(settings_dialog):
    dialog = settings_dialog()
    assert dialog.height() <= 700 and dialog.width() <= 1000
    for setting in SETTINGS:
        assert dialog.editors[setting.key].accessibleName() and dialog.editors[setting.key].toolTip()
    assert dialog.message.accessibleName() and dialog.cache.label.accessibleName()
