"""Is this raster a landscape? Refuse in plain language what would give a wrong map."""

from __future__ import annotations

from .frame import Raster


def check_landscape(raster: Raster, values: str) -> None:
    """Refuse a raster that cannot be a landscape.

    Parameters
    ----------
    raster
        What `read_raster` returned.
    values
        ``"permeability"`` or ``"resistance"``: what the raster holds.

    Raises
    ------
    QgsProcessingException
        Negative, infinite or NaN values among the valid cells, zero resistance, or no valid cell at all; the message
        counts the cells and says where the first one is (row and column counted from 1). Zero permeability is
        fine: a barrier.
    """
    raise NotImplementedError
