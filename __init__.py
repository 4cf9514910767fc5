"""Permea: landscape connectivity in QGIS, with a differentiable engine.

QGIS reads `classFactory` below; nothing is imported before QGIS asks for it, so that `import permea.engine`
works in a Python without QGIS and QGIS starts without the engine.
"""


def classFactory(iface):  # noqa: N802  (the name QGIS looks for)
    """Return the plugin that QGIS loads.

    Parameters
    ----------
    iface
        The `QgisInterface` of the running QGIS, or None in `qgis_process`.

    Returns
    -------
    PermeaPlugin
        An object with `initGui`, `initProcessing` and `unload`.
    """
    from .ui.plugin import PermeaPlugin

    return PermeaPlugin(iface)
