"""Rasters of permeability that look like resistance, and the reverse."""

from __future__ import annotations

from ...i18n import tr

# Permeabilities are usually shares of the best habitat, from 0 to 1; resistances multiples of it, from 1 on.
USUAL_LIMIT = 1.0
# Permeabilities up to a few units occur; so far above 1 the values are more often resistances.
FAR_ABOVE_LIMIT = 10.0


def range_warning(name: str, values: str, lowest: float, highest: float) -> str:
    """Return a warning if the range of a raster or table is that of the other quantity; empty if it is not.

    Parameters
    ----------
    name
        Name of the layer.
    values
        Quantity that it is said to hold: ``"permeability"`` or ``"resistance"``.
    lowest, highest
        Its smallest positive and its largest value.

    Examples
    --------
    >>> range_warning("land", "permeability", 0.02, 1.0)
    ''
    """
    extremes = {"layer": name, "lowest": f"{lowest:.6g}", "highest": f"{highest:.6g}"}
    if values == "permeability" and highest >= FAR_ABOVE_LIMIT:
        return tr(
            "'{layer}' is said to hold permeability, but has values up to {highest}, as resistances do; permeabilities "
            "are usually at most 1. Cells of {highest} count as the easiest to cross. If they are the hardest, choose "
            "resistance."
        ).format(**extremes)
    if values == "resistance" and lowest < USUAL_LIMIT and highest <= USUAL_LIMIT:
        return tr(
            "'{layer}' is said to hold resistance, but all its values lie between 0 and 1 ({lowest} to {highest}), as "
            "permeabilities do; resistances are usually at least 1. Cells of {highest} count as the hardest to cross. "
            "If they are the easiest, choose permeability."
        ).format(**extremes)
    return ""
