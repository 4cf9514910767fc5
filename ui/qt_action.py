"""`QAction`, which Qt 6 has moved from its widgets to its GUI classes."""

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:
    from qgis.PyQt.QtWidgets import QAction

__all__ = ["QAction"]
