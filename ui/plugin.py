"""The plugin class, which QGIS loads and unloads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsLayerTreeLayer, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QDockWidget, QPushButton

from ..plugin.engine_environment import engine_python
from ..plugin.engine_errors import EngineNotFound
from ..plugin.engine_folders import current_engine, is_outdated
from ..plugin.engine_offer import set_engine_offer
from ..plugin.i18n import tr
from ..plugin.provider import PermeaProvider
from ..plugin.runner import WORKERS
from ..plugin.settings import stored_settings
from .qt_action import QAction

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


class PermeaPlugin:
    """The plugin: a Processing provider, and menu entries for the engine, the settings and the explorer.

    Parameters
    ----------
    iface
        `QgisInterface` of QGIS, or None in `qgis_process`, which only calls `initProcessing`.
    """

    def __init__(self, iface) -> None:
        self.iface = iface
        self.provider: PermeaProvider | None = None
        self.actions: list[QAction] = []
        self.explorer = None
        self.engine_message = None

    def initProcessing(self) -> None:
        """Add Permea's algorithms and models to the Processing toolbox."""
        self.provider = PermeaProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # Refresh once the provider is registered: its models look up their algorithms in the registry.
        self.provider.refreshAlgorithms()
        QgsApplication.instance().aboutToQuit.connect(WORKERS.close)

    def initGui(self) -> None:
        """Add the provider and the menu entries *Engine…*, *Settings…*, *Explorer* and *Tutorial*."""
        self.initProcessing()
        tip = tr("Show or change the engine that Permea uses")
        self._add_action("permeaEngine", tr("Engine…"), tip, self.open_engine_dialog)
        tip = tr("Device, threads and memory of the engine, cluster, compiled code")
        self._add_action("permeaSettings", tr("Settings…"), tip, self.open_settings_dialog)
        tip = tr("Show movement to the place under the mouse, and paint the landscape")
        self._add_action("permeaExplorerAction", tr("Explorer"), tip, self.open_explorer, "explorer")
        self.iface.addToolBarIcon(self.actions[-1])
        tip = tr("Five steps to the first maps, in the browser")
        self._add_action("permeaTutorial", tr("Tutorial"), tip, open_tutorial)
        set_engine_offer(self.open_engine_dialog)
        if self.iface.mainWindow().isVisible():
            self._offer_engine()
        else:
            self.iface.initializationCompleted.connect(self._offer_engine)

    def _add_action(self, name: str, text: str, tip: str, slot: Callable[[], None], icon: str = "permea") -> None:
        action = QAction(icon_named(icon), text, self.iface.mainWindow())
        action.setObjectName(name)
        action.setStatusTip(tip)
        action.triggered.connect(lambda _=False: slot())
        self.iface.addPluginToMenu(self.menu(), action)
        self.actions.append(action)

    def _offer_engine(self) -> None:
        """Show a message that opens the engine dialog if no engine is installed, or one of another version."""
        try:
            origin = engine_python()[1]
        except EngineNotFound:
            self._show_engine_message(tr("One step is left before the first map: install the engine."), tr("Install…"))
            return
        if origin == "profile" and is_outdated(current_engine()):
            text = tr("This version comes with another engine. The installed one is kept until the new one works.")
            self._show_engine_message(text, tr("Update…"))

    def _show_engine_message(self, text: str, label: str) -> None:
        bar = self.iface.messageBar()
        message = bar.createMessage("Permea", text)
        button = QPushButton(label)
        button.clicked.connect(lambda _=False: self.open_engine_dialog())
        message.layout().addWidget(button)
        self.engine_message = bar.pushWidget(message, Qgis.MessageLevel.Info)

    def _remove_engine_message(self) -> None:
        message, self.engine_message = self.engine_message, None
        if message is not None:
            with contextlib.suppress(RuntimeError):  # closed by the user, and deleted by Qt
                self.iface.messageBar().popWidget(message)

    def unload(self) -> None:
        """Remove everything that `initGui` or `initProcessing` added."""
        self._remove_engine_message()
        set_engine_offer(None)
        if self.explorer is not None:
            self.explorer.unload()
            self.iface.removeDockWidget(self.explorer)
            self.explorer.deleteLater()
            self.explorer = None
        for action in self.actions:
            self.iface.removePluginMenu(self.menu(), action)
            self.iface.removeToolBarIcon(action)
            action.deleteLater()
        self.actions.clear()
        if self.provider is not None:
            QgsApplication.instance().aboutToQuit.disconnect(WORKERS.close)
            WORKERS.close()
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    def open_engine_dialog(self, for_run: bool = False) -> None:
        """Show the engine dialog, then refresh the toolbox, because the engine may have changed.

        Parameters
        ----------
        for_run
            Whether a run waits for the engine: the dialog then closes once it is installed.
        """
        # Imported here because `qgis_process` has no windows, and to keep QGIS's start fast.
        from .engine_dialog import EngineDialog

        self._remove_engine_message()
        dialog = EngineDialog(self.iface.mainWindow(), self.load_sample, self.open_toolbox, for_run=for_run)
        dialog.exec()
        dialog.deleteLater()
        self.provider.refreshAlgorithms()

    def open_settings_dialog(self) -> None:
        """Show the settings, then refresh the toolbox, because they are defaults of parameters."""
        from .settings_dialog import SettingsDialog

        before = stored_settings()
        if SettingsDialog(self.iface.mainWindow()).exec() and stored_settings() != before:
            WORKERS.close()  # it would not be used again, and keeps memory
            self.provider.refreshAlgorithms()

    def open_explorer(self) -> None:
        """Show the explorer, with the active layer if it is a raster."""
        # Imported here for the same reasons as the engine dialog.
        from .explorer.dock import ExplorerDock

        if self.explorer is None:
            self.explorer = ExplorerDock(self.iface, self.open_engine_dialog)
            self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.explorer)
        self.explorer.propose(self.iface.activeLayer())
        self.explorer.setUserVisible(True)

    def load_sample(self) -> None:
        """Open the dialog of the algorithm that loads the sample data, then make the landscape the active layer.

        Dialogs of algorithms propose the active layer, and nothing where a table is the active one. Their results come
        above it, and therefore it above the other raster.
        """
        from processing import execAlgorithmDialog

        landscape = (execAlgorithmDialog("permea:loadsampledata", {}) or {}).get("PERMEABILITY")
        for layer in list(QgsProject.instance().mapLayers().values()):
            if landscape in (layer.id(), layer.source()):
                move_above_rasters(layer)
                self.iface.setActiveLayer(layer)

    def open_toolbox(self) -> None:
        """Show Permea's algorithms in the Processing toolbox."""
        toolbox = self.iface.mainWindow().findChild(QDockWidget, "ProcessingToolbox")
        if toolbox is not None:
            toolbox.setVisible(True)
            toolbox.raise_()
            toolbox.searchBox.setText("permea")

    @staticmethod
    def menu() -> str:
        """Return the title of Permea's submenu of *Plugins*."""
        return tr("&Permea")


def icon_named(name: str) -> QIcon:
    """Return one of the plugin's icons."""
    return QIcon(str(RESOURCES / "icons" / f"{name}.svg"))


def open_tutorial() -> None:
    """Open the tutorial, a page of the package, in the browser."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(RESOURCES / "help" / "tutorial.html")))


def move_above_rasters(layer: QgsRasterLayer) -> None:
    """Move a raster above all others in the layer tree, if it is in no group."""
    root = QgsProject.instance().layerTreeRoot()
    nodes = [node for node in root.children() if isinstance(node, QgsLayerTreeLayer)]
    rasters = [node for node in nodes if isinstance(node.layer(), QgsRasterLayer)]
    moved = next((node for node in rasters if node.layerId() == layer.id()), None)
    if moved is not None and moved is not rasters[0]:
        root.insertChildNode(root.children().index(rasters[0]), moved.clone())
        root.removeChildNode(moved)
