"""User interface of Permea: the plugin class, the dialogs of engine and settings, parameter widgets, the explorer.

This package holds Qt code only, no computation. QGIS creates `plugin.PermeaPlugin` through `classFactory`.
"""
