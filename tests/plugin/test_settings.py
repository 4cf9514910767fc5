"""Settings are stored once, shown in two places, given to the engine, and refused in words if they are wrong."""

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QToolBar

from permea.plugin.engine_environment import find_engine, scrubbed_environment
from permea.plugin.engine_errors import EngineNotFound
from permea.plugin.processing_options import add_processing_options, remove_processing_options
from permea.plugin.settings import (
    CLUSTER,
    DEVICE,
    KEEP_JOBS,
    KEEP_MINUTES,
    MEMORY,
    PYTHON,
    SETTINGS,
    THREADS,
    InvalidSetting,
)


def test_defaults_set_no_variable_of_the_engine(qgis_app, monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    environment = scrubbed_environment()
    assert not {"PERMEA_THREADS", "PERMEA_MEMORY_BYTES", "NPROC", "JAX_PLATFORMS"} & set(environment)
    assert KEEP_MINUTES.value() == 10 and KEEP_JOBS.value() is False


def test_memory_of_a_graphics_card_is_left_to_others_by_default(qgis_app, monkeypatch):
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    assert scrubbed_environment()["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    assert scrubbed_environment()["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"


def test_engine_gets_device_threads_and_memory(qgis_app, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("JAX_PLATFORMS", "tpu")
    DEVICE.store("cpu")
    THREADS.store("2")
    MEMORY.store("1,5")
    environment = scrubbed_environment()
    assert environment["JAX_PLATFORMS"] == "cpu"
    assert environment["PERMEA_MEMORY_BYTES"] == "1500000000"
    assert {environment[name] for name in ("PERMEA_THREADS", "NPROC", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")} == {"2"}


@pytest.mark.parametrize(
    ("setting", "text", "reason"),
    [
        (THREADS, "two", "a whole number from 0 to 4,096"),
        (THREADS, "-1", "a whole number"),
        (THREADS, "2.5", "a whole number"),
        (MEMORY, "8 GB", "a number of gigabytes, for example 8"),
        (MEMORY, "-1", "a number of gigabytes"),
        (MEMORY, "inf", "a number of gigabytes"),
        (KEEP_MINUTES, "99999", "a whole number from 0 to 10,080"),
        (DEVICE, "gpu", "one of automatic, cpu, cuda"),
        (CLUSTER, "my computer", "the address of a scheduler such as tcp://10.0.0.1:8786, or local"),
        (PYTHON, "/nowhere/python", "there is no such file"),
        (KEEP_JOBS, "maybe", "true or false"),
    ],
)
def test_wrong_values_are_refused_in_words(qgis_app, setting, text, reason):
    with pytest.raises(ValueError, match=reason):
        setting.store(text)
    assert not QgsSettings().contains(setting.key)
    QgsSettings().setValue(setting.key, text)  # as another program, or the advanced settings, may
    with pytest.raises(InvalidSetting, match=reason) as refused:
        setting.value()
    assert setting.label in str(refused.value) and "Plugins ▸ Permea ▸ Settings…" in str(refused.value)
    assert setting.shown() == text


def test_default_is_not_stored(qgis_app):
    for setting in SETTINGS:
        setting.store(setting.entered(setting.choices.get(setting.default, setting.default)))
        assert not QgsSettings().contains(setting.key)


def test_device_on_which_the_engine_cannot_compute_is_named(qgis_app, tmp_path):
    """The engine's own words name a variable that the user has never set."""
    answer = '{"type": "error", "kind": "input", "text": "the environment variable JAX_PLATFORMS is cuda"}'
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{answer}'\nexit 2\n")
    python.chmod(0o755)
    PYTHON.store(str(python))
    DEVICE.store("cuda")
    with pytest.raises(EngineNotFound, match="cannot compute on the device “NVIDIA graphics card”, which is chosen in"):
        find_engine()


@pytest.fixture
def options(qgis_app, qgis_processing):
    """The options of Processing's page by the key of the setting."""
    from processing.core.ProcessingConfig import ProcessingConfig

    add_processing_options("Permea", QIcon())
    yield {option.name: option for option in ProcessingConfig.getSettings()["Permea"]}
    remove_processing_options()


def test_processing_shows_and_stores_the_same_settings(options):
    assert list(options) == [setting.key for setting in SETTINGS]
    THREADS.store("3")
    DEVICE.store("cpu")
    assert options[THREADS.key].value == 3
    assert options[DEVICE.key].value == "Processor (CPU)"
    options[DEVICE.key].setValue("NVIDIA graphics card")
    options[DEVICE.key].save(QgsSettings())
    options[KEEP_JOBS.key].setValue(True)
    options[KEEP_JOBS.key].save(QgsSettings())
    options[MEMORY.key].setValue("4.5")
    options[MEMORY.key].save()
    assert (DEVICE.value(), KEEP_JOBS.value(), MEMORY.value()) == ("cuda", True, 4.5)


def test_processing_refuses_wrong_values_before_they_are_stored(options):
    with pytest.raises(ValueError, match="whole number"):
        options[THREADS.key].setValue("many")
    with pytest.raises(ValueError, match="scheduler"):
        options[CLUSTER.key].setValue("my computer")
    assert not THREADS.text() and not CLUSTER.text()


def test_page_of_processing_can_be_filled_and_accepted(options, qgis_iface, monkeypatch):
    # Processing's menus, which this page imports, need a tool bar since QGIS 3.40.
    monkeypatch.setattr(qgis_iface, "selectionToolBar", QToolBar, raising=False)
    from processing.gui.ConfigDialog import ConfigDialog

    dialog = ConfigDialog()
    items = {setting.name: item for setting, item in dialog.items.items() if setting.name in options}
    assert len(items) == len(SETTINGS)
    assert items[DEVICE.key].text() == "Automatic" and items[KEEP_MINUTES.key].text() == "10"
    items[THREADS.key].setText("2")
    dialog.accept()
    assert THREADS.value() == 2
    dialog.deleteLater()


def test_page_goes_with_the_provider(options):
    from processing.core.ProcessingConfig import ProcessingConfig

    remove_processing_options()
    remove_processing_options()
    assert "Permea" not in ProcessingConfig.getSettings()
