"""Units of results, for legends."""

from __future__ import annotations

from qgis.core import QgsUnitTypes

from ...i18n import tr
from ..parameter_values import ParameterValues


def length_unit(inputs: ParameterValues) -> str:
    """Return the unit of lengths in the landscape, such as m; "map units" if its coordinate system is not known."""
    crs = inputs.landscape.grid.crs
    return QgsUnitTypes.toAbbreviatedString(crs.mapUnits()) if crs.isValid() else tr("map units")


def cost_unit(inputs: ParameterValues) -> str:
    """Return the unit of costs, which are lengths times resistance; empty for a cost without a unit."""
    has_choice = inputs.has_parameter("COST")
    if has_choice and inputs.choice("COST") != "inverse" and _is_rsp(inputs):
        return ""
    return tr("{length} × resistance").format(length=length_unit(inputs))


def distance_unit(inputs: ParameterValues) -> str:
    """Return the unit of the chosen distance."""
    units = {"resistance": "Ω", "euclidean": length_unit(inputs)}
    return units.get(inputs.choice("DISTANCE")) or cost_unit(inputs)


def sensitivity_unit(unit: str, inputs: ParameterValues) -> str:
    """Return the unit of a sensitivity: that of the quantity per unit of the cell's value, or as it is of elasticities.

    Parameters
    ----------
    unit
        Unit of the quantity that is differentiated; empty if it has none.
    inputs
        Values of the parameters.
    """
    return unit if inputs.flag("ELASTICITY") else tr("{unit} per unit").format(unit=unit).strip()


def _is_rsp(inputs: ParameterValues) -> bool:
    """Return whether costs are those of randomized shortest paths, the only ones with another cost function."""
    return not inputs.has_parameter("DISTANCE") or inputs.choice("DISTANCE") == "rsp"
