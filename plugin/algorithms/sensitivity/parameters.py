"""What the sensitivities share: what is thought to change in a cell, and in which measure."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result
from ..parameter_values import ParameterValues
from ..parameters import choice, flag


def changes(options: Sequence[str], of: str, more: str = "") -> list[QgsProcessingParameterDefinition]:
    """Return what changes in a cell, and whether the change is one unit or one percent.

    Parameters
    ----------
    options
        What can change.
    of
        What that changes.
    more
        What else there is to say about the options.
    """
    what = tr(
        "What is thought to change in each cell. Permeability and resistance can both be asked for, whichever the "
        "landscape holds."
    )
    measure = tr(
        "Off: the change of {of} for one unit more in the cell. On: the cell's value times that, the change for a "
        "doubling if it went on at the same rate; a hundredth of it is the effect of one percent."
    )
    return [
        choice("RESPECT_TO", tr("Sensitivity to"), options, f"{what} {more}".rstrip()),
        flag("ELASTICITY", tr("Elasticity (times the value of the cell)"), measure.format(of=of)),
    ]


def band_name(inputs: ParameterValues) -> str:
    """Return what the band of a map of sensitivities is called."""
    form = tr("elasticity to {}") if inputs.flag("ELASTICITY") else tr("sensitivity to {}")
    return form.format(inputs.choice("RESPECT_TO"))


def log_range(result: Result, feedback: QgsProcessingFeedback) -> None:
    """Say in the log from where to where the sensitivities run."""
    if result.metrics["minimum"] is not None:
        feedback.pushInfo(tr("Sensitivities run from {minimum:.4g} to {maximum:.4g}.").format(**result.metrics))
