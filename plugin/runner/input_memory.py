"""Memory that the inputs of a run need at least, known before anything is read."""

from __future__ import annotations

from qgis.core import QgsProcessingFeatureSource, QgsRasterLayer

from ..i18n import tr
from .memory import require_memory

# Bytes per cell in the engine: the least that the graph of a landscape takes. The engine estimates its own memory once
# it has the job; this check avoids reading a raster that could not be computed anyway. QGIS itself holds only blocks.
GRAPH_BYTES = 90

# Bytes of a feature while points are read: its cell, its id and its label.
FEATURE_BYTES = 400


def require_memory_for_landscape(landscape: QgsRasterLayer) -> None:
    """Raise an error if a landscape is too large for any computation.

    Parameters
    ----------
    landscape
        The layer, not yet read.

    Raises
    ------
    OutOfMemory
        Less memory is free.
    """
    cells = landscape.width() * landscape.height()
    what = tr("'{layer}' ({rows:,} × {columns:,} cells)").format(
        layer=landscape.name(), rows=landscape.height(), columns=landscape.width()
    )
    require_memory(cells * GRAPH_BYTES, what)


def require_memory_for_features(source: QgsProcessingFeatureSource) -> None:
    """Raise an error if a layer has more features than fit in memory.

    Raises
    ------
    OutOfMemory
        Less memory is free.
    """
    count = max(0, source.featureCount())
    what = tr("'{layer}' ({count:# feature|# features})").format(layer=source.sourceName(), count=count)
    require_memory(count * FEATURE_BYTES, what)
