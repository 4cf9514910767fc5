"""Bands of a raster that a run does not read."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsRaster, QgsRasterLayer

from ...i18n import tr


def warn_about_other_bands(layer: QgsRasterLayer, feedback: QgsProcessingFeedback) -> None:
    """Warn that of a raster with several bands only the first one is used.

    Parameters
    ----------
    layer
        The raster; bands of transparency, by which cells are masked, do not count.
    feedback
        Receives the warning.
    """
    provider = layer.dataProvider()
    bands = range(1, layer.bandCount() + 1)
    alpha = QgsRaster.ColorInterpretation.AlphaBand
    count = sum(provider.colorInterpretation(band) != alpha for band in bands) if provider is not None else 0
    if count > 1:
        text = tr(
            "'{layer}' has {count} bands, of which only the first is used. To use another one, export it to a raster "
            "of its own (Raster ▸ Conversion ▸ Translate, with the additional parameter '-b 2' for the second)."
        )
        feedback.pushWarning(text.format(layer=layer.name(), count=count))
