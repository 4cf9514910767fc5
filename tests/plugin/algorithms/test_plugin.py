"""The plugin adds its provider and its menu entries to QGIS, and removes them."""

from qgis.core import QgsApplication, QgsProject, QgsVectorLayer


def test_unload_removes_provider(qgis_app, qgis_processing):
    from permea.ui.plugin import PermeaPlugin

    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    plugin.unload()
    assert QgsApplication.processingRegistry().providerById("permea") is None


def test_menu_opens_dialogs_and_is_removed(qgis_iface, qgis_processing, monkeypatch):
    from permea.ui import engine_dialog, settings_dialog
    from permea.ui import plugin as plugin_module
    from permea.ui.plugin import PermeaPlugin

    opened, added, removed = [], [], []
    monkeypatch.setattr(qgis_iface, "addPluginToMenu", lambda menu, action: added.append((menu, action)))
    monkeypatch.setattr(
        qgis_iface, "removePluginMenu", lambda menu, action: removed.append((menu, action)), raising=False
    )
    toolbar = []
    monkeypatch.setattr(qgis_iface, "addToolBarIcon", toolbar.append, raising=False)
    monkeypatch.setattr(
        qgis_iface, "removeToolBarIcon", lambda action: action in toolbar and toolbar.remove(action), raising=False
    )
    monkeypatch.setattr(PermeaPlugin, "open_explorer", lambda self: opened.append("explorer"))
    monkeypatch.setattr(engine_dialog.EngineDialog, "exec", lambda self: opened.append("engine"))
    monkeypatch.setattr(settings_dialog.SettingsDialog, "exec", lambda self: opened.append("settings"))
    monkeypatch.setattr(plugin_module, "open_tutorial", lambda: opened.append("tutorial"))
    plugin = PermeaPlugin(qgis_iface)
    plugin.initGui()
    assert {menu for menu, _ in added} == {"&Permea"}
    assert [action.text() for _, action in added] == ["Engine…", "Settings…", "Explorer", "Tutorial"]
    assert [action.text() for action in toolbar] == ["Explorer"]
    for _, action in added:
        action.trigger()
    assert opened == ["engine", "settings", "explorer", "tutorial"]
    plugin.unload()
    assert removed == added
    assert not toolbar


def test_files_of_layers_are_remembered_while_the_provider_is_loaded(qgis_app, qgis_processing, monkeypatch):
    from permea.plugin import provider

    seen = []
    monkeypatch.setattr(provider, "remember_loaded", seen.extend)
    registry, project = QgsApplication.processingRegistry(), QgsProject.instance()
    loaded = provider.PermeaProvider()
    registry.addProvider(loaded)
    project.addMapLayer(QgsVectorLayer("Point", "first", "memory"), False)
    registry.removeProvider(loaded)
    project.addMapLayer(QgsVectorLayer("Point", "second", "memory"), False)
    project.clear()
    assert len(seen) == 1
