"""The one way in which a user's cancel travels through the plugin."""

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from .i18n import tr


class Cancelled(QgsProcessingException):
    """The user cancelled. Not a failure: an algorithm returns what it has."""


def stop_if_cancelled(feedback: QgsProcessingFeedback) -> None:
    """Raise `Cancelled` where the user has asked to stop."""
    if feedback.isCanceled():
        raise Cancelled(tr("Cancelled."))
