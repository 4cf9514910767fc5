"""Field types: `QMetaType` since QGIS 3.38, because Qt 6 has no others; `QVariant` before."""

from __future__ import annotations

from qgis.core import Qgis

if Qgis.QGIS_VERSION_INT >= 33800:
    from qgis.PyQt.QtCore import QMetaType

    INTEGER, REAL, TEXT = QMetaType.Type.LongLong, QMetaType.Type.Double, QMetaType.Type.QString
else:
    from qgis.PyQt.QtCore import QVariant

    INTEGER, REAL, TEXT = QVariant.Type.LongLong, QVariant.Type.Double, QVariant.Type.String

FIELD_TYPES = {"integer": INTEGER, "real": REAL, "text": TEXT}
