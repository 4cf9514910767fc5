"""What the name of a band says about the values of a landscape."""

from __future__ import annotations

from ..plugin.algorithms.parameters import LANDSCAPE_VALUES


def band_meaning(layer: object, band: object) -> str:
    """Return "permeability" or "resistance" if a band of a raster is called so; empty otherwise."""
    number = int(band) if isinstance(band, (int, str)) and str(band).isdecimal() else 1
    if layer is None or not 1 <= number <= layer.bandCount():
        return ""
    # QGIS calls a band by its number and its description: "Band 1: permeability".
    name = layer.bandName(number).rpartition(":")[2].strip().lower()
    return name if name in LANDSCAPE_VALUES else ""
