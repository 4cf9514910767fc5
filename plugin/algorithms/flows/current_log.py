"""Log lines that the current algorithms share."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback

from ...i18n import tr


def log_conservation(kcl_residual: float, feedback: QgsProcessingFeedback) -> None:
    """Log the largest violation of Kirchhoff's current law, relative to the largest current."""
    text = tr("Current is conserved to {residual:.1e} of the largest current (Kirchhoff's current law).")
    feedback.pushInfo(text.format(residual=kcl_residual))
