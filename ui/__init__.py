"""User interface of Permea: the engine dialog, parameter widgets and the plugin class.

This package holds Qt code only, no computation. QGIS creates `plugin.PermeaPlugin` through `classFactory`.
"""
