"""The plugin adds its provider and its menu entry to QGIS, and removes them."""

from qgis.core import QgsApplication


def test_unload_removes_provider(qgis_app, qgis_processing):
    from permea.ui.plugin import PermeaPlugin

    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    plugin.unload()
    assert QgsApplication.processingRegistry().providerById("permea") is None


def test_menu_opens_engine_dialog_and_is_removed(qgis_iface, qgis_processing, monkeypatch):
    from permea.ui import engine_dialog
    from permea.ui.plugin import PermeaPlugin

    opened, added, removed = [], [], []
    monkeypatch.setattr(qgis_iface, "addPluginToMenu", lambda menu, action: added.append((menu, action)))
    monkeypatch.setattr(
        qgis_iface, "removePluginMenu", lambda menu, action: removed.append((menu, action)), raising=False
    )
    monkeypatch.setattr(engine_dialog.EngineDialog, "exec", lambda self: opened.append(self))
    plugin = PermeaPlugin(qgis_iface)
    plugin.initGui()
    [(menu, action)] = added
    assert (menu, action.text()) == ("&Permea", "Engine…")
    action.trigger()
    assert len(opened) == 1
    plugin.unload()
    assert removed == added
