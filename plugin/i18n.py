"""Where every text that a user reads goes through."""

from qgis.PyQt.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Translate a text into the language that QGIS is set to.

    Put values in afterwards: ``tr("{count} cells").format(count=3)``.
    """
    return QCoreApplication.translate("Permea", text)
