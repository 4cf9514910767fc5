"""The windows of Permea: the engine dialog and what hooks the plugin into QGIS.

Only Qt and QGIS's interface live here, no computation. QGIS itself asks for
`main.PermeaPlugin`, through `classFactory`.
"""
