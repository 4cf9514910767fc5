"""The exception that a cancelled algorithm raises."""

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from .i18n import tr


class Cancelled(QgsProcessingException):
    """The user cancelled. Not a failure: the algorithm returns the results it has."""


def stop_if_cancelled(feedback: QgsProcessingFeedback) -> None:
    """Raise `Cancelled` if the user has cancelled."""
    if feedback.isCanceled():
        raise Cancelled(tr("Cancelled."))
