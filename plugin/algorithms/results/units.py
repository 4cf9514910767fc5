"""Units of results, for legends and reports."""

from __future__ import annotations

from ...i18n import tr
from ..parameter_values import ParameterValues

# Units as band names give them.
WORDS = {"Ω": tr("ohm"), "A": tr("ampere"), "V": tr("volt")}

#: Unit of numbers that are fractions of the least cost, and how headings give it.
OF_LEAST_COST, FRACTION = tr("of the least cost"), tr("fraction of the least cost")


def with_unit(quantity: str, unit: str) -> str:
    """Return a quantity with its unit, as headings give it.

    Examples
    --------
    >>> with_unit("cost", "m × resistance"), with_unit("survival probability", "")
    ('cost, m × resistance', 'survival probability')
    """
    unit = FRACTION if unit == OF_LEAST_COST else unit
    return tr("{quantity}, {unit}").format(quantity=quantity, unit=unit) if unit else quantity


def without_unit(quantity: str, unit: str) -> str:
    """Return a quantity without its unit, which the names of many bands give.

    Examples
    --------
    >>> without_unit("effective resistance, ohm", "Ω")
    'effective resistance'
    """
    for text in (unit, WORDS.get(unit, unit)):
        quantity = quantity.removesuffix(with_unit("", text)) if text else quantity
    return quantity


def length_unit(inputs: ParameterValues) -> str:
    """Return the unit of lengths in the landscape, such as m; "map units" if its coordinate system is not known."""
    return inputs.landscape.grid.unit


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
