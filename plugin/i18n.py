"""Translation of the texts that users read."""

from qgis.PyQt.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Translate a text into the language that QGIS is set to.

    Insert values after translating: ``tr("{count} cells").format(count=3)``.
    """
    return QCoreApplication.translate("Permea", text)
