"""Parameters and log lines that the sensitivity algorithms share."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result
from ..formatting import format_number
from ..outputs import NumberOutput, with_captions
from ..parameter_types import boolean, choice
from ..parameter_values import ParameterValues

VARIABLE_LABELS = {
    "permeability": tr("Permeability"),
    "resistance": tr("Resistance"),
    "quality": tr("Habitat quality"),
    "sources": tr("Source strength"),
}


#: Captions of the range of a map of elasticities.
ELASTICITY_CAPTIONS = {"minimum": tr("Smallest elasticity"), "maximum": tr("Largest elasticity")}


def with_elasticity_captions(outputs: Sequence[NumberOutput]) -> tuple[NumberOutput, ...]:
    """Return the numbers of a sensitivity map, which reports of elasticities call elasticities."""
    return with_captions(outputs, ELASTICITY_CAPTIONS, lambda inputs: inputs.flag("ELASTICITY"))


def sensitivity_parameters(
    variables: Sequence[str], quantity: str, note: str = ""
) -> list[QgsProcessingParameterDefinition]:
    """Return the variable of the derivative, and the choice between sensitivity and elasticity.

    Parameters
    ----------
    variables
        Keys of `VARIABLE_LABELS`, the default first.
    quantity
        The quantity that is differentiated.
    note
        A sentence about the variables to append to the help.
    """
    text = tr(
        "The variable with respect to which the derivative is taken: permeability or resistance of each cell, "
        "whichever of them the landscape holds."
    )
    elasticity = tr(
        "Off: the change of {quantity} per unit added to the cell. On: the cell's value times this derivative; a "
        "hundredth of it is the effect of a change by one percent."
    )
    return [
        choice(
            "RESPECT_TO", tr("Sensitivity to"), {v: VARIABLE_LABELS[v] for v in variables}, f"{text} {note}".rstrip()
        ),
        boolean(
            "ELASTICITY", tr("Relative to the value of the cell (elasticity)"), elasticity.format(quantity=quantity)
        ),
    ]


def band_name(inputs: ParameterValues) -> str:
    """Return the band name of a sensitivity map."""
    form = tr("elasticity to {}") if inputs.flag("ELASTICITY") else tr("sensitivity to {}")
    return form.format(inputs.choice("RESPECT_TO"))


def log_range(result: Result, feedback: QgsProcessingFeedback) -> None:
    """Log the range of the sensitivities."""
    if result.metrics["minimum"] is not None:
        limits = {name: format_number(result.metrics[name]) for name in ("minimum", "maximum")}
        feedback.pushInfo(tr("Sensitivities range from {minimum} to {maximum}.").format(**limits))
