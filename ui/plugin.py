"""The plugin class, which QGIS loads and unloads."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtWidgets import QAction

from ..plugin.i18n import tr
from ..plugin.provider import PermeaProvider


class PermeaPlugin:
    """The plugin: a Processing provider and a menu entry for the engine dialog.

    Parameters
    ----------
    iface
        `QgisInterface` of QGIS, or None in `qgis_process`, which only calls `initProcessing`.
    """

    def __init__(self, iface) -> None:
        self.iface = iface
        self.provider: PermeaProvider | None = None
        self.engine_action: QAction | None = None

    def initProcessing(self) -> None:
        """Add Permea's algorithms and models to the Processing toolbox."""
        self.provider = PermeaProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # Refresh once the provider is registered: its models look up their algorithms in the registry.
        self.provider.refreshAlgorithms()

    def initGui(self) -> None:
        """Add the provider and the menu entry *Permea ▸ Engine…*."""
        self.initProcessing()
        self.engine_action = QAction(self.provider.icon(), tr("Engine…"), self.iface.mainWindow())
        self.engine_action.setObjectName("permeaEngine")
        self.engine_action.setStatusTip(tr("Show or change the engine that Permea uses"))
        self.engine_action.triggered.connect(self.open_engine_dialog)
        self.iface.addPluginToMenu(self.menu(), self.engine_action)

    def unload(self) -> None:
        """Remove everything that `initGui` or `initProcessing` added."""
        if self.engine_action is not None:
            self.iface.removePluginMenu(self.menu(), self.engine_action)
            self.engine_action.deleteLater()
            self.engine_action = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    def open_engine_dialog(self) -> None:
        """Show the engine dialog, then refresh the toolbox, because the engine may have changed."""
        # Imported here because `qgis_process` has no windows, and to keep QGIS's start fast.
        from .engine_dialog import EngineDialog

        EngineDialog(self.iface.mainWindow()).exec()
        self.provider.refreshAlgorithms()

    @staticmethod
    def menu() -> str:
        """Return the title of Permea's submenu of *Plugins*."""
        return tr("&Permea")
