"""The dialog *Plugins ▸ Permea ▸ Settings…*."""

from __future__ import annotations

from qgis.gui import QgsFileWidget, QgsSpinBox
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..plugin.byte_sizes import format_bytes
from ..plugin.i18n import tr
from ..plugin.runner import WORKERS
from ..plugin.settings import MOST_GB, MOST_MINUTES, SETTINGS, InvalidSetting, Setting
from .cache_widget import CacheWidget
from .labels import selectable_label
from .plain_spin_box import PlainSpinBox

WIDTH = 640  # pixels

# A number of GB is stored to the byte.
DECIMALS = 9


class SettingsDialog(QDialog):
    """Show and change what the engine may use, and how long it stays loaded.

    Parameters
    ----------
    parent
        Parent window.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("permeaSettingsDialog")
        self.setWindowTitle(tr("Permea settings"))
        layout = QVBoxLayout(self)
        self.message = selectable_label(tr("What is wrong"))
        self.message.setStyleSheet("color: #b00020;")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.editors = {}
        for setting in SETTINGS:
            editor = self.editors[setting.key] = _editor(setting)
            editor.setToolTip(setting.explanation)
            editor.setAccessibleName(setting.label)
            if isinstance(editor, QCheckBox):
                form.addRow(editor)
            else:
                form.addRow(setting.label, editor)
        self.memory_label = selectable_label(tr("Loaded engine"))
        form.addRow(tr("Loaded engine"), self.memory_label)
        self.cache = CacheWidget()
        form.addRow(tr("Compiled code"), self.cache)
        layout.addLayout(form)
        layout.addWidget(self.message)
        layout.addStretch(1)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel | standard.RestoreDefaults)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.button(standard.RestoreDefaults).clicked.connect(self._show_defaults)
        layout.addWidget(buttons)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)
        self.resize(WIDTH, 0)
        self._show_stored()

    def accept(self) -> None:
        """Store the settings and close the dialog, unless one of them cannot be used."""
        texts = {setting: setting.entered(_entry(self.editors[setting.key])) for setting in SETTINGS}
        for setting, text in texts.items():
            try:
                if text:
                    setting.parse(text)
            except ValueError as error:
                self._show_error(tr("{label}: {reason}.").format(label=setting.label, reason=error))
                self.editors[setting.key].setFocus()
                return
        for setting, text in texts.items():
            setting.store(text)
        super().accept()

    def _show_stored(self) -> None:
        errors = []
        for setting in SETTINGS:
            try:
                setting.value()
            except InvalidSetting as error:
                errors.append(str(error))
            _show(self.editors[setting.key], setting.shown(), setting)
        self._show_error("\n".join(errors))
        memory = WORKERS.idle_memory()
        text = tr("none") if memory is None else tr("keeps {size} of memory").format(size=format_bytes(memory))
        self.memory_label.setText(text)

    def _show_defaults(self) -> None:
        for setting in SETTINGS:
            _show(self.editors[setting.key], setting.choices.get(setting.default, setting.default), setting)

    def _show_error(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self.resize(self.width(), max(self.height(), self.layout().totalHeightForWidth(self.width())))


def _editor(setting: Setting) -> QWidget:
    if setting.choices:
        editor = QComboBox()
        editor.addItems(setting.choices.values())
        return editor
    if setting.is_file:
        editor = QgsFileWidget()
        editor.lineEdit().setPlaceholderText(setting.empty)
        return editor
    if isinstance(setting.default, bool):
        return QCheckBox(setting.label)
    if isinstance(setting.default, int):
        return _number(QgsSpinBox(), setting, MOST_MINUTES)
    if isinstance(setting.default, float):
        editor = PlainSpinBox()
        editor.setDecimals(DECIMALS)
        return _number(editor, setting, MOST_GB)
    editor = QLineEdit()
    editor.setPlaceholderText(setting.empty)
    return editor


def _number(editor: QgsSpinBox | PlainSpinBox, setting: Setting, largest: float) -> QWidget:
    editor.setRange(0, largest)
    editor.setSpecialValueText(setting.empty)
    editor.setSuffix(f" {setting.unit}" if setting.unit else "")
    editor.setClearValue(setting.default)
    return editor


def _entry(editor: QWidget) -> object:
    """Return what the user has entered."""
    if isinstance(editor, QComboBox):
        return editor.currentText()
    if isinstance(editor, QgsFileWidget):
        return editor.filePath()
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    return editor.text() if isinstance(editor, QLineEdit) else editor.value()


def _show(editor: QWidget, value: object, setting: Setting) -> None:
    if isinstance(editor, QComboBox):
        editor.setCurrentText(str(value))
    elif isinstance(editor, QgsFileWidget):
        editor.setFilePath(str(value))
    elif isinstance(editor, QCheckBox):
        editor.setChecked(value is True)
    elif isinstance(editor, QLineEdit):
        editor.setText(str(value))
    else:
        editor.setValue(value if isinstance(value, (int, float)) else setting.default)
