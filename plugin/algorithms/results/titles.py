"""What the results of several algorithms show, in words for the names of their layers."""

from __future__ import annotations

from ...distance_registry import distance_info
from ...i18n import tr
from ..formatting import typeset
from ..parameter_values import ParameterValues

# What randomized shortest paths measure.
MEASURES = {
    "expected_cost": tr("expected cost"),
    "free_energy": tr("free energy"),
    "survival": tr("survival probability"),
}


def named_distance(inputs: ParameterValues) -> str:
    """Return the chosen distance in words, with θ if it depends on it."""
    info = distance_info(inputs.choice("DISTANCE"))
    if "theta" in info.parameters:
        measure = inputs.choice("MEASURE") if inputs.has_parameter("MEASURE") else "expected_cost"
        return with_theta(MEASURES[measure], inputs)
    return tr("Euclidean distance") if info.name == "euclidean" else tr(info.label)


def with_theta(title: str, inputs: ParameterValues) -> str:
    """Return a title with the value of θ."""
    theta = typeset(f"{inputs.number('THETA'):g}")
    return tr("{title} (θ = {theta})").format(title=title, theta=theta)


def with_distance(title: str, inputs: ParameterValues) -> str:
    """Return a title with the chosen distance."""
    return tr("{title} by {distance}").format(title=title, distance=named_distance(inputs))


def sensitivity_title(quantity: str, inputs: ParameterValues) -> str:
    """Return the title of a sensitivity map.

    Parameters
    ----------
    quantity
        The quantity that is differentiated.
    inputs
        Values of ``RESPECT_TO`` and ``ELASTICITY``; permeability, the usual variable, is not named.
    """
    variables = {
        "permeability": "",
        "resistance": tr("resistance"),
        "quality": tr("habitat quality"),
        "sources": tr("source strength"),
    }
    title = tr("Elasticity of {quantity}") if inputs.flag("ELASTICITY") else tr("Sensitivity of {quantity}")
    if variable := variables[inputs.choice("RESPECT_TO")]:
        title = tr("{title} to {variable}").format(title=title, variable=variable)
    return title.format(quantity=quantity)
