"""Parameters and outputs of algorithms about all habitat at once: its quality, and landmarks (coarse targets)."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition, QgsProcessingParameterRasterLayer

from ...i18n import tr
from ...runner import Result
from ..outputs import NumberOutput
from ..pair_tables import warn_about_excluded_pairs
from ..parameter_types import number, with_help
from ..parameters import alignment_note

DEFAULT_LANDMARK_WIDTH = 20


def habitat(*, optional: bool) -> list[QgsProcessingParameterDefinition]:
    """Return the raster of habitat quality."""
    text = tr("Habitat quality of each cell, 0 or more. Its first band is used.") + f" {alignment_note()}"
    if optional:
        text += " " + tr("Choose either sources or habitat quality.")
    return [with_help(QgsProcessingParameterRasterLayer("QUALITY", tr("Habitat quality"), optional=optional), text)]


def landmarks() -> QgsProcessingParameterDefinition:
    """Return the width of the blocks of cells that share a target."""
    return number(
        "LANDMARKS",
        tr("Width of the blocks that share a target, in cells"),
        DEFAULT_LANDMARK_WIDTH,
        tr(
            "Each target requires one computation. To reduce their number, the habitat of each block of this width is "
            "concentrated in the cell nearest to its centre (ConScape's landmarks). 1 makes every habitat cell a "
            "target, which is exact and feasible for small landscapes only. Halve the width and compare the maps to "
            "see its effect."
        ),
        minimum=1,
        integer=True,
    )


def landmark_outputs() -> tuple[NumberOutput, ...]:
    """Return the numbers about targets and pairs."""
    return (
        NumberOutput("targets", tr("Targets")),
        NumberOutput("pairs", tr("Connected pairs of a cell and a target")),
        NumberOutput("unreachable_pairs", tr("Pairs excluded because no path connects them")),
    )


def log_landmarks(result: Result, feedback: QgsProcessingFeedback) -> None:
    """Log the numbers of pairs and of targets, and warn about excluded pairs."""
    feedback.pushInfo(
        tr("{pairs:# pair|# pairs} of a cell and one of {targets:# target|# targets}.").format(**result.metrics)
    )
    warn_about_excluded_pairs(result.metrics["unreachable_pairs"], feedback)
