"""What QGIS calls when the plugin is switched on and off."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtWidgets import QAction

from ..plugin.i18n import tr
from ..plugin.provider import PermeaProvider


class PermeaPlugin:
    """The plugin as QGIS sees it: a Processing provider, and a menu entry for the engine.

    Parameters
    ----------
    iface
        The `QgisInterface` of the running QGIS, or None in `qgis_process`, which only calls `initProcessing`.
    """

    def __init__(self, iface) -> None:
        self.iface = iface
        self.provider: PermeaProvider | None = None
        self.engine_action: QAction | None = None

    def initProcessing(self) -> None:
        """Put Permea's algorithms and models into the Processing toolbox."""
        self.provider = PermeaProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # Again, now that it stands in the registry: its models look there for the algorithms they chain.
        self.provider.refreshAlgorithms()

    def initGui(self) -> None:
        """Add the provider and the menu entry *Permea ▸ Engine…*."""
        self.initProcessing()
        self.engine_action = QAction(self.provider.icon(), tr("Engine…"), self.iface.mainWindow())
        self.engine_action.setObjectName("permeaEngine")
        self.engine_action.setStatusTip(tr("Show which engine Permea computes with, and choose another"))
        self.engine_action.triggered.connect(self.open_engine_dialog)
        self.iface.addPluginToMenu(self.menu(), self.engine_action)

    def unload(self) -> None:
        """Take everything out again that `initGui` or `initProcessing` put in."""
        if self.engine_action is not None:
            self.iface.removePluginMenu(self.menu(), self.engine_action)
            self.engine_action.deleteLater()
            self.engine_action = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    def open_engine_dialog(self) -> None:
        """Show the dialog about the engine; refresh the toolbox afterwards, the engine may have changed."""
        # Imported here: `qgis_process` has no windows, and QGIS should start without the dialog.
        from .engine_dialog import EngineDialog

        EngineDialog(self.iface.mainWindow()).exec()
        self.provider.refreshAlgorithms()

    @staticmethod
    def menu() -> str:
        """Return the name of the submenu of *Plugins* that holds Permea's entries."""
        return tr("&Permea")
