"""The texts of the explorer: what its maps and numbers are, with units."""

from __future__ import annotations

from ...plugin.algorithms.formatting import format_number
from ...plugin.i18n import tr

DISTANCES = {
    "leastcost": tr("Least cost"),
    "resistance": tr("Resistance (current)"),
    "rsp": tr("Randomized shortest paths"),
}

QUANTITIES = {
    "distance": tr("Distance to the place"),
    "flow": tr("Movement to the place"),
    "sensitivity": tr("Sensitivity (per unit)"),
    "elasticity": tr("Elasticity (relative change)"),
}

COST_UNIT = tr("map units × resistance")

MAP_TITLES = {
    ("distance", "leastcost"): tr("Cost to the place ({unit})").format(unit=COST_UNIT),
    ("distance", "resistance"): tr("Voltage above the place (V, for 1 A)"),
    ("distance", "rsp"): tr("Expected cost to the place ({unit})").format(unit=COST_UNIT),
    ("flow", "leastcost"): tr("Share of the least-cost paths"),
    ("flow", "resistance"): tr("Current (A, of 1 A)"),
    ("flow", "rsp"): tr("Share of the individuals (net)"),
}

MEANS = {
    "leastcost": tr("Mean cost to the place"),
    "resistance": tr("Mean voltage"),
    "rsp": tr("Mean expected cost to the place"),
}


def map_title(quantity: str, distance: str, values: str, *, change: bool) -> str:
    """Return what a map shows, with its unit.

    Parameters
    ----------
    quantity, distance
        Keys of `QUANTITIES` and `DISTANCES`.
    values
        "permeability" or "resistance", the quantity of the raster.
    change
        Whether the map shows after − before.
    """
    variable = tr("permeability") if values == "permeability" else tr("resistance")
    if quantity == "sensitivity":
        title = tr("Change of the mean per unit of {variable}").format(variable=variable)
    elif quantity == "elasticity":
        title = tr("Change of the mean per relative change of {variable}").format(variable=variable)
    else:
        title = MAP_TITLES[quantity, distance]
    return tr("After − before: {title}").format(title=title) if change else title


def unit_of(distance: str) -> str:
    """Return the unit of a mean distance."""
    return tr("V (for 1 A)") if distance == "resistance" else COST_UNIT


def mean_text(distance: str, mean: float | None, *, origins: int, preview: bool) -> str:
    """Return the mean distance of the origins as a sentence.

    Parameters
    ----------
    distance
        A key of `DISTANCES`.
    mean
        None if no origin can reach the place.
    origins
        Number of marked origins; 0 for everywhere.
    preview
        Whether the number comes from a coarse raster.
    """
    if mean is None:
        return tr("No origin can reach this place.")
    name = tr("Effective resistance") if distance == "resistance" and origins == 1 else MEANS[distance]
    unit = tr("Ω") if distance == "resistance" and origins == 1 else unit_of(distance)
    about = "≈ " if preview else ""
    return tr("{name}: {about}{mean} {unit}").format(name=name, about=about, mean=format_number(mean), unit=unit)


def change_text(mean: float | None, before: float | None) -> str:
    """Return the change of the mean by painting as a sentence; empty if there is none to compare."""
    if mean is None or before is None:
        return tr("Painting cuts off all origins, or connects the first ones.") if mean != before else ""
    change = mean - before
    percent = tr(" ({percent:+.3g} %)").format(percent=100 * change / before) if before else ""
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return tr("Before painting: {before}. Change: {sign}{change}{percent}").format(
        before=format_number(before), sign=sign, change=format_number(abs(change)), percent=percent
    )


def colour_text(quantity: str, values: str, *, change: bool) -> str:
    """Return what the colours around zero mean; empty if the map has no negative values."""
    variable = tr("permeability") if values == "permeability" else tr("resistance")
    if quantity in ("sensitivity", "elasticity") and not change:
        text = tr("Blue: more {variable} brings the place closer. Red: it moves the place away.")
        return text.format(variable=variable)
    if not change:
        return ""
    if quantity == "distance":
        return tr("Blue: closer than before painting. Red: farther.")
    if quantity == "flow":
        return tr("Blue: less movement than before painting. Red: more.")
    return tr("Blue: lower than before painting. Red: higher.")
