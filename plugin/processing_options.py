"""Permea's page of *Settings ▸ Options ▸ Processing ▸ Providers*: the settings that its own dialog shows."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtGui import QIcon

from .settings import SETTINGS, Setting


def add_processing_options(group: str, icon: QIcon) -> None:
    """Add the page.

    Parameters
    ----------
    group
        Its title: the name of the provider.
    icon
        Its icon.
    """
    # Imported here: where QGIS is used as a library, its own plugins may be missing.
    try:
        from processing.core.ProcessingConfig import ProcessingConfig
    except ImportError:
        return
    ProcessingConfig.setGroupIcon(group, icon)
    for setting in SETTINGS:
        ProcessingConfig.addSetting(_option(group, setting))


def remove_processing_options() -> None:
    """Remove the page."""
    try:
        from processing.core.ProcessingConfig import ProcessingConfig
    except ImportError:
        return
    for setting in SETTINGS:
        if setting.key in ProcessingConfig.settings:
            ProcessingConfig.removeSetting(setting.key)


def _option(group: str, setting: Setting) -> Any:
    """Return an option of Processing that shows what is stored, wherever it was set, and stores what the user types."""
    from processing.core.ProcessingConfig import Setting as Option

    class StoredOption(Option):
        """An option that keeps no value of its own."""

        @property
        def value(self) -> Any:
            """The value, or the text where it is not valid, as the page shows it."""
            return setting.shown()

        @value.setter
        def value(self, value: Any) -> None:
            self._entered = setting.entered(value)

        def setValue(self, value: Any) -> None:  # noqa: N802 (QGIS calls it so)
            """Take what the user has entered; raises a `ValueError` that says what is wrong with it."""
            text = setting.entered(value)
            if text:
                setting.parse(text)
            self._entered = text

        def read(self, qsettings: Any = None) -> None:
            """Nothing to do: the value is always read."""

        def save(self, qsettings: Any = None) -> None:
            """Store what the user has entered."""
            setting.store(self._entered)

    kinds = {int: Option.INT, float: Option.FLOAT}
    kind = Option.SELECTION if setting.choices else Option.FILE if setting.is_file else Option.STRING
    return StoredOption(
        group,
        setting.key,
        str(setting.complete_label()),
        setting.default,
        valuetype=kinds.get(type(setting.default), kind),
        options=[str(name) for name in setting.choices.values()],
    )
