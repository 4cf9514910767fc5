"""Widgets of parameters in QGIS's dialogs, which QGIS imports by the paths in the parameters' metadata."""
