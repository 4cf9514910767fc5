"""The size of the compiled code on disk, and a button that deletes it."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ..plugin import engine_environment
from ..plugin.byte_sizes import folder_bytes, format_bytes
from ..plugin.i18n import tr
from ..plugin.system_errors import system_reason
from .engine_info import clear_folder
from .labels import selectable_label


class CacheWidget(QWidget):
    """Show how much compiled code there is and where; delete it.

    Parameters
    ----------
    parent
        Parent widget.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = selectable_label(tr("Compiled code"))
        self.clear_button = QPushButton(tr("C&lear"))
        self.clear_button.setToolTip(tr("Delete the compiled code. The next runs will start a few seconds slower."))
        self.clear_button.clicked.connect(self._clear)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.label, 1)
        line.addWidget(self.clear_button, 0, Qt.AlignmentFlag.AlignTop)
        self.refresh()

    def refresh(self) -> None:
        """Read the size again."""
        folder = engine_environment.cache_folder()
        size = folder_bytes(folder)
        self.label.setText(tr("{size} in {folder}").format(size=format_bytes(size), folder=folder))
        self.clear_button.setEnabled(size > 0)

    def _clear(self) -> None:
        folder = engine_environment.cache_folder()
        try:
            clear_folder(folder)
        except OSError as error:
            self.refresh()
            text = tr("The compiled code in {folder} cannot be deleted: {reason}.")
            self.label.setText(text.format(folder=folder, reason=system_reason(error)))
        else:
            self.refresh()
